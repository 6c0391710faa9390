/* SPDX-License-Identifier: MIT */
/*
** Making roll-ups: the flows of row groups become pieces, one for each hour a flow was in; the
** pieces are added up by hour in a table for each set of columns; and what an hour came to is added up
** by day. When the tables take too much memory the largest is emptied into blocks.
*/
#include "rollup.h"
#include "meta.h"
#include "portion.h"
#include "rollup_table.h"

#include <stdio.h>

enum {
    /* Rows of a roll-up at most, as a part of the flows: reading it must be worth its while. */
    SHARE = 4,
    /* Octets of all roll-ups at most, as a part of what the flows take; and as long as that is not known,
    ** octets for each flow. The largest are left out. */
    SPACE = 8,
    OCTETS = 2,
    /* A roll-up by day must have so much less rows than that by hour: this many quarters. */
    QUARTERS = 3,
    MEMORY = 256 << 20, /* octets of the tables, unless the plan says otherwise */
    ADDRESS = 128,      /* octets of an address in the dictionary, at most */
    STEP = 2048,
    PIECES = 8192,
};

/* What of a flow lies in one hour. */
struct piece {
    uint16_t row; /* of the step */
    int64_t hour;
    struct rollup_sum sum;
};

/* A column of a row group, as far as it is read. */
struct source {
    struct fvt_chunk *chunk; /* NULL: NULL in all rows */
    struct fvt_dict *dict;
    int64_t *number; /* of each code in the builder's dictionary, -1: not asked for yet */
    int64_t v[STEP];
    uint8_t null[STEP];
};

struct rollup_builder {
    struct rollup_plan plan;
    uint64_t rows; /* to be expected */
    struct rollup_table hour[ROLLUP_SETS], day[ROLLUP_SETS];
    struct dict_builder ips;
    bool used[FLOW_NFIELDS];
    struct source *source[FLOW_NFIELDS];
    struct piece piece[PIECES];
    uint32_t npieces;
};

/* ---- the plan --------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static bool same_set(const struct rollup_set *a, const struct rollup_set *b) {
    return a->n == b->n && memcmp(a->field, b->field, (size_t)a->n * sizeof a->field[0]) == 0;
}

static bool has_field(const struct rollup_set *set, int field) {
    for (int i = 0; i < set->n; i++)
        if (set->field[i] == field)
            return true;
    return false;
}

/* One set of n octets, "srcip,dstip". */
static int parse_set(const char *text, size_t n, struct rollup_set *out, struct fvt_error *err) {
    *out = (struct rollup_set){1, {FLOW_exporter}};
    for (size_t at = 0; at <= n;) {
        size_t len = 0;
        while (at + len < n && text[at + len] != ',')
            len++;
        int f = flow_field_find(text + at, len);
        bool able = f >= 0 &&
                    (flow_fields[f].class == FLOW_UINT || flow_fields[f].class == FLOW_IP) &&
                    (flow_fields[f].role == FLOW_DIM || flow_fields[f].role == FLOW_META);
        if (!able) {
            fvt_fail(
                err,
                "roll-up %.*s: %.*s is no column to total by: give names of numbers and addresses "
                "with commas between, as in srcip,dstport",
                (int)n, text, (int)len, text + at);
            return FVT_UNKNOWN;
        }
        if (!has_field(out, f) && out->n == FVT_ROLLUP_COLUMNS) {
            fvt_fail(err, "roll-up %.*s: more than %d columns, exporter included", (int)n, text,
                     FVT_ROLLUP_COLUMNS);
            return FVT_UNKNOWN;
        }
        if (!has_field(out, f))
            out->field[out->n++] = f;
        at += len + 1;
    }
    qsort(out->field, (size_t)out->n, sizeof out->field[0], by_number);
    return FVT_OK;
}

int rollup_parse(const char *text, struct rollup_plan *out, struct fvt_error *err) {
    memset(out, 0, sizeof *out);
    out->memory = MEMORY;
    text = text ? text : ROLLUP_DEFAULT;
    if (strcmp(text, "none") == 0)
        return FVT_OK;
    for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        struct rollup_set set;
        int rc = parse_set(p, n, &set, err);
        bool twice = false;
        for (int i = 0; rc == FVT_OK && i < out->n; i++)
            twice |= same_set(&out->set[i], &set);
        if (rc == FVT_OK && !twice && out->n == ROLLUP_SETS) {
            fvt_fail(err, "more than %d roll-ups", ROLLUP_SETS);
            rc = FVT_UNKNOWN;
        }
        if (rc != FVT_OK)
            return rc;
        if (!twice)
            out->set[out->n++] = set;
        p += n;
    }
    return FVT_OK;
}

/* ---- pieces ----------------------------------------------------------------------------- */

struct rollup_builder *rollup_new(const struct rollup_plan *plan, uint64_t rows) {
    static const int always[] = {FLOW_tstart,  FLOW_tend,  FLOW_trecv,   FLOW_flows,
                                 FLOW_packets, FLOW_bytes, FLOW_sampling};
    struct rollup_builder *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->plan = *plan;
    b->rows = rows;
    dict_builder_init(&b->ips, FLOW_IP);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        b->used[always[i]] = true;
    bool ok = true;
    for (int i = 0; i < plan->n; i++) {
        rollup_table_init(&b->hour[i], &b->plan.set[i], ROLLUP_HOUR, rows / SHARE);
        rollup_table_init(&b->day[i], &b->plan.set[i], ROLLUP_DAY, rows / SHARE);
        b->hour[i].daily = &b->day[i];
        for (int k = 0; k < plan->set[i].n; k++)
            b->used[plan->set[i].field[k]] = true;
    }
    for (int f = 0; ok && f < FLOW_NFIELDS; f++)
        if (b->used[f])
            ok = (b->source[f] = calloc(1, sizeof *b->source[f])) != NULL;
    if (ok)
        return b;
    rollup_free(b);
    return NULL;
}

static void close_sources(struct rollup_builder *b) {
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        struct source *s = b->source[f];
        if (!s)
            continue;
        fvt_chunk_free(s->chunk);
        fvt_dict_free(s->dict);
        free(s->number);
        s->chunk = NULL;
        s->dict = NULL;
        s->number = NULL;
    }
}

void rollup_free(struct rollup_builder *b) {
    if (!b)
        return;
    close_sources(b);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        free(b->source[f]);
    for (int i = 0; i < b->plan.n; i++) {
        rollup_table_free(&b->hour[i]);
        rollup_table_free(&b->day[i]);
    }
    dict_builder_free(&b->ips);
    free(b);
}

static int open_source(struct source *s, const struct fvt_file *file, const struct fvt_group *g,
                       int field) {
    int at = g->chunk_of[field];
    if (at < 0)
        return FVT_OK;
    int rc = fvt_chunk_load(file, g, field, &s->chunk);
    if (rc == FVT_OK && g->chunks[at].dict >= 0)
        rc = fvt_dict_load(file, g, g->chunks[at].dict, &s->dict);
    if (rc != FVT_OK || !s->dict)
        return rc;
    s->number = malloc(((size_t)s->dict->n + 1) * sizeof *s->number);
    for (uint32_t i = 0; s->number && i < s->dict->n; i++)
        s->number[i] = -1;
    return s->number ? FVT_OK : FVT_NOMEM;
}

/* Rows [first, first + n) of a column; addresses become numbers of the builder's. */
static bool read_source(struct rollup_builder *b, struct source *s, int field, uint32_t first,
                        uint32_t n) {
    if (!s->chunk) {
        memset(s->v, 0, n * sizeof *s->v);
        memset(s->null, 1, n);
        return true;
    }
    fvt_chunk_read(s->chunk, first, n, s->v, s->null);
    for (uint32_t i = 0; i < n; i++) {
        if (!s->dict) {
            /* As queries take it: numbers below 0 are in forged files only. */
            s->v[i] = flow_fields[field].class == FLOW_UINT && s->v[i] < 0 ? 0 : s->v[i];
        } else if (!s->null[i]) {
            int64_t *number = &s->number[s->v[i]];
            if (*number < 0 && (*number = dict_builder_ip(&b->ips, &s->dict->ip[s->v[i]])) < 0)
                return false;
            s->v[i] = *number;
        }
    }
    return true;
}

/* ---- counting --------------------------------------------------------------------------- */

static bool empty_all(struct rollup_builder *b, bool hours, bool days, struct rollup_table *only) {
    uint32_t *rank = malloc(((size_t)b->ips.n + 1) * sizeof *rank);
    bool ok = rank && dict_builder_sort(&b->ips, rank);
    if (ok && only)
        ok = rollup_table_empty(only, &b->ips, rank);
    for (int i = 0; ok && hours && i < b->plan.n; i++)
        ok = rollup_table_empty(&b->hour[i], &b->ips, rank);
    for (int i = 0; ok && days && i < b->plan.n; i++)
        ok = rollup_table_empty(&b->day[i], &b->ips, rank);
    free(rank);
    return ok;
}

static size_t blocks_size(const struct rollup_table *t) {
    return t->blocks.n;
}

/* The table of the largest size when all together are over the limit, else NULL. */
static struct rollup_table *largest_over(struct rollup_builder *b, uint64_t limit,
                                         size_t (*size)(const struct rollup_table *t)) {
    struct rollup_table *largest = NULL;
    uint64_t total = 0;
    for (int i = 0; i < 2 * b->plan.n; i++) {
        struct rollup_table *t = i % 2 ? &b->day[i / 2] : &b->hour[i / 2];
        total += size(t);
        if (!largest || size(t) > size(largest))
            largest = t;
    }
    return total > limit ? largest : NULL;
}

static void keep_within_space(struct rollup_builder *b, uint64_t octets) {
    struct rollup_table *t;
    while ((t = largest_over(b, octets, blocks_size)) != NULL)
        rollup_table_give_up(t);
}

static bool keep_within_memory(struct rollup_builder *b) {
    struct rollup_table *t;
    while ((t = largest_over(b, b->plan.memory, rollup_table_size)) != NULL)
        if (!empty_all(b, false, false, t))
            return false;
    keep_within_space(b, b->rows * OCTETS);
    return true;
}

static bool add_piece(struct rollup_builder *b, struct rollup_table *t, const struct piece *p) {
    uint64_t key[ROLLUP_WORDS];
    unsigned nulls = 0;
    for (int i = 0; i < t->set->n; i++) {
        const struct source *s = b->source[t->set->field[i]];
        nulls |= (unsigned)s->null[p->row] << i;
        key[1 + i] = s->null[p->row] ? 0 : (uint64_t)s->v[p->row];
    }
    key[0] = rollup_word(p->hour, nulls);
    return rollup_table_add(t, key, &p->sum);
}

/* Set by set, so that one table at a time is in the processor's cache. */
static bool add_pieces(struct rollup_builder *b) {
    bool ok = true;
    for (int i = 0; ok && i < b->plan.n; i++)
        for (uint32_t p = 0; ok && rollup_table_live(&b->hour[i]) && p < b->npieces; p++)
            ok = add_piece(b, &b->hour[i], &b->piece[p]);
    b->npieces = 0;
    return ok;
}

static int64_t counter_of(const struct rollup_builder *b, int field, uint32_t row) {
    const struct source *s = b->source[field], *rate = b->source[FLOW_sampling];
    return s->null[row] ? 0 : flow_scaled(s->v[row], rate->null[row] ? 1 : rate->v[row]);
}

static const int64_t *time_of(const struct rollup_builder *b, int field, uint32_t row) {
    const struct source *s = b->source[field];
    return s->null[row] ? NULL : &s->v[row];
}

/* A row becomes a piece for each hour that it was in, also where nothing of its counters is: it was
** there. */
static bool cut_row(struct rollup_builder *b, uint32_t row) {
    const int64_t step = ROLLUP_HOUR * INT64_C(1000);
    const struct source *flows = b->source[FLOW_flows];
    struct flow_span f = flow_span_of(time_of(b, FLOW_tstart, row), time_of(b, FLOW_tend, row),
                                      time_of(b, FLOW_trecv, row));
    uint64_t count = flows->null[row] ? 1 : (uint64_t)flows->v[row];
    int64_t packets = counter_of(b, FLOW_packets, row), bytes = counter_of(b, FLOW_bytes, row);
    if (!f.known) {
        b->piece[b->npieces++] =
            (struct piece){(uint16_t)row,
                           ROLLUP_NO_BUCKET,
                           {count, (uint64_t)packets, (uint64_t)bytes, INT64_MAX, INT64_MIN}};
        return b->npieces < PIECES || add_pieces(b);
    }
    for (int64_t hour = flow_bucket_of(f.start, step); hour <= f.end; hour += step) {
        int64_t next = hour + step;
        b->piece[b->npieces++] = (struct piece){(uint16_t)row,
                                                hour / step,
                                                {hour <= f.start ? count : 0,
                                                 (uint64_t)(flow_portion_before(&f, packets, next) -
                                                            flow_portion_before(&f, packets, hour)),
                                                 (uint64_t)(flow_portion_before(&f, bytes, next) -
                                                            flow_portion_before(&f, bytes, hour)),
                                                 f.start, f.end}};
        if (b->npieces == PIECES && !add_pieces(b))
            return false;
    }
    return true;
}

static bool any_live(const struct rollup_builder *b) {
    for (int i = 0; i < b->plan.n; i++)
        if (rollup_table_live(&b->hour[i]))
            return true;
    return false;
}

static int count_rows(struct rollup_builder *b, const struct fvt_group *g) {
    bool ok = true;
    for (uint32_t first = 0; ok && first < g->rows; first += STEP) {
        uint32_t n = g->rows - first < STEP ? g->rows - first : STEP;
        for (int f = 0; ok && f < FLOW_NFIELDS; f++)
            if (b->used[f])
                ok = read_source(b, b->source[f], f, first, n);
        for (uint32_t row = 0; ok && row < n; row++)
            ok = cut_row(b, row);
        ok = ok && add_pieces(b) && keep_within_memory(b);
    }
    return ok ? FVT_OK : FVT_NOMEM;
}

int rollup_add(struct rollup_builder *b, const struct fvt_file *file, const struct fvt_group *g) {
    if (!any_live(b))
        return FVT_OK;
    if (b->ips.n > b->plan.memory / ADDRESS) {
        if (!empty_all(b, true, true, NULL))
            return FVT_NOMEM;
        dict_builder_clear(&b->ips);
    }
    int rc = FVT_OK;
    for (int f = 0; rc == FVT_OK && f < FLOW_NFIELDS; f++)
        if (b->used[f])
            rc = open_source(b->source[f], file, g, f);
    if (rc == FVT_OK)
        rc = count_rows(b, g);
    close_sources(b);
    return rc;
}

/* ---- the end ---------------------------------------------------------------------------- */

static void put_rollup(const struct rollup_table *t, struct fvt_buffer *out, uint64_t base,
                       struct fvt_buffer *meta) {
    size_t at = out->n;
    fvt_put(out, t->blocks.p, t->blocks.n);
    struct fvt_rollup r = {.seconds = t->seconds,
                           .rows = t->rows,
                           .ncolumns = (uint32_t)t->set->n,
                           .nblocks = t->nblocks,
                           .block = t->block};
    for (int i = 0; i < t->set->n; i++)
        r.column[i] = (uint32_t)t->set->field[i];
    meta_put_rollup(meta, &r, base + at);
}

int rollup_finish(struct rollup_builder *b, struct fvt_buffer *out, uint64_t base,
                  struct fvt_buffer *meta) {
    if (!empty_all(b, true, true, NULL))
        return FVT_NOMEM;
    for (int i = 0; i < b->plan.n; i++)
        if (b->hour[i].kept && b->day[i].rows > b->hour[i].rows / 4 * QUARTERS)
            rollup_table_give_up(&b->day[i]);
    keep_within_space(b, base / SPACE);
    for (int i = 0; i < b->plan.n; i++) {
        if (b->hour[i].nblocks)
            put_rollup(&b->hour[i], out, base, meta);
        if (b->day[i].nblocks)
            put_rollup(&b->day[i], out, base, meta);
    }
    return out->failed || meta->failed ? FVT_NOMEM : FVT_OK;
}
