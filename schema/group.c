/* SPDX-License-Identifier: MIT */
/*
** Row groups in memory: filled row by row by the writer, or column by column when a file is
** closed. Rows that are added gather on a stage, from which some at a time go into their columns.
** encode.c and live.c turn groups into bytes.
*/
#include "group.h"

/* Rows on the stage: few enough for the nearest caches, enough for loops over them to be worth it. */
enum { STAGE = 128, WORDS = (FLOW_NFIELDS + 63) / 64 };

/* Times are stored less their first, and half of what four octets can hold. */
static const uint64_t HALF = UINT64_C(1) << 31;

/* Where the rows of one kind have their values: they have the same fields. */
struct shape {
    uint64_t present[WORDS];
    uint8_t plain[FLOW_NFIELDS]; /* numbers */
    uint8_t coded[FLOW_NFIELDS]; /* texts and addresses */
    uint8_t nplain, ncoded;
    uint8_t ends; /* of coded, the first ones: addresses that are new in every row */
};

struct stage {
    uint32_t n;
    struct shape shape; /* of the last row */
    uint64_t present[STAGE][WORDS];
    uint32_t last[FLOW_NFIELDS]; /* of a coded column the last entry + 1 */
    union {
        int64_t v[STAGE];
        struct flow_ip ip[STAGE];
    } of[FLOW_NFIELDS];
};

/* Addresses that are looked up some at a time; the others are mostly those of the row before. */
static bool is_end(int field) {
    return field == FLOW_srcip || field == FLOW_dstip;
}

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
    fvt_totals_init(&g->fresh);
    return g;
}

void group_free(struct group *g) {
    if (!g)
        return;
    group_clear(g);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        column_free(&g->column[f]);
    for (int d = 0; d < GROUP_DICTS; d++)
        dict_builder_free(&g->dict[d]);
    group_free(g->sample);
    free(g->spare.p);
    free(g->packed.p);
    free(g->stage);
    if (g->owns_pool)
        pool_free(g->pool);
    free(g);
}

void group_clear(struct group *g) {
    g->rows = g->mirrored = g->sealed = 0;
    g->sealed_text = 0;
    g->due = g->full = false;
    fvt_totals_init(&g->totals);
    fvt_totals_init(&g->fresh);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        group_forget(g, f);
        column_clear(&g->column[f]);
    }
    for (int d = 0; d < GROUP_DICTS; d++)
        dict_builder_clear(&g->dict[d]);
    if (g->stage) {
        g->stage->n = 0;
        memset(g->stage->last, 0, sizeof g->stage->last);
    }
}

size_t group_text(const struct group *g) {
    size_t text = 0;
    for (int d = 0; d < GROUP_DICTS; d++)
        text += g->dict[d].text.n;
    return text;
}

uint32_t group_rows(const struct group *g) {
    return g->rows + (g->stage ? g->stage->n : 0);
}

/* Rows have come into the columns: is it time for a block, or for another group? */
static void look_at_size(struct group *g) {
    size_t text = group_text(g), octets = 0;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        octets += (size_t)g->column[f].count * g->column[f].octets;
    g->full = g->rows >= FVT_GROUP_ROWS || octets >= FVT_GROUP_OCTETS || text >= FVT_GROUP_TEXT;
    g->due =
        g->full || g->rows - g->sealed >= FVT_LIVE_ROWS || text - g->sealed_text >= FVT_GROUP_TEXT;
}

uint32_t group_room(const struct group *g) {
    uint32_t n = group_rows(g) - g->sealed;
    return g->due ? 0 : n < FVT_LIVE_ROWS ? FVT_LIVE_ROWS - n : STAGE;
}

bool group_cover(struct group *g) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (g->column[f].count && !column_cover(&g->column[f], g->rows - 1))
            return false;
    return true;
}

/* What a column's values are stored less, when this is the first of them. */
static uint64_t base_of(int field, int64_t first) {
    return flow_fields[field].class == FLOW_TIME ? (uint64_t)first - HALF : 0;
}

bool group_put(struct group *g, int field, uint32_t row, int64_t v) {
    return group_put_rows(g, field, row, &v, NULL, 1);
}

bool group_put_rows(struct group *g, int field, uint32_t row, const int64_t *v,
                    const uint8_t *nulls, uint32_t n) {
    struct group_column *c = &g->column[field];
    if (n == 0)
        return true;
    if (!nulls || !memchr(nulls, 1, n))
        return column_append(c, v, n, base_of(field, v[0]), g->expected) && column_mark(c, row, n);
    enum { STEP = 1024 };
    for (uint32_t at = 0; at < n; at += STEP) {
        int64_t some[STEP];
        uint32_t count = 0, end = n - at < STEP ? n : at + STEP;
        if (!column_cover(c, row + end - 1))
            return false;
        for (uint32_t i = at; i < end; i++)
            if (!nulls[i]) {
                c->present[(row + i) / 64] |= UINT64_C(1) << ((row + i) & 63);
                some[count++] = v[i];
            }
        if (count && !column_append(c, some, count, base_of(field, some[0]), g->expected))
            return false;
    }
    return true;
}

void group_cut(struct group *g) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        column_cut(&g->column[f], g->rows);
}

const int64_t *group_values(struct group *g, int field) {
    return column_values(&g->column[field], g->pool);
}

const int64_t *group_by_row(struct group *g, int field, int64_t **memory) {
    const struct group_column *c = &g->column[field];
    const int64_t *v = group_values(g, field);
    *memory = NULL;
    if (!v || c->count == g->rows)
        return v;
    int64_t *out = *memory = pool_get(g->pool, ((size_t)g->rows + 1) * sizeof *out);
    if (!out)
        return NULL;
    for (uint32_t row = 0, i = 0; row < g->rows; row++)
        out[row] = column_has(c, row) ? v[i++] : 0;
    return out;
}

void group_forget(struct group *g, int field) {
    column_forget(&g->column[field], g->pool);
}

/* ---- rows ------------------------------------------------------------------------------- */

/* The values of a column of the stage, entry numbers in place of addresses: all, or those of the rows that
** have one, n of them. */
static bool stage_values(struct group *g, int f, const uint32_t *rows, uint32_t n, int64_t *out) {
    const struct stage *s = g->stage;
    if (!is_end(f)) {
        for (uint32_t i = 0; i < n; i++)
            out[i] = s->of[f].v[rows ? rows[i] : i];
        return true;
    }
    struct flow_ip some[STAGE] = {{0}};
    uint32_t number[STAGE];
    for (uint32_t i = 0; rows && i < n; i++)
        some[i] = s->of[f].ip[rows[i]];
    if (!dict_builder_ips(&g->dict[g->dict_of[f]], rows ? some : s->of[f].ip, n, number))
        return false;
    for (uint32_t i = 0; i < n; i++)
        out[i] = number[i];
    return true;
}

/* A column that only some rows of the stage have. */
static bool drain_some(struct group *g, int f) {
    const struct stage *s = g->stage;
    struct group_column *c = &g->column[f];
    uint32_t rows[STAGE], n = 0;
    int64_t v[STAGE];
    if (!column_cover(c, g->rows + s->n - 1))
        return false;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->present[i][f / 64] >> (f & 63) & 1) {
            rows[n++] = i;
            c->present[(g->rows + i) / 64] |= UINT64_C(1) << ((g->rows + i) & 63);
        }
    return stage_values(g, f, rows, n, v) && column_append(c, v, n, base_of(f, v[0]), g->expected);
}

static bool drain_all(struct group *g, int f) {
    const struct stage *s = g->stage;
    int64_t number[STAGE];
    const int64_t *v = s->of[f].v;
    if (is_end(f)) {
        if (!stage_values(g, f, NULL, s->n, number))
            return false;
        v = number;
    }
    return group_put_rows(g, f, g->rows, v, NULL, s->n);
}

/* Bring the rows of the stage into the columns. */
static bool drain(struct group *g) {
    struct stage *s = g->stage;
    uint64_t some[WORDS] = {0}, all[WORDS];
    memset(all, 0xff, sizeof all);
    for (uint32_t i = 0; i < s->n; i++)
        for (int w = 0; w < WORDS; w++) {
            some[w] |= s->present[i][w];
            all[w] &= s->present[i][w];
        }
    bool ok = true;
    for (int w = 0; w < WORDS; w++)
        for (uint64_t bits = some[w]; ok && bits; bits &= bits - 1) {
            int f = w * 64 + __builtin_ctzll(bits);
            ok = all[w] >> (f & 63) & 1 ? drain_all(g, f) : drain_some(g, f);
        }
    if (!ok) {
        group_cut(g);
        return false;
    }
    g->rows += s->n;
    s->n = 0;
    look_at_size(g);
    return true;
}

static bool settle_stage(struct group *g) {
    return !g->stage || g->stage->n == 0 || drain(g);
}

bool group_settle(struct group *g) {
    bool ok = settle_stage(g);
    for (int f = 0; ok && f < FLOW_NFIELDS; f++)
        column_bounds(&g->column[f]);
    return ok;
}

void group_seal(struct group *g) {
    fvt_totals_add(&g->totals, &g->fresh);
    fvt_totals_init(&g->fresh);
    g->sealed = g->rows;
    g->sealed_text = group_text(g);
    g->due = false;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        column_seal(&g->column[f]);
}

static uint64_t saturating_add(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t saturating_mul(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* What counts in a row. */
struct counted {
    int64_t proto, rate, flows, packets, bytes, first, last;
};

static void count_one(struct fvt_totals *t, const struct counted *c) {
    int class = c->proto == 6                     ? FVT_TCP
                : c->proto == 17                  ? FVT_UDP
                : c->proto == 1 || c->proto == 58 ? FVT_ICMP
                                                  : FVT_OTHER;
    uint64_t rate = c->rate ? (uint64_t)c->rate : 1;
    t->flows[class] = saturating_add(t->flows[class], (uint64_t)c->flows);
    t->packets[class] =
        saturating_add(t->packets[class], saturating_mul((uint64_t)c->packets, rate));
    t->bytes[class] = saturating_add(t->bytes[class], saturating_mul((uint64_t)c->bytes, rate));
    if (c->first < t->first)
        t->first = c->first;
    if (c->last > t->last)
        t->last = c->last;
}

static int64_t value_or(const struct flow_row *row, int f, int64_t missing) {
    return flow_row_has(row, f) ? row->value[f].i : missing;
}

static void count_totals(struct fvt_totals *t, const struct flow_row *row) {
    count_one(t, &(struct counted){
                     .proto = value_or(row, FLOW_proto, 256),
                     .rate = value_or(row, FLOW_sampling, 1),
                     .flows = value_or(row, FLOW_flows, 1),
                     .packets = value_or(row, FLOW_packets, 0),
                     .bytes = value_or(row, FLOW_bytes, 0),
                     .first = value_or(row, FLOW_tstart, INT64_MAX),
                     .last = value_or(row, FLOW_tend, INT64_MIN),
                 });
}

static void count_rows(struct fvt_totals *t, const struct flow_rows *rows, uint32_t first,
                       uint32_t n) {
    static const int64_t no_proto = 256, none = 0, one = 1, never = INT64_MAX, ever = INT64_MIN;
    const struct flow_values proto = flow_rows_values(rows, FLOW_proto, &no_proto),
                             rate = flow_rows_values(rows, FLOW_sampling, &one),
                             flows = flow_rows_values(rows, FLOW_flows, &one),
                             packets = flow_rows_values(rows, FLOW_packets, &none),
                             bytes = flow_rows_values(rows, FLOW_bytes, &none),
                             begin = flow_rows_values(rows, FLOW_tstart, &never),
                             end = flow_rows_values(rows, FLOW_tend, &ever);
    for (uint32_t i = first; i < first + n; i++)
        count_one(t, &(struct counted){proto.v[i * proto.step], rate.v[i * rate.step],
                                       flows.v[i * flows.step], packets.v[i * packets.step],
                                       bytes.v[i * bytes.step], begin.v[i * begin.step],
                                       end.v[i * end.step]});
}

bool group_count(struct group *g) {
    static const int counted[] = {FLOW_proto, FLOW_sampling, FLOW_flows, FLOW_packets,
                                  FLOW_bytes, FLOW_tstart,   FLOW_tend};
    enum { N = sizeof counted / sizeof counted[0] };
    static const int64_t missing[N] = {256, 1, 1, 0, 0, INT64_MAX, INT64_MIN};
    uint32_t next[N] = {0};
    const int64_t *v[N];
    bool ok = group_cover(g);
    for (int i = 0; i < N; i++)
        ok = ok && (v[i] = group_values(g, counted[i]));
    fvt_totals_init(&g->totals);
    for (uint32_t row = 0; ok && row < g->rows; row++) {
        int64_t one[N];
        for (int i = 0; i < N; i++)
            one[i] = column_has(&g->column[counted[i]], row) ? v[i][next[i]++] : missing[i];
        count_one(&g->totals,
                  &(struct counted){one[0], one[1], one[2], one[3], one[4], one[5], one[6]});
    }
    for (int i = 0; i < N; i++)
        group_forget(g, counted[i]);
    return ok;
}

/* The entry number of a text or address, which is mostly that of the row before. */
static int64_t stage_entry(struct group *g, int f, const union flow_value *value) {
    struct dict_builder *d = &g->dict[g->dict_of[f]];
    uint32_t *last = &g->stage->last[f];
    int64_t entry;
    if (d->class == FLOW_IP) {
        if (*last && dict_same_ip(&d->ip[*last - 1], &value->ip))
            return *last - 1;
        entry = dict_builder_ip(d, &value->ip);
    } else {
        if (*last && dict_builder_is(d, *last - 1, value->text.p, value->text.n))
            return *last - 1;
        entry = dict_builder_text(d, value->text.p, value->text.n);
    }
    if (entry >= 0)
        *last = (uint32_t)entry + 1;
    return entry;
}

static void find_shape(struct shape *shape, const struct flow_row *row) {
    *shape = (struct shape){0};
    memcpy(shape->present, row->present, sizeof shape->present);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (flow_row_has(row, f) && is_end(f))
            shape->coded[shape->ncoded++] = (uint8_t)f;
    shape->ends = shape->ncoded;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (!flow_row_has(row, f) || is_end(f))
            continue;
        if (has_dict(f))
            shape->coded[shape->ncoded++] = (uint8_t)f;
        else
            shape->plain[shape->nplain++] = (uint8_t)f;
    }
}

static bool no_address(int f, const union flow_value *value) {
    return flow_fields[f].class == FLOW_IP && value->ip.family != 4 && value->ip.family != 6;
}

/* A stage with room, or NULL without memory. */
static struct stage *stage_ready(struct group *g) {
    if (!g->stage)
        g->stage = calloc(1, sizeof *g->stage);
    return g->stage && (g->stage->n < STAGE || drain(g)) ? g->stage : NULL;
}

int group_add(struct group *g, const struct flow_row *row) {
    struct stage *s = stage_ready(g);
    if (!s)
        return FVT_NOMEM;
    struct shape *shape = &s->shape;
    if (memcmp(shape->present, row->present, sizeof shape->present) != 0)
        find_shape(shape, row);
    uint32_t n = s->n;
    uint64_t *present = s->present[n];
    memcpy(present, row->present, sizeof s->present[n]);
    for (unsigned i = 0; i < shape->nplain; i++)
        s->of[shape->plain[i]].v[n] = row->value[shape->plain[i]].i;
    for (unsigned i = 0; i < shape->ncoded; i++) {
        int f = shape->coded[i];
        const union flow_value *value = &row->value[f];
        if (no_address(f, value))
            present[f / 64] &= ~(UINT64_C(1) << (f & 63)); /* NULL */
        else if (i < shape->ends)
            s->of[f].ip[n] = value->ip;
        else if ((s->of[f].v[n] = stage_entry(g, f, value)) < 0)
            return FVT_NOMEM;
    }
    count_totals(&g->fresh, row);
    s->n++;
    return FVT_OK;
}

/* A field of rows [first, first + n) onto the stage. *known is false when it is no address. */
static bool stage_column(struct group *g, int f, const struct flow_rows *rows, uint32_t first,
                         uint32_t n, bool *known) {
    struct stage *s = g->stage;
    const bool varies = rows->vary[f >> 6] >> (f & 63) & 1;
    const union flow_value *same = &rows->same[f];
    int64_t v = same->i;
    *known = varies || !no_address(f, same);
    if (!*known)
        return true;
    if (is_end(f)) {
        struct flow_ip *out = s->of[f].ip + s->n;
        for (uint32_t i = 0; i < n; i++)
            out[i] = varies ? rows->column[f].ip[first + i] : same->ip;
        return true;
    }
    if (varies && has_dict(f)) {
        for (uint32_t i = 0; i < n; i++) {
            const union flow_value one = {.ip = rows->column[f].ip[first + i]};
            if ((s->of[f].v[s->n + i] = stage_entry(g, f, &one)) < 0)
                return false;
        }
        return true;
    }
    if (varies) {
        memcpy(s->of[f].v + s->n, rows->column[f].i + first, n * sizeof v);
        return true;
    }
    if (has_dict(f) && (v = stage_entry(g, f, same)) < 0)
        return false;
    for (uint32_t i = 0; i < n; i++)
        s->of[f].v[s->n + i] = v;
    return true;
}

static bool stage_rows(struct group *g, const struct flow_rows *rows, uint32_t first, uint32_t n) {
    uint64_t present[WORDS];
    for (int w = 0; w < WORDS; w++) {
        present[w] = rows->present[w];
        for (uint64_t bits = present[w]; bits; bits &= bits - 1) {
            bool known;
            if (!stage_column(g, w * 64 + __builtin_ctzll(bits), rows, first, n, &known))
                return false;
            present[w] &= known ? UINT64_MAX : ~(bits & -bits);
        }
    }
    for (uint32_t i = 0; i < n; i++)
        memcpy(g->stage->present[g->stage->n + i], present, sizeof present);
    return true;
}

uint32_t group_add_rows(struct group *g, const struct flow_rows *rows, uint32_t first, uint32_t n) {
    uint32_t done = 0;
    while (done < n) {
        struct stage *s = stage_ready(g);
        uint32_t some = n - done;
        if (s && some > STAGE - s->n)
            some = STAGE - s->n;
        if (!s || !stage_rows(g, rows, first + done, some))
            break;
        count_rows(&g->fresh, rows, first + done, some);
        s->n += some;
        done += some;
    }
    return done;
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
