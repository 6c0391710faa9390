/* SPDX-License-Identifier: MIT */
/*
** Row groups in memory: filled row by row by the writer, or column by column when a file is
** closed. encode.c turns them into bytes.
*/
#include "group.h"

#include "format.h"

static bool has_dict(int field) {
    return flow_fields[field].class == FLOW_IP || flow_fields[field].class == FLOW_TEXT;
}

struct group *group_new(void) {
    struct group *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    int n = 0;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        g->dict_of[f] = -1;
        if (!has_dict(f))
            continue;
        g->dict_of[f] = (int8_t)(f == FLOW_dstip ? g->dict_of[FLOW_srcip] : n++);
        dict_builder_init(&g->dict[g->dict_of[f]], flow_fields[f].class);
    }
    fvt_totals_init(&g->totals);
    g->pool = pool_new_large();
    return g;
}

void group_free(struct group *g) {
    if (!g)
        return;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        free(g->column[f].v);
        free(g->column[f].present);
    }
    for (int d = 0; d < GROUP_DICTS; d++)
        dict_builder_free(&g->dict[d]);
    pool_free(g->pool);
    free(g);
}

void group_clear(struct group *g) {
    g->rows = g->mirrored = 0;
    fvt_totals_init(&g->totals);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        struct group_column *c = &g->column[f];
        c->count = 0;
        if (c->present)
            memset(c->present, 0, c->words * sizeof *c->present);
    }
    for (int d = 0; d < GROUP_DICTS; d++)
        dict_builder_clear(&g->dict[d]);
}

bool group_full(const struct group *g) {
    size_t text = 0;
    for (int d = 0; d < GROUP_DICTS; d++)
        text += g->dict[d].text.n;
    return g->rows >= FVT_LIVE_ROWS || text >= FVT_GROUP_TEXT;
}

static bool bitmap_grow(struct group_column *c, uint32_t row) {
    size_t need = (size_t)row / 64 + 1;
    if (need <= c->words)
        return true;
    size_t words = c->words ? c->words * 2 : 16;
    while (words < need)
        words *= 2;
    uint64_t *present = realloc(c->present, words * sizeof *present);
    if (!present)
        return false;
    memset(present + c->words, 0, (words - c->words) * sizeof *present);
    c->present = present;
    c->words = words;
    return true;
}

/* Room for n more values, up to that row. */
static bool column_grow(struct group_column *c, uint32_t n, uint32_t row, uint32_t expected) {
    if (n > c->cap - c->count) {
        uint32_t cap = c->cap ? c->cap : expected > 1024 ? expected : 1024;
        while (cap - c->count < n)
            cap *= 2;
        int64_t *v = malloc_large(cap * sizeof *v);
        if (!v)
            return false;
        if (c->count)
            memcpy(v, c->v, c->count * sizeof *v);
        free(c->v);
        c->v = v;
        c->cap = cap;
    }
    return bitmap_grow(c, row);
}

bool group_cover(struct group *g) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (g->column[f].count && !bitmap_grow(&g->column[f], g->rows - 1))
            return false;
    return true;
}

bool group_put(struct group *g, int field, uint32_t row, int64_t v) {
    struct group_column *c = &g->column[field];
    if ((c->count == c->cap || row / 64 >= c->words) && !column_grow(c, 1, row, 0))
        return false;
    c->v[c->count++] = v;
    c->present[row / 64] |= UINT64_C(1) << (row & 63);
    return true;
}

bool group_put_rows(struct group *g, int field, uint32_t row, const int64_t *v, uint32_t n) {
    struct group_column *c = &g->column[field];
    if (n == 0)
        return true;
    if (!column_grow(c, n, row + n - 1, g->expected))
        return false;
    memcpy(c->v + c->count, v, n * sizeof *v);
    c->count += n;
    for (uint32_t end = row + n, some; row < end; row += some) {
        some = 64 - (row & 63);
        some = some < end - row ? some : end - row;
        c->present[row / 64] |= UINT64_MAX >> (64 - some) << (row & 63);
    }
    return true;
}

void group_cut(struct group *g) {
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        struct group_column *c = &g->column[f];
        for (uint32_t w = g->rows / 64; w < c->words; w++) {
            uint64_t kept = w == g->rows / 64 ? (UINT64_C(1) << (g->rows & 63)) - 1 : 0;
            c->count -= (uint32_t)__builtin_popcountll(c->present[w] & ~kept);
            c->present[w] &= kept;
        }
    }
}

static int put_field(struct group *g, int f, const union flow_value *value) {
    int64_t v = value->i;
    if (flow_fields[f].class == FLOW_IP) {
        if (value->ip.family != 4 && value->ip.family != 6)
            return FVT_OK; /* no address: NULL */
        v = dict_builder_ip(&g->dict[g->dict_of[f]], &value->ip);
    } else if (flow_fields[f].class == FLOW_TEXT) {
        v = dict_builder_text(&g->dict[g->dict_of[f]], value->text.p, value->text.n);
    } else {
        return group_put(g, f, g->rows, v) ? FVT_OK : FVT_NOMEM;
    }
    return v >= 0 && group_put(g, f, g->rows, v) ? FVT_OK : FVT_NOMEM;
}

static uint64_t saturating_add(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t saturating_mul(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t value_or(const struct flow_row *row, int f, uint64_t missing) {
    return flow_row_has(row, f) ? (uint64_t)row->value[f].i : missing;
}

static void count_totals(struct fvt_totals *t, const struct flow_row *row) {
    uint64_t proto = value_or(row, FLOW_proto, 256);
    int class = proto == 6                  ? FVT_TCP
                : proto == 17               ? FVT_UDP
                : proto == 1 || proto == 58 ? FVT_ICMP
                                            : FVT_OTHER;
    uint64_t rate = value_or(row, FLOW_sampling, 1);
    if (rate == 0)
        rate = 1;
    t->flows[class] = saturating_add(t->flows[class], value_or(row, FLOW_flows, 1));
    t->packets[class] =
        saturating_add(t->packets[class], saturating_mul(value_or(row, FLOW_packets, 0), rate));
    t->bytes[class] =
        saturating_add(t->bytes[class], saturating_mul(value_or(row, FLOW_bytes, 0), rate));
    if (flow_row_has(row, FLOW_tstart) && row->value[FLOW_tstart].i < t->first)
        t->first = row->value[FLOW_tstart].i;
    if (flow_row_has(row, FLOW_tend) && row->value[FLOW_tend].i > t->last)
        t->last = row->value[FLOW_tend].i;
}

bool group_count(struct group *g) {
    static const int counted[] = {FLOW_proto, FLOW_sampling, FLOW_flows, FLOW_packets,
                                  FLOW_bytes, FLOW_tstart,   FLOW_tend};
    enum { N = sizeof counted / sizeof counted[0] };
    uint32_t next[N] = {0};
    if (!group_cover(g))
        return false;
    fvt_totals_init(&g->totals);
    for (uint32_t row = 0; row < g->rows; row++) {
        struct flow_row r;
        flow_row_clear(&r);
        for (int i = 0; i < N; i++) {
            const struct group_column *c = &g->column[counted[i]];
            if (column_has(c, row)) {
                r.value[counted[i]].i = c->v[next[i]++];
                r.present[counted[i] / 64] |= UINT64_C(1) << (counted[i] & 63);
            }
        }
        count_totals(&g->totals, &r);
    }
    return true;
}

/* Take back what a row that could not be finished has left in the columns. */
static void drop_row(struct group *g, uint32_t row) {
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        struct group_column *c = &g->column[f];
        if (column_has(c, row)) {
            c->present[row / 64] &= ~(UINT64_C(1) << (row & 63));
            c->count--;
        }
    }
}

int group_add(struct group *g, const struct flow_row *row) {
    for (size_t w = 0; w < sizeof row->present / sizeof row->present[0]; w++) {
        for (uint64_t bits = row->present[w]; bits; bits &= bits - 1) {
            int f = (int)(w * 64) + __builtin_ctzll(bits);
            if (put_field(g, f, &row->value[f]) != FVT_OK) {
                drop_row(g, g->rows);
                return FVT_NOMEM;
            }
        }
    }
    count_totals(&g->totals, row);
    g->rows++;
    return FVT_OK;
}

void fvt_totals_init(struct fvt_totals *t) {
    memset(t, 0, sizeof *t);
    t->first = INT64_MAX;
    t->last = INT64_MIN;
}

void fvt_totals_add(struct fvt_totals *t, const struct fvt_totals *more) {
    for (int p = 0; p < FVT_NPROTO; p++) {
        t->flows[p] = saturating_add(t->flows[p], more->flows[p]);
        t->packets[p] = saturating_add(t->packets[p], more->packets[p]);
        t->bytes[p] = saturating_add(t->bytes[p], more->bytes[p]);
    }
    if (more->first < t->first)
        t->first = more->first;
    if (more->last > t->last)
        t->last = more->last;
}
