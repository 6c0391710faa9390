/* SPDX-License-Identifier: MIT */
/*
** Walks files, groups and blocks; keeps the chunks and dictionaries of the group it is in and the
** decoded columns of the block it is in.
**
** A group is entered in three steps, each of which may find that no row of it passes: zone maps,
** then the dictionaries that the predicate asks, then its columns up to the first row that passes.
** Only then are all columns loaded that the statement names, so that a group whose rows cannot all
** be delivered delivers none.
*/
#include "scan.h"

#include "../schema/format.h"
#include "../schema/kernel.h"
#include "../schema/portion.h"
#include "../schema/value.h"

#include <sqlite3ext.h>
#include <stdio.h>
#include <stdlib.h>
SQLITE_EXTENSION_INIT3

struct column {
    bool loaded; /* chunk is that of the group; dict too, once has_dict is set */
    bool has_dict;
    struct fvt_chunk *chunk; /* both the cache's */
    const struct fvt_dict *dict;
    bool valid; /* v and null are those of the block */
    int64_t v[SCAN_BLOCK];
    uint8_t null[SCAN_BLOCK];
};

struct scan {
    struct scan_source *source;
    struct predicate *predicate;
    struct window asked;
    struct window window; /* what of it the group is asked for */
    bool used[SCAN_NCOLUMNS];
    bool timed[SCAN_NCOLUMNS]; /* columns that only the window asks for */
    struct fvt_cache *cache;
    struct source_item item;           /* the row group */
    uint32_t first;                    /* row of the group the block begins with */
    uint32_t n;                        /* rows of the block */
    bool in_group, all;                /* all: every row of the group passes the predicate */
    bool entering;                     /* columns and dictionaries are being loaded */
    bool ready;                        /* the block is selected, and not delivered yet */
    bool over;                         /* nothing more of the group is to be read */
    bool resampled;                    /* sampling rates may be others than those stored */
    struct group_overrides *overrides; /* of the group, once asked for */
    bool no_window;                    /* every row of the group lies in the window */
    bool counts;                       /* the predicate asks for the numbers of flows */
    uint64_t before;                   /* then: flows before the group */
    int failed;                        /* FVT_* of the column that could not be loaded */
    int failed_column;
    uint64_t path_hash;
    struct column *column[SCAN_NCOLUMNS];
    bool (*stop)(void *arg); /* NULL: nobody to ask */
    void *stop_arg;
    uint16_t rows[SCAN_BLOCK];
    uint32_t nrows;
    bool sides_valid;            /* side are those of the block */
    uint8_t side[2][SCAN_BLOCK]; /* which rows pass each part of a predicate of two sides */
    bool spans_valid;            /* spans are those of the block */
    struct scan_spans spans;
    /* of rows that have not both times, or such as no flow has: */
    int64_t start[SCAN_BLOCK], end[SCAN_BLOCK];
    uint8_t undated[SCAN_BLOCK];
    uint32_t part, parts; /* of scans that share the blocks */
    struct fvt_error error;
};

/* What tells when a flow was. */
static const int clocks[] = {FLOW_tstart, FLOW_tend, FLOW_trecv};

struct scan *scan_new(struct scan_source *source, struct predicate *predicate,
                      const struct window *window, const bool used[SCAN_NCOLUMNS]) {
    struct scan *s = calloc(1, sizeof *s);
    if (!s || !(s->cache = fvt_cache_new())) {
        free(s);
        return NULL;
    }
    s->source = source;
    s->predicate = predicate;
    s->asked = *window;
    memcpy(s->used, used, sizeof s->used);
    predicate_columns(predicate, s->used);
    s->counts = predicate_counts(predicate);
    if (window->since != INT64_MIN || window->until != INT64_MAX)
        for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
            s->timed[clocks[i]] = !s->used[clocks[i]];
    for (int c = 0; c < SCAN_NCOLUMNS; c++)
        if (s->used[c] && scan_scaled(c))
            s->used[FLOW_sampling] = true;
    return s;
}

static void leave_group(struct scan *s) {
    for (int c = 0; c < SCAN_NCOLUMNS; c++)
        if (s->column[c])
            s->column[c]->loaded = s->column[c]->has_dict = s->column[c]->valid = false;
    fvt_cache_leave(s->cache);
    group_overrides_free(s->overrides);
    s->overrides = NULL;
    s->in_group = false;
}

void scan_free(struct scan *s) {
    if (!s)
        return;
    leave_group(s);
    source_give_back(s->source, &s->item);
    for (int c = 0; c < SCAN_NCOLUMNS; c++)
        free(s->column[c]);
    fvt_cache_free(s->cache);
    free(s);
}

void scan_set_poll(struct scan *s, bool (*stop)(void *arg), void *arg) {
    s->stop = stop;
    s->stop_arg = arg;
}

bool scan_must_stop(struct scan *s) {
    return s->stop && s->stop(s->stop_arg);
}

const char *scan_message(const struct scan *s) {
    return s->error.text;
}

static int fail(struct scan *s, int column, int rc) {
    s->failed = rc;
    s->failed_column = column;
    return rc;
}

/* Is a group that is being entered to be left? Each chunk and each dictionary of a large one takes some
** milliseconds, all together a hundred. */
static bool must_leave(struct scan *s) {
    return s->entering && scan_must_stop(s);
}

/* What a chunk is coded against, one after the other from the last on, so that there is a moment between them to ask in.
** What is damaged among them, whoever needs it will find. */
static int load_parents(struct scan *s, int field) {
    enum { CHAIN = 4 }; /* columns that FORMAT.md allows */
    const struct fvt_group *g = s->item.group;
    int parents[CHAIN], n = 0;
    for (uint32_t f = (uint32_t)field; n < CHAIN; parents[n++] = (int)f) {
        f = g->chunks[g->chunk_of[f]].parent;
        if (f >= FLOW_NFIELDS || g->chunk_of[f] < 0)
            break;
    }
    while (n > 0) {
        struct fvt_chunk *c;
        if (must_leave(s))
            return SCAN_STOPPED;
        if (fvt_cache_chunk(s->cache, parents[--n], &c) == FVT_NOMEM)
            return FVT_NOMEM;
    }
    return must_leave(s) ? SCAN_STOPPED : FVT_OK;
}

/* The chunk of a column. A raw counter shares that of the scaled one. */
static int load_column(struct scan *s, int c) {
    if (!s->column[c] && !(s->column[c] = calloc(1, sizeof *s->column[c])))
        return fail(s, c, FVT_NOMEM);
    struct column *col = s->column[c];
    if (col->loaded)
        return FVT_OK;
    col->chunk = NULL;
    col->dict = NULL;
    col->valid = false;
    int field = scan_field(c), rc = FVT_OK;
    if (s->item.group->chunk_of[field] >= 0) {
        rc = load_parents(s, field);
        if (rc == FVT_OK)
            rc = fvt_cache_chunk(s->cache, field, &col->chunk);
    }
    if (rc != FVT_OK)
        return fail(s, c, rc);
    col->loaded = true;
    return FVT_OK;
}

/* The dictionary of a column, NULL when it has none. */
static int load_dict(struct scan *s, int c, const struct fvt_dict **out) {
    const struct fvt_group *g = s->item.group;
    int at = g->chunk_of[scan_field(c)], dict = at >= 0 ? g->chunks[at].dict : -1;
    int rc = must_leave(s) ? SCAN_STOPPED : FVT_OK;
    if (rc == FVT_OK && dict >= 0)
        rc = fvt_cache_dict(s->cache, dict, out);
    return rc == FVT_OK ? rc : fail(s, c, rc);
}

static int load_both(struct scan *s, int c) {
    int rc = load_column(s, c);
    if (rc == FVT_OK && !s->column[c]->has_dict)
        rc = load_dict(s, c, &s->column[c]->dict);
    if (rc == FVT_OK)
        s->column[c]->has_dict = true;
    return rc;
}

/* For the predicate. */
static int dict_of(void *arg, int column, const struct fvt_dict **out) {
    return load_dict(arg, column, out);
}

/* Of a roll-up's row group. */
static bool bucket_in_window(struct scan *s, const struct fvt_group *g) {
    int at = g->chunk_of[FLOW_trecv];
    if (at < 0)
        return false;
    const struct fvt_chunk_info *bucket = &g->chunks[at];
    s->no_window =
        !bucket->nulls && bucket->min >= s->window.since && bucket->max < s->window.until;
    return bucket->min < s->window.until && bucket->max >= s->window.since;
}

/* Do zone maps leave a chance that a row of the group lies in the window? Sets no_window when
** every row certainly does. */
static bool zone_in_window(struct scan *s, const struct fvt_group *g) {
    const struct window *w = &s->window;
    s->no_window = w->since == INT64_MIN && w->until == INT64_MAX;
    if (s->item.totals && !s->no_window)
        return bucket_in_window(s, g);
    int a = g->chunk_of[FLOW_tstart], b = g->chunk_of[FLOW_tend];
    if (s->no_window || a < 0 || b < 0 || g->chunks[a].nulls || g->chunks[b].nulls)
        return true;
    const struct fvt_chunk_info *start = &g->chunks[a], *end = &g->chunks[b];
    int64_t first = start->min < end->min ? start->min : end->min;
    int64_t last = start->max > end->max ? start->max : end->max;
    s->no_window = first >= w->since && last < w->until;
    return first < w->until && last >= w->since;
}

static int bind(struct scan *s, struct predicate *p, enum predicate_zone *zone) {
    struct predicate_group g = {s->item.group, dict_of, s, s->resampled, s->before};
    int rc = predicate_bind(p, &g, zone);
    if (rc == FVT_NOMEM && !s->failed)
        fail(s, p->column, rc);
    return rc;
}

/* Does the window ask for this column in a group whose flows do not all lie in it? When a flow
** arrived matters where it has no other time. */
static bool window_needs(const struct scan *s, int c) {
    const struct fvt_group *g = s->item.group;
    if (!s->timed[c] || s->no_window || s->item.totals)
        return false;
    int a = g->chunk_of[FLOW_tstart], b = g->chunk_of[FLOW_tend];
    bool dated = (a >= 0 && g->chunks[a].nulls == 0) || (b >= 0 && g->chunks[b].nulls == 0);
    return c != FLOW_trecv || !dated;
}

/* What corrected sampling rates are found by. */
static bool rates_need(const struct scan *s, int c) {
    return s->resampled && s->used[FLOW_sampling] &&
           (c == FLOW_exporter || c == FLOW_tstart || c == FLOW_tend || c == FLOW_trecv);
}

/* All that the statement asks for. */
static int load_all(struct scan *s) {
    int rc = FVT_OK;
    for (int c = 0; rc == FVT_OK && c < SCAN_NCOLUMNS; c++)
        if (s->used[c] || window_needs(s, c) || rates_need(s, c))
            rc = load_both(s, c);
    return rc;
}

static int stopped(struct scan *s) {
    strcpy(s->error.text, "interrupted");
    return SCAN_STOPPED;
}

/* A column could not be loaded: 0 when its group is left out, or what the scan ends with. */
static int leave_out(struct scan *s) {
    if (s->failed == SCAN_STOPPED)
        return stopped(s);
    const struct fvt_group *g = s->item.group;
    const char *name = flow_fields[scan_field(s->failed_column)].name;
    if (s->item.totals && s->failed != FVT_NOMEM) {
        sqlite3_log(SQLITE_CORRUPT, "flowvt: %s: a roll-up cannot be read: its flows are",
                    s->item.file->path);
        source_reject(s->source, &s->item);
        return 0;
    }
    if (s->failed == FVT_DAMAGED) {
        sqlite3_log(SQLITE_CORRUPT,
                    "flowvt: %s: column %s of group %u is damaged: its %u rows are left out",
                    s->item.file->path, name, s->item.number, g->rows);
        return 0;
    }
    snprintf(s->error.text, sizeof s->error.text,
             s->failed == FVT_UNKNOWN ? "%.400s: column %s needs a newer flowvt"
                                      : "%.400s: column %s: out of memory",
             s->item.file->path, name);
    return s->failed;
}

/* False when the rates cannot be had. */
static bool scale(struct scan *s, struct column *col) {
    const uint8_t *nulls;
    const int64_t *rate = scan_values(s, FLOW_sampling, &nulls);
    for (uint32_t i = 0; rate && i < s->n; i++)
        col->v[i] = flow_scaled(col->v[i], nulls[i] ? 1 : rate[i]);
    return rate != NULL;
}

/* Sampling rates of the block as they are corrected. False when what it takes cannot be had. */
static bool resample(struct scan *s, struct column *col) {
    const uint8_t *nulls;
    const int64_t *code = scan_values(s, FLOW_exporter, &nulls);
    const struct scan_spans *spans = code ? scan_spans(s) : NULL;
    if (!spans || load_both(s, FLOW_exporter) != FVT_OK)
        return false;
    if (!s->overrides)
        s->overrides =
            group_overrides_new(source_overrides(s->source), s->column[FLOW_exporter]->dict);
    if (!s->overrides)
        return fail(s, FLOW_sampling, FVT_NOMEM) == FVT_OK;
    for (uint32_t i = 0; i < s->n; i++) {
        int64_t rate = group_overrides_rate(s->overrides, nulls[i] ? -1 : code[i],
                                            !spans->undated[i], spans->start[i]);
        if (rate == 0)
            continue;
        col->v[i] = rate;
        col->null[i] = 0;
    }
    return true;
}

/* Values as they are stored become those that SQL shows. */
static bool show(struct scan *s, int c, struct column *col) {
    if (c == FLOW_sampling && s->resampled)
        return resample(s, col);
    bool sampled = s->resampled || s->item.group->chunk_of[FLOW_sampling] >= 0;
    return !scan_scaled(c) || !sampled || scale(s, col);
}

const int64_t *scan_values(struct scan *s, int c, const uint8_t **nulls) {
    if (load_column(s, c) != FVT_OK)
        return NULL;
    struct column *col = s->column[c];
    if (!col->valid) {
        col->valid = true;
        if (col->chunk) {
            fvt_chunk_read(col->chunk, s->first, s->n, col->v, col->null);
        } else {
            memset(col->v, 0, s->n * sizeof *col->v);
            memset(col->null, 1, s->n);
        }
        /* Counters and numbers below 0 are not written; a forged file may have them. */
        if (flow_fields[scan_field(c)].class == FLOW_UINT)
            kernels()->not_below_0(col->v, s->n);
        if (!show(s, c, col)) {
            col->valid = false;
            return NULL;
        }
        if (c == FLOW_flows && memchr(col->null, 1, s->n)) {
            for (uint32_t i = 0; i < s->n; i++)
                col->v[i] = col->null[i] ? 1 : col->v[i];
            memset(col->null, 0, s->n);
        }
    }
    *nulls = col->null;
    return col->v;
}

const struct fvt_dict *scan_dict(struct scan *s, int column) {
    return load_both(s, column) == FVT_OK ? s->column[column]->dict : NULL;
}

bool scan_zone(const struct scan *s, int column, int64_t *min, int64_t *max) {
    const struct fvt_group *g = s->item.group;
    const struct overrides *o = source_overrides(s->source);
    bool resampled = column == FLOW_sampling && s->resampled;
    int at = g->chunk_of[scan_field(column)];
    if (at < 0 && !resampled)
        return false;
    *min = at < 0 ? o->smallest : g->chunks[at].min;
    *max = at < 0 ? o->largest : g->chunks[at].max;
    if (resampled && o->smallest < *min)
        *min = o->smallest;
    if (resampled && o->largest > *max)
        *max = o->largest;
    return true;
}

uint64_t scan_largest(const struct scan *s, int column) {
    int64_t min, max;
    return scan_zone(s, column, &min, &max) && max > 0 ? (uint64_t)max : 0;
}

uint64_t scan_nulls(const struct scan *s, int column) {
    const struct fvt_group *g = s->item.group;
    int at = g->chunk_of[scan_field(column)];
    return at < 0 ? g->rows : g->chunks[at].nulls;
}

bool scan_inside_window(const struct scan *s) {
    return s->no_window;
}

bool scan_totals(const struct scan *s) {
    return s->item.totals;
}

const struct window *scan_window(const struct scan *s) {
    return &s->window;
}

unsigned scan_sides(const struct scan *s) {
    return s->item.sides;
}

enum { ROW_BITS = 40 }; /* of a position: rows of a file */

int64_t scan_position(const struct scan *s, uint32_t index) {
    return (int64_t)((uint64_t)s->item.place << ROW_BITS |
                     (s->item.group->first_row + s->first + index));
}

static int64_t rowid(uint64_t path_hash, uint64_t row) {
    uint64_t h = path_hash + row * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93); /* one to one, so unique in the file */
    return (int64_t)(h ^ h >> 32);
}

int64_t scan_rowid_at(const struct snapshot *snapshot, int64_t position) {
    const char *path = snapshot->paths[position >> ROW_BITS];
    return rowid(fvt_checksum(path, strlen(path)),
                 (uint64_t)position & ((UINT64_C(1) << ROW_BITS) - 1));
}

int64_t scan_rowid(const struct scan *s, uint32_t index) {
    return rowid(s->path_hash, s->item.group->first_row + s->first + index);
}

size_t scan_octets(const struct scan *s) {
    return fvt_cache_octets(s->cache);
}

uint32_t scan_group_rows(const struct scan *s) {
    return s->item.group->rows;
}

uint32_t scan_block_rows(const struct scan *s) {
    return s->n;
}

const uint16_t *scan_rows(const struct scan *s, uint32_t *n) {
    *n = s->nrows;
    return s->rows;
}

/* Spans of rows that all have a start and an end, in order and within the calendar: most blocks. */
static bool plain_spans(struct scan *s, const int64_t *ts, const int64_t *te, const uint8_t *ns) {
    if (!kernels()->are_spans(ts, te, s->n, FLOW_MS_MIN, FLOW_MS_MAX, FLOW_LONGEST_MS))
        return false;
    s->spans = (struct scan_spans){s->n, ts, te, ns, true};
    return true;
}

const struct scan_spans *scan_spans(struct scan *s) {
    if (s->spans_valid)
        return &s->spans;
    const uint8_t *ns, *ne, *nr = NULL;
    const int64_t *tr = NULL;
    const int64_t *ts = scan_values(s, FLOW_tstart, &ns);
    const int64_t *te = ts ? scan_values(s, FLOW_tend, &ne) : NULL;
    if (!te)
        return NULL;
    s->spans_valid = true;
    if (!memchr(ns, 1, s->n) && !memchr(ne, 1, s->n) && plain_spans(s, ts, te, ns))
        return &s->spans;
    for (uint32_t i = 0; i < s->n; i++) {
        if (ns[i] && ne[i] && !tr && !(tr = scan_values(s, FLOW_trecv, &nr)))
            return NULL;
        struct flow_span f = flow_span_of(ns[i] ? NULL : &ts[i], ne[i] ? NULL : &te[i],
                                          tr && !nr[i] ? &tr[i] : NULL);
        s->start[i] = f.start;
        s->end[i] = f.end;
        s->undated[i] = !f.known;
    }
    s->spans = (struct scan_spans){s->n, s->start, s->end, s->undated, false};
    return &s->spans;
}

static const int64_t *block_values(void *arg, int column, const uint8_t **nulls) {
    return scan_values(arg, column, nulls);
}

static bool has_sides(const struct scan *s) {
    return s->predicate->op == PREDICATE_OR && s->predicate->n == 2;
}

bool scan_test(struct scan *s, struct predicate *part, uint8_t pass[SCAN_BLOCK]) {
    for (int i = 0; s->sides_valid && i < 2; i++)
        if (part == s->predicate->child[i]) {
            memcpy(pass, s->side[i], s->n);
            return true;
        }
    struct predicate_block b = {block_values, s, s->n, s->before + s->first};
    enum predicate_zone zone;
    return bind(s, part, &zone) == FVT_OK && predicate_test(part, &b, pass);
}

/* Take out the rows of a roll-up that are not in the window. */
static bool apply_to_buckets(struct scan *s, uint8_t *pass) {
    const uint8_t *nulls;
    const int64_t *bucket = scan_values(s, FLOW_trecv, &nulls);
    for (uint32_t i = 0; bucket && i < s->n; i++)
        pass[i] &= !nulls[i] && bucket[i] >= s->window.since && bucket[i] < s->window.until;
    return bucket != NULL;
}

/* Take out the rows that are not in the window. False when a time cannot be had. */
static bool apply_window(struct scan *s, uint8_t *pass) {
    if (s->item.totals)
        return apply_to_buckets(s, pass);
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
        if ((s->used[clocks[i]] || window_needs(s, clocks[i])) &&
            load_column(s, clocks[i]) != FVT_OK)
            return false;
    const struct scan_spans *spans = scan_spans(s);
    uint8_t inside[SCAN_BLOCK];
    if (!spans)
        return false;
    kernels()->overlap(inside, spans->start, spans->end, s->n, s->window.since, s->window.until);
    kernels()->both(pass, inside, s->n);
    if (!spans->dated)
        kernels()->but_not(pass, spans->undated, s->n);
    return true;
}

/* Of each side, since it will be asked for, too. */
static bool test_sides(struct scan *s, uint8_t pass[SCAN_BLOCK]) {
    for (int i = 0; i < 2; i++)
        if (!scan_test(s, s->predicate->child[i], s->side[i]))
            return false;
    s->sides_valid = true;
    memcpy(pass, s->side[0], s->n);
    kernels()->either(pass, s->side[1], s->n);
    return true;
}

/* Which rows of the block pass. False when a column cannot be had. */
static bool select_rows(struct scan *s) {
    uint8_t pass[SCAN_BLOCK];
    struct predicate_block b = {block_values, s, s->n, s->before + s->first};
    if (s->all)
        memset(pass, 1, s->n);
    else if (has_sides(s) ? !test_sides(s, pass) : !predicate_test(s->predicate, &b, pass))
        return false;
    s->nrows = 0;
    if (!memchr(pass, 1, s->n))
        return true;
    if (!s->no_window && !apply_window(s, pass))
        return false;
    s->nrows = kernels()->places(s->rows, pass, s->n);
    return true;
}

void scan_share(struct scan *s, uint32_t part, uint32_t parts) {
    s->part = part;
    s->parts = parts;
}

uint32_t scan_block_row(const struct scan *s) {
    return s->first;
}

/* Small groups are divided, too. */
static bool is_others(const struct scan *s) {
    uint64_t share = s->item.group->first_row / SCAN_SHARE_ROWS + s->first / SCAN_SHARE_ROWS;
    return s->parts > 1 && share % s->parts != s->part;
}

/* The next block of the slice with a row in it. False at its end, or when a column cannot be had. */
static bool find_in_slice(struct scan *s) {
    enum { BLOCKS = 16 }; /* between questions whether to stop */
    uint32_t end = s->item.end;
    while (s->first + s->n < end) {
        s->first += s->n;
        if (s->first / SCAN_BLOCK % BLOCKS == BLOCKS - 1 && scan_must_stop(s)) {
            s->over = true;
            s->n = s->nrows = 0;
            return false;
        }
        s->n = end - s->first < SCAN_BLOCK ? end - s->first : SCAN_BLOCK;
        if (is_others(s))
            continue;
        for (int c = 0; c < SCAN_NCOLUMNS; c++)
            if (s->column[c])
                s->column[c]->valid = false;
        s->spans_valid = s->sides_valid = false;
        if (!select_rows(s)) {
            s->over = true;
            return false;
        }
        if (s->nrows) {
            s->ready = true;
            return true;
        }
    }
    return false;
}

/* The next block with a row in it; false at the end of the group, or when a column cannot be had. */
static bool find_block(struct scan *s) {
    while (!s->over) {
        if (find_in_slice(s))
            return true;
        s->over = s->over || !source_slice(s->source, &s->item);
        if (!s->over) {
            s->first = s->item.first;
            s->n = 0;
        }
    }
    return false;
}

bool scan_next_block(struct scan *s) {
    bool found = s->ready || find_block(s);
    s->ready = false;
    return found;
}

/* Prepare the group. 1: go on with its blocks; 0: nothing in it; negative: FVT_*. */
static int enter_group(struct scan *s) {
    const struct fvt_group *g = s->item.group;
    enum predicate_zone zone;
    const char *path = s->item.file->path;
    s->path_hash = fvt_checksum(path, strlen(path));
    const struct window *w = &s->item.window;
    s->window.since = s->asked.since > w->since ? s->asked.since : w->since;
    s->window.until = s->asked.until < w->until ? s->asked.until : w->until;
    s->first = s->item.first;
    s->n = 0;
    s->ready = s->over = false;
    s->failed = FVT_OK;
    s->in_group = true;
    s->resampled = !s->item.totals && overrides_touch_group(source_overrides(s->source), g);
    fvt_cache_enter(s->cache, s->item.file, g);
    predicate_unbind(s->predicate);
    if (g->damaged || !zone_in_window(s, g))
        return 0;
    if (bind(s, s->predicate, &zone) != FVT_OK)
        return leave_out(s);
    s->all = zone == ZONE_ALL;
    if (zone == ZONE_NONE)
        return 0;
    if (!(s->all && s->no_window) && !find_block(s))
        return s->failed ? leave_out(s) : 0;
    return load_all(s) == FVT_OK ? 1 : leave_out(s);
}

/* 1, or negative FVT_*. */
static int count_before(struct scan *s) {
    int rc = source_rows_before(s->source, &s->item, &s->before, &s->error);
    return rc == FVT_OK ? 1 : rc;
}

int scan_next_group(struct scan *s) {
    if (s->asked.since >= s->asked.until)
        return 0;
    for (;;) {
        if (s->in_group)
            leave_group(s);
        if (scan_must_stop(s))
            return stopped(s);
        int rc = source_next(s->source, &s->item, &s->error);
        if (rc == 1 && s->counts)
            rc = count_before(s);
        if (rc != 1)
            return rc;
        s->entering = true;
        rc = enter_group(s);
        s->entering = false;
        if (rc != 0)
            return rc;
    }
}
