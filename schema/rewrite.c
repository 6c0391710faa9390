/* SPDX-License-Identifier: MIT */
/*
** Rewriting a flow file: closing a live one, or making an old one live again. Groups are merged
** column by column, so that what is in memory is one group's columns, not its rows.
*/
#include "rewrite.h"
#include "counters.h"
#include "early.h"
#include "meta.h"
#include "newfile.h"
#include "option.h"
#include "rollup.h"
#include "statistics.h"

#include <stdio.h>

struct rewrite {
    enum fvt_state state;
    enum group_effort effort;
    struct newfile to;
    struct fvt_buffer out;         /* what is not written yet; to.end octets were before it */
    struct fvt_buffer directories; /* of the footer: payload offset, length, directory */
    uint32_t ngroups;
    struct group *group; /* being filled */
    struct group *early; /* flows of groups that are written which go to one of their own */
    uint64_t octets;     /* of the dictionaries that went into it, at least */
    bool parted;         /* it has some rows of a source's group only */
    uint64_t rows, damaged;
    struct fvt_totals totals;
    struct fvt_totals left_out; /* of groups whose rows came from memory */
    uint64_t rows_left_out;
    struct {
        uint64_t from, to;
    } * kept; /* where they are in the live file */
    uint32_t nkept;
    struct rollup_builder *rollups;   /* NULL: none */
    struct fvt_buffer leads;          /* meta records that lead to their blocks */
    struct fvt_if_counters *counters; /* not written yet, room for a block's */
    uint32_t ncounters;
    struct fvt_file said; /* exporters, interfaces and replaced files, of all sources */
};

enum { STEP = 4096 };

static const char later_columns[] = "has columns of a later flowvt, and is left as it is";

/* Codes of a source's dictionary to entries of the one being built. entry: by code, -1 for those that
** were not met yet. */
static int merge_codes(struct dict_builder *b, const struct fvt_dict *d, int64_t *entry, int64_t *v,
                       const uint8_t *nulls, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (nulls[i])
            continue;
        int64_t *e = &entry[v[i]];
        if (*e < 0)
            *e = d->class == FLOW_IP ? dict_builder_ip(b, &d->ip[v[i]])
                                     : dict_builder_text(b, d->text[v[i]], d->len[v[i]]);
        if (*e < 0)
            return FVT_NOMEM;
        v[i] = *e;
    }
    return FVT_OK;
}

/* Add rows of one column of a source group, from row first on, to the rows that the group being built has
** already. */
static int copy_column(const struct fvt_file *file, const struct fvt_group *src, int field,
                       uint32_t first, uint32_t rows, struct group *g) {
    struct fvt_chunk *c = NULL;
    struct fvt_dict *d = NULL;
    int rc = fvt_chunk_load(file, src, field, &c);
    if (rc == FVT_OK && !fvt_chunk_fits(c))
        rc = FVT_DAMAGED;
    int dict = src->chunks[src->chunk_of[field]].dict;
    if (rc == FVT_OK && dict >= 0)
        rc = fvt_dict_load(file, src, dict, &d);
    /* Entry numbers of the merged dictionary by code, found when first met. */
    int64_t *entry = d ? malloc(((size_t)d->n + 1) * sizeof *entry) : NULL;
    for (uint32_t i = 0; entry && i < d->n; i++)
        entry[i] = -1;
    if (rc == FVT_OK && d && !entry)
        rc = FVT_NOMEM;
    for (uint32_t at = 0; rc == FVT_OK && at < rows; at += STEP) {
        int64_t v[STEP];
        uint8_t nulls[STEP];
        uint32_t n = rows - at < STEP ? rows - at : STEP;
        fvt_chunk_read(c, first + at, n, v, nulls);
        if (d)
            rc = merge_codes(&g->dict[g->dict_of[field]], d, entry, v, nulls, n);
        if (rc == FVT_OK && !group_put_rows(g, field, g->rows + at, v, nulls, n))
            rc = FVT_NOMEM;
    }
    free(entry);
    fvt_dict_free(d);
    fvt_chunk_free(c);
    return rc;
}

/* Has it a column of a later version? What this one does not know it must not drop. */
static bool has_unknown(const struct fvt_file *file) {
    for (uint32_t i = 0; i < file->ngroups; i++)
        for (uint32_t k = 0; k < file->groups[i].nchunks && !file->groups[i].damaged; k++)
            if (file->groups[i].chunks[k].field < 0)
                return true;
    return false;
}

static int out_of_memory(const struct rewrite *r, struct fvt_error *err) {
    fvt_fail(err, "%s: out of memory", r->to.path);
    return FVT_NOMEM;
}

/* early: NULL: all rows go into the block. */
static int put_block(struct rewrite *r, struct group *g, struct group *early,
                     struct fvt_error *err) {
    size_t dirlen = group_encode(&r->out, g, r->effort, early);
    if (dirlen == 0)
        return out_of_memory(r, err);
    fvt_put_int(&r->directories, r->to.end + FVT_BLOCK_HEADER, 8);
    fvt_put_int(&r->directories, dirlen, 4);
    fvt_put(&r->directories, r->out.p + FVT_BLOCK_HEADER, dirlen);
    r->ngroups++;
    return newfile_put(&r->to, &r->out, err);
}

static int put_early(struct rewrite *r, struct fvt_error *err) {
    int rc = r->early->rows ? put_block(r, r->early, NULL, err) : FVT_OK;
    group_clear(r->early);
    return rc;
}

/* A group as a block; in a closed file but for flows that began early. */
static int write_group(struct rewrite *r, struct group *g, struct fvt_error *err) {
    int rc = put_block(r, g, r->state == FVT_CLOSED ? r->early : NULL, err);
    bool large = r->early->rows >= EARLY_GROUP_ROWS || group_text(r->early) >= FVT_GROUP_TEXT;
    return rc == FVT_OK && large ? put_early(r, err) : rc;
}

/* Write the group that is being filled, and begin another. */
static int put_group(struct rewrite *r, struct fvt_error *err) {
    if (r->group->rows == 0)
        return FVT_OK;
    if (r->parted)
        group_count(r->group);
    int rc = write_group(r, r->group, err);
    r->octets = 0;
    r->parted = false;
    group_clear(r->group);
    return rc;
}

/* Add rows of a live file that are in memory; rewrite_add() leaves out what of the file they are. They can only
** be cleared then. */
static int rewrite_kept(struct rewrite *r, const struct kept *kept, struct fvt_error *err) {
    struct group *g = kept->group;
    void *grown = realloc(r->kept, (r->nkept + 1) * sizeof *r->kept);
    if (!grown)
        return out_of_memory(r, err);
    r->kept = grown;
    r->kept[r->nkept].from = kept->from;
    r->kept[r->nkept++].to = kept->to;
    if (!group_settle(g))
        return out_of_memory(r, err);
    group_seal(g);
    r->rows += g->rows;
    fvt_totals_add(&r->totals, &g->totals);
    g->pool = r->group->pool;
    int rc = write_group(r, g, err);
    g->pool = NULL;
    return rc;
}

/* Did the rows of a live file's group come from memory? */
static bool is_kept(const struct rewrite *r, const struct fvt_group *g) {
    for (uint32_t i = 0; i < r->nkept; i++)
        if (g->at >= r->kept[i].from && g->at < r->kept[i].to)
            return true;
    return false;
}

/* What the dictionaries of a group take at least when they are merged. */
static uint64_t dict_octets(const struct fvt_group *g) {
    uint64_t octets = 0;
    for (uint32_t d = 0; d < g->ndicts; d++)
        octets += g->dicts[d].raw;
    return octets;
}

/* May the group being built take n more rows, of a source with these dictionaries? */
static bool has_room(const struct rewrite *r, uint32_t n, uint64_t octets) {
    return r->group->rows == 0 ||
           (r->group->rows + n <= FVT_GROUP_ROWS && r->octets + octets <= FVT_GROUP_TEXT);
}

/* Copy rows from row at on of all columns. */
static int copy_rows(struct group *g, const struct fvt_file *file, const struct fvt_group *src,
                     uint32_t at, uint32_t n) {
    int rc = FVT_OK;
    for (int f = 0; rc == FVT_OK && f < FLOW_NFIELDS; f++)
        if (src->chunk_of[f] >= 0)
            rc = copy_column(file, src, f, at, n, g);
    if (rc != FVT_OK)
        group_cut(g);
    return rc;
}

/* Source groups are joined up to the size that groups of a closed file have, and cut only where one is
** larger: flows and their answers lie far apart in it, and would be coded apart when it is cut. FVT_DAMAGED: none
** of it was copied. */
static int copy_group(struct rewrite *r, const struct fvt_file *file, const struct fvt_group *src,
                      struct fvt_error *err) {
    struct group *g = r->group;
    int rc = FVT_OK;
    for (uint32_t at = 0, n; rc == FVT_OK && at < src->rows; at += n) {
        n = src->rows - at < FVT_GROUP_ROWS ? src->rows - at : FVT_GROUP_ROWS;
        if (!has_room(r, n, dict_octets(src)) && (rc = put_group(r, err)) != FVT_OK)
            return rc;
        rc = copy_rows(g, file, src, at, n);
        if (rc == FVT_DAMAGED && at == 0)
            return rc; /* every column has been looked at by the first rows */
        if (rc != FVT_OK)
            break;
        r->parted |= n < src->rows;
        g->rows += n;
        r->octets += dict_octets(src);
        fvt_totals_add(&g->totals, &src->totals);
    }
    if (rc == FVT_OK && r->rollups)
        rc = rollup_add(r->rollups, file, src);
    if (rc != FVT_OK) {
        fvt_fail(err, "%s: %s", file->path,
                 rc == FVT_NOMEM     ? "out of memory"
                 : rc == FVT_UNKNOWN ? later_columns
                                     : "cannot be rewritten");
        return rc;
    }
    r->rows += src->rows;
    fvt_totals_add(&r->totals, &src->totals);
    return FVT_OK;
}

/* pool: NULL: one of its own. */
static struct rewrite *new_in(const char *path, enum fvt_state state, enum group_effort effort,
                              int64_t start, int64_t length, struct fvt_pool *pool,
                              struct fvt_error *err) {
    struct rewrite *r = calloc(1, sizeof *r);
    if (r && (!(r->group = group_new()) || !(r->early = group_new()))) {
        group_free(r->group);
        free(r);
        r = NULL;
    }
    if (!r) {
        fvt_fail(err, "%s: out of memory", path);
        return NULL;
    }
    r->group->pool = r->early->pool = pool ? pool : pool_new_large();
    r->group->owns_pool = !pool;
    r->state = state;
    r->effort = effort;
    fvt_totals_init(&r->totals);
    fvt_totals_init(&r->left_out);
    file_begin(&r->out, state, start, length);
    if (newfile_open(&r->to, path, err) == FVT_OK && newfile_put(&r->to, &r->out, err) == FVT_OK)
        return r;
    rewrite_free(r);
    return NULL;
}

struct rewrite *rewrite_new(const char *path, enum fvt_state state, enum group_effort effort,
                            int64_t start, int64_t length, struct fvt_error *err) {
    return new_in(path, state, effort, start, length, NULL, err);
}

/* Write the interface counters that wait, as a block of their own between groups. */
static int put_counters(struct rewrite *r, struct fvt_error *err) {
    if (r->ncounters == 0)
        return FVT_OK;
    counters_put(&r->out, &r->leads, r->to.end + r->out.n, r->counters, r->ncounters,
                 r->state == FVT_CLOSED);
    r->ncounters = 0;
    return newfile_put(&r->to, &r->out, err);
}

/* Take over the counters of one block. */
static int copy_counters(struct rewrite *r, const struct fvt_file *file,
                         const struct fvt_counter_block *block, uint64_t *damaged,
                         struct fvt_error *err) {
    struct fvt_if_counters *rows = NULL;
    uint32_t n = 0;
    int rc = fvt_counters_read(file, block, &rows, &n);
    if (rc == FVT_DAMAGED) {
        ++*damaged;
        return FVT_OK;
    }
    if (rc == FVT_OK && !r->counters &&
        !(r->counters = malloc(FVT_COUNTER_ROWS * sizeof *r->counters)))
        rc = FVT_NOMEM;
    if (rc != FVT_OK)
        fvt_fail(err, "%s: %s", file->path,
                 rc == FVT_UNKNOWN ? "has counters of a later flowvt, and is left as it is"
                                   : "out of memory");
    else if (r->ncounters + n > FVT_COUNTER_ROWS)
        rc = put_counters(r, err);
    if (rc == FVT_OK && n) {
        memcpy(r->counters + r->ncounters, rows, n * sizeof *rows);
        r->ncounters += n;
    }
    free(rows);
    return rc;
}

int rewrite_add(struct rewrite *r, struct fvt_file *file, struct fvt_error *err) {
    int rc = FVT_OK;
    uint64_t damaged = file->damaged, rest = file->rows;
    if (has_unknown(file)) {
        fvt_fail(err, "%s: %s", file->path, later_columns);
        return FVT_UNKNOWN;
    }
    for (uint32_t i = 0; rc == FVT_OK && i < file->ngroups; i++) {
        const struct fvt_group *src = &file->groups[i];
        uint64_t expected = r->group->rows + rest;
        r->group->expected = expected < FVT_GROUP_ROWS ? (uint32_t)expected : FVT_GROUP_ROWS;
        rest -= src->rows < rest ? src->rows : rest;
        if (src->damaged)
            continue; /* counted when the file was opened */
        if (is_kept(r, src)) {
            fvt_totals_add(&r->left_out, &src->totals);
            r->rows_left_out += src->rows;
            continue;
        }
        rc = copy_group(r, file, src, err);
        if (rc == FVT_DAMAGED) {
            damaged++;
            rc = FVT_OK;
        }
    }
    for (uint32_t i = 0; rc == FVT_OK && i < file->ncounters; i++)
        rc = copy_counters(r, file, &file->counters[i], &damaged, err);
    if (rc == FVT_OK && !meta_add(&r->said, file)) {
        fvt_fail(err, "%s: out of memory", file->path);
        rc = FVT_NOMEM;
    }
    r->damaged += damaged;
    return rc;
}

int rewrite_rollups(struct rewrite *r, const struct rollup_plan *plan, uint64_t rows,
                    struct fvt_error *err) {
    r->rollups = plan->n ? rollup_new(plan, rows) : NULL;
    if (r->rollups || plan->n == 0)
        return FVT_OK;
    fvt_fail(err, "%s: out of memory", r->to.path);
    return FVT_NOMEM;
}

bool rewrite_replaces(struct rewrite *r, const struct fvt_replaced *replaced) {
    struct fvt_replaced one = *replaced;
    return meta_add(&r->said, &(struct fvt_file){.nreplaced = 1, .replaced = &one});
}

static void put_meta(const struct rewrite *r, struct fvt_buffer *out) {
    const struct fvt_file *said = &r->said;
    for (uint32_t i = 0; i < said->nexporters; i++)
        statistics_put_exporter(out, FVT_META_EXPORTER, &said->exporters[i]);
    for (uint32_t i = 0; i < said->nsockets; i++)
        statistics_put_socket(out, &said->sockets[i]);
    for (uint32_t i = 0; i < said->ninterfaces; i++)
        meta_put_interface(out, &said->interfaces[i]);
    for (uint32_t i = 0; i < said->noptions; i++)
        option_put(out, &said->options[i]);
    for (uint32_t i = 0; i < said->nreplaced; i++)
        meta_put_replaced(out, &said->replaced[i]);
    if (r->damaged)
        meta_put_damage(out, r->damaged);
    fvt_put(out, r->leads.p, r->leads.n);
}

static void put_footer(struct rewrite *r, const struct fvt_buffer *meta) {
    struct fvt_buffer columns = {0};
    size_t at = r->out.n;
    uint64_t offset = r->to.end + at;
    meta_put_columns(&columns);
    fvt_put_zeros(&r->out, FVT_BLOCK_HEADER);
    fvt_put_int(&r->out, columns.n, 4);
    fvt_put(&r->out, columns.p, columns.n);
    fvt_put_int(&r->out, r->ngroups, 4);
    fvt_put(&r->out, r->directories.p, r->directories.n);
    fvt_put_int(&r->out, meta->n, 4);
    fvt_put(&r->out, meta->p, meta->n);
    block_seal(&r->out, at, FVT_FOOTER, r->out.n - at - FVT_BLOCK_HEADER, 0);
    size_t trailer = r->out.n;
    fvt_put_int(&r->out, offset, 8);
    fvt_put_int(&r->out, trailer - at, 8);
    if (!r->out.failed)
        fvt_put_int(&r->out, fvt_checksum(r->out.p + trailer, 16), 8);
    fvt_put(&r->out, FVT_TRAILER_MAGIC, 8);
    r->out.failed |= columns.failed;
    free(columns.p);
}

/* The meta block, which a scan finds too, and for a closed file footer and trailer. */
static void put_end(struct rewrite *r) {
    struct fvt_buffer meta = {0};
    put_meta(r, &meta);
    size_t at = r->out.n;
    if (meta.n) {
        fvt_put_zeros(&r->out, FVT_BLOCK_HEADER);
        fvt_put(&r->out, meta.p, meta.n);
        block_seal(&r->out, at, FVT_META, meta.n, 0);
    }
    if (r->state == FVT_CLOSED)
        put_footer(r, &meta);
    r->out.failed |= meta.failed || r->directories.failed || r->leads.failed;
    free(meta.p);
}

/* Does the new file have, and give back, every row that went into it? Where it will be all that is left of
** others, what is in it is looked at, too. */
static bool whole(const char *path, void *arg) {
    const struct rewrite *r = arg;
    struct fvt_file *file = NULL;
    bool ok =
        fvt_open(path, &file, NULL) == FVT_OK && file->rows == r->rows &&
        memcmp(&file->totals, &r->totals, sizeof r->totals) == 0 &&
        (r->effort == GROUP_SMALLEST ? fvt_verify(file) : fvt_verify_sums(file)) == r->damaged;
    fvt_file_free(file);
    return ok;
}

static int put_rollups(struct rewrite *r, struct fvt_error *err) {
    if (!r->rollups)
        return FVT_OK;
    if (rollup_finish(r->rollups, &r->out, r->to.end, &r->leads) != FVT_OK) {
        fvt_fail(err, "%s: out of memory", r->to.path);
        return FVT_NOMEM;
    }
    return newfile_put(&r->to, &r->out, err);
}

int rewrite_settle(struct rewrite *r, struct fvt_error *err) {
    int rc = put_group(r, err);
    if (rc == FVT_OK)
        rc = put_early(r, err);
    if (rc == FVT_OK)
        rc = put_counters(r, err);
    if (rc == FVT_OK)
        rc = put_rollups(r, err);
    if (rc != FVT_OK)
        return rc;
    put_end(r);
    rc = newfile_put(&r->to, &r->out, err);
    return rc == FVT_OK ? newfile_settle(&r->to, whole, r, err) : rc;
}

int rewrite_publish(struct rewrite *r, struct fvt_error *err) {
    return newfile_publish(&r->to, err);
}

void rewrite_free(struct rewrite *r) {
    if (!r)
        return;
    newfile_free(&r->to);
    group_free(r->early); /* uses the other's pool */
    group_free(r->group);
    free(r->out.p);
    free(r->directories.p);
    rollup_free(r->rollups);
    free(r->leads.p);
    free(r->counters);
    free(r->kept);
    free(r->said.exporters);
    free(r->said.sockets);
    meta_forget_options(&r->said);
    free(r->said.options);
    free(r->said.interfaces);
    free(r->said.replaced);
    free(r);
}

/* A live file that a writer may go on with as it is. */
static bool appendable(const struct fvt_file *file) {
    return file->state == FVT_LIVE && !file->damaged && file->native && file->tail == file->size;
}

/* Give the new file its name, for good. */
static int put_in_place(struct rewrite *r, struct fvt_error *err) {
    int rc = rewrite_settle(r, err);
    if (rc == FVT_OK)
        rc = rewrite_publish(r, err);
    int failed = rc == FVT_OK ? directory_sync(r->to.path) : 0;
    if (failed) {
        fvt_fail(err, "%s: %s", r->to.path, strerror(-failed));
        rc = FVT_IO;
    }
    return rc;
}

/* The rows of file in a new one of that state, in its place. */
static int rewrite_alone(struct fvt_file *file, enum fvt_state state, struct fvt_pool *pool,
                         struct fvt_error *err) {
    struct rewrite *r = new_in(file->path, state, state == FVT_CLOSED ? GROUP_SMALL : GROUP_QUICK,
                               file->start, file->length, pool, err);
    int rc = r ? rewrite_add(r, file, err) : FVT_IO;
    if (rc == FVT_OK)
        rc = put_in_place(r, err);
    rewrite_free(r);
    return rc;
}

int fvt_rewrite(const char *path, enum fvt_state state, struct fvt_error *err) {
    struct fvt_file *file = NULL;
    int rc = fvt_open(path, &file, err);
    if (rc != FVT_OK)
        return rc;
    bool done = state == FVT_CLOSED ? file->state == FVT_CLOSED : appendable(file);
    if (!done)
        rc = rewrite_alone(file, state, NULL, err);
    fvt_file_free(file);
    return rc;
}

int fvt_close_file(const char *path, struct fvt_error *err) {
    return fvt_rewrite(path, FVT_CLOSED, err);
}

/* ---- closing from memory ---------------------------------------------------------------- */

/* Add what is in memory. Without it, or when that fails, the file has it all. */
static int begin_closing(struct closing *c, const struct fvt_file *file, const struct kept *kept,
                         struct fvt_pool *pool, struct fvt_error *err) {
    if (!c->r)
        c->r = new_in(file->path, FVT_CLOSED, GROUP_SMALL, file->start, file->length, pool, err);
    int rc = c->r ? rewrite_kept(c->r, kept, err) : FVT_IO;
    if (rc != FVT_OK)
        closing_free(c);
    return rc;
}

int closing_add(struct closing *c, const char *path, const struct kept *kept, struct fvt_pool *pool,
                struct fvt_error *err) {
    struct fvt_file *file = NULL;
    int rc = fvt_open(path, &file, err);
    if (rc == FVT_OK && file->state == FVT_LIVE)
        rc = begin_closing(c, file, kept, pool, err);
    fvt_file_free(file);
    return rc;
}

/* Add the rest of the file, which must have had just the rows that came from memory: FVT_DAMAGED when not. */
static int finish_closing(struct closing *c, struct fvt_file *file, struct fvt_error *err) {
    struct fvt_totals kept = c->r->totals;
    uint64_t rows = c->r->rows;
    int rc = file->damaged ? FVT_DAMAGED : rewrite_add(c->r, file, err);
    if (rc == FVT_OK && rows != c->r->rows_left_out)
        rc = FVT_DAMAGED;
    if (rc == FVT_OK && memcmp(&kept, &c->r->left_out, sizeof kept) != 0)
        rc = FVT_DAMAGED;
    return rc == FVT_OK ? put_in_place(c->r, err) : rc;
}

int closing_finish(struct closing *c, const char *path, const struct kept *kept,
                   struct fvt_pool *pool, struct fvt_error *err) {
    struct fvt_file *file = NULL;
    int rc = fvt_open(path, &file, err);
    if (rc == FVT_OK && file->state == FVT_LIVE) {
        if (kept && kept->group && kept->group->rows)
            begin_closing(c, file, kept, pool, err);
        rc = c->r ? finish_closing(c, file, err) : FVT_DAMAGED;
        if (rc == FVT_DAMAGED || rc == FVT_NOMEM) {
            closing_free(c);
            rc = rewrite_alone(file, FVT_CLOSED, pool, err);
        }
    }
    fvt_file_free(file);
    closing_free(c);
    return rc;
}

void closing_free(struct closing *c) {
    rewrite_free(c->r);
    c->r = NULL;
}
