/* SPDX-License-Identifier: MIT */
/*
** Rewriting a flow file: closing a live one, or making an old one live again. Groups are merged
** column by column, so that what is in memory is one group's columns, not its rows.
*/
#include "rewrite.h"
#include "group.h"
#include "meta.h"

#include <stdio.h>

struct rewrite {
    struct fvt_file *file;
    enum fvt_state state;
    struct fvt_buffer out;
    struct fvt_buffer directories; /* of the footer: payload offset, length, directory */
    uint32_t ngroups;
    uint64_t damaged;
    bool *lost; /* source groups with a damaged part */
};

enum { STEP = 4096 };

/* Add one column of a source group to the group being built, whose row base it begins at. */
static int copy_column(struct rewrite *r, const struct fvt_group *src, int field, struct group *g,
                       uint32_t base) {
    struct fvt_chunk *c = NULL;
    struct fvt_dict *d = NULL;
    int rc = fvt_chunk_load(r->file, src, field, &c);
    int dict = src->chunks[src->chunk_of[field]].dict;
    if (rc == FVT_OK && dict >= 0)
        rc = fvt_dict_load(r->file, src, dict, &d);
    /* Entry numbers of the merged dictionary by code, found when first met. */
    int64_t *entry = d ? malloc(((size_t)d->n + 1) * sizeof *entry) : NULL;
    for (uint32_t i = 0; entry && i < d->n; i++)
        entry[i] = -1;
    if (rc == FVT_OK && d && !entry)
        rc = FVT_NOMEM;
    for (uint32_t at = 0; rc == FVT_OK && at < src->rows; at += STEP) {
        int64_t v[STEP];
        uint8_t nulls[STEP];
        uint32_t n = src->rows - at < STEP ? src->rows - at : STEP;
        fvt_chunk_read(c, at, n, v, nulls);
        for (uint32_t i = 0; rc == FVT_OK && i < n; i++) {
            if (nulls[i])
                continue;
            if (d) {
                int64_t *e = &entry[v[i]];
                struct dict_builder *b = &g->dict[g->dict_of[field]];
                if (*e < 0)
                    *e = d->class == FLOW_IP ? dict_builder_ip(b, &d->ip[v[i]])
                                             : dict_builder_text(b, d->text[v[i]], d->len[v[i]]);
                v[i] = *e;
                rc = *e < 0 ? FVT_NOMEM : FVT_OK;
            }
            if (rc == FVT_OK && !group_put(g, field, base + at + i, v[i]))
                rc = FVT_NOMEM;
        }
    }
    free(entry);
    fvt_dict_free(d);
    fvt_chunk_free(c);
    return rc;
}

/* Find the groups that cannot be copied whole. */
static int find_lost(struct rewrite *r) {
    r->lost = calloc((size_t)r->file->ngroups + 1, sizeof *r->lost);
    if (!r->lost)
        return FVT_NOMEM;
    r->damaged = r->file->damaged;
    for (uint32_t i = 0; i < r->file->ngroups; i++) {
        const struct fvt_group *g = &r->file->groups[i];
        r->lost[i] = g->damaged;
        for (uint32_t k = 0; k < g->nchunks && !r->lost[i]; k++) {
            struct fvt_chunk *c = NULL;
            struct fvt_dict *d = NULL;
            /* What this version does not know it must not drop. */
            int rc = g->chunks[k].field < 0 ? FVT_UNKNOWN
                                            : fvt_chunk_load(r->file, g, g->chunks[k].field, &c);
            if (rc == FVT_OK && g->chunks[k].dict >= 0)
                rc = fvt_dict_load(r->file, g, g->chunks[k].dict, &d);
            fvt_chunk_free(c);
            fvt_dict_free(d);
            if (rc == FVT_NOMEM || rc == FVT_UNKNOWN)
                return rc;
            if (rc != FVT_OK) {
                r->lost[i] = true;
                r->damaged++;
            }
        }
    }
    return FVT_OK;
}

static int put_group(struct rewrite *r, struct group *g) {
    size_t at = r->out.n;
    size_t dirlen = group_encode(&r->out, g, r->state == FVT_CLOSED);
    if (dirlen == 0)
        return FVT_NOMEM;
    fvt_put_int(&r->directories, at + FVT_BLOCK_HEADER, 8);
    fvt_put_int(&r->directories, dirlen, 4);
    fvt_put(&r->directories, r->out.p + at + FVT_BLOCK_HEADER, dirlen);
    r->ngroups++;
    return FVT_OK;
}

/* Merge source groups [from, to) into one. */
static int merge(struct rewrite *r, uint32_t from, uint32_t to) {
    struct group *g = group_new();
    if (!g)
        return FVT_NOMEM;
    for (uint32_t i = from; i < to; i++)
        if (!r->lost[i]) {
            g->rows += r->file->groups[i].rows;
            fvt_totals_add(&g->totals, &r->file->groups[i].totals);
        }
    int rc = FVT_OK;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        uint32_t base = 0;
        for (uint32_t i = from; rc == FVT_OK && i < to; i++) {
            const struct fvt_group *src = &r->file->groups[i];
            if (r->lost[i])
                continue;
            if (src->chunk_of[f] >= 0)
                rc = copy_column(r, src, f, g, base);
            base += src->rows;
        }
    }
    if (rc == FVT_OK && g->rows)
        rc = put_group(r, g);
    group_free(g);
    return rc;
}

/* What the dictionaries of a group take at least when they are merged. */
static uint64_t dict_octets(const struct fvt_group *g) {
    uint64_t octets = 0;
    for (uint32_t d = 0; d < g->ndicts; d++)
        octets += g->dicts[d].raw;
    return octets;
}

static int merge_all(struct rewrite *r) {
    int rc = FVT_OK;
    for (uint32_t from = 0; rc == FVT_OK && from < r->file->ngroups;) {
        uint32_t to = from;
        uint64_t rows = 0, octets = 0;
        while (to < r->file->ngroups &&
               (to == from || (rows + r->file->groups[to].rows <= FVT_GROUP_ROWS &&
                               octets + dict_octets(&r->file->groups[to]) <= FVT_GROUP_TEXT))) {
            octets += dict_octets(&r->file->groups[to]);
            rows += r->file->groups[to++].rows;
        }
        rc = merge(r, from, to);
        from = to;
    }
    return rc;
}

static void put_meta(struct rewrite *r, struct fvt_buffer *out) {
    for (uint32_t i = 0; i < r->file->nexporters; i++)
        meta_put_exporter(out, &r->file->exporters[i]);
    for (uint32_t i = 0; i < r->file->ninterfaces; i++)
        meta_put_interface(out, &r->file->interfaces[i]);
    if (r->damaged)
        meta_put_damage(out, r->damaged);
}

/* The meta block, which a scan finds too, and for a closed file footer and trailer. */
static void put_end(struct rewrite *r) {
    struct fvt_buffer meta = {0}, columns = {0};
    put_meta(r, &meta);
    size_t at = r->out.n;
    if (meta.n) {
        fvt_put_zeros(&r->out, FVT_BLOCK_HEADER);
        fvt_put(&r->out, meta.p, meta.n);
        block_seal(&r->out, at, FVT_META, meta.n, 0);
    }
    if (r->state == FVT_CLOSED) {
        at = r->out.n;
        meta_put_columns(&columns);
        fvt_put_zeros(&r->out, FVT_BLOCK_HEADER);
        fvt_put_int(&r->out, columns.n, 4);
        fvt_put(&r->out, columns.p, columns.n);
        fvt_put_int(&r->out, r->ngroups, 4);
        fvt_put(&r->out, r->directories.p, r->directories.n);
        fvt_put_int(&r->out, meta.n, 4);
        fvt_put(&r->out, meta.p, meta.n);
        block_seal(&r->out, at, FVT_FOOTER, r->out.n - at - FVT_BLOCK_HEADER, 0);
        size_t trailer = r->out.n;
        fvt_put_int(&r->out, at, 8);
        fvt_put_int(&r->out, r->out.n - 8 - at, 8);
        if (!r->out.failed)
            fvt_put_int(&r->out, fvt_checksum(r->out.p + trailer, 16), 8);
        fvt_put(&r->out, FVT_TRAILER_MAGIC, 8);
    }
    r->out.failed |= meta.failed || columns.failed || r->directories.failed;
    free(meta.p);
    free(columns.p);
}

/* Does the new file have, and give back, every row that the old one has and that is not lost? */
static bool whole(const char *path, void *arg) {
    const struct rewrite *r = arg;
    uint64_t rows = r->file->rows;
    for (uint32_t i = 0; i < r->file->ngroups; i++)
        rows -= r->lost[i] ? r->file->groups[i].rows : 0;
    struct fvt_file *file = NULL;
    bool ok = fvt_open(path, &file, NULL) == FVT_OK && file->rows == rows &&
              fvt_verify(file) == r->damaged;
    fvt_file_free(file);
    return ok;
}

/* A live file that a writer may go on with as it is. */
static bool appendable(const struct fvt_file *file) {
    return file->state == FVT_LIVE && !file->damaged && file->native && file->tail == file->size;
}

int fvt_rewrite(const char *path, enum fvt_state state, struct fvt_error *err) {
    struct rewrite r = {.state = state};
    int rc = fvt_open(path, &r.file, err);
    if (rc != FVT_OK)
        return rc;
    bool done = state == FVT_CLOSED ? r.file->state == FVT_CLOSED : appendable(r.file);
    if (!done) {
        file_begin(&r.out, state, r.file->start, r.file->length);
        rc = find_lost(&r);
        if (rc == FVT_OK)
            rc = merge_all(&r);
        put_end(&r);
        if (rc == FVT_OK)
            rc = file_replace(path, &r.out, whole, &r, err);
        else
            fvt_fail(err, "%s: %s", path,
                     rc == FVT_NOMEM     ? "out of memory"
                     : rc == FVT_UNKNOWN ? "has columns of a later flowvt, and is left as it is"
                                         : "cannot be rewritten");
    }
    fvt_file_free(r.file);
    free(r.lost);
    free(r.out.p);
    free(r.directories.p);
    return rc;
}

int fvt_close_file(const char *path, struct fvt_error *err) {
    return fvt_rewrite(path, FVT_CLOSED, err);
}
