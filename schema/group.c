/* SPDX-License-Identifier: MIT */
/*
** Row groups in memory: filled row by row by the writer, or column by column when a file is
** closed. Rows that are added gather on a stage, from which some at a time go into their columns.
** encode.c and live.c turn groups into bytes.
*/
#include "group.h"
#include "count.h"
#include "kernel.h"

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
    column_spare_free(&g->spare);
    free(g->packed.p);
    free(g->stage);
    if (g->owns_pool)
        pool_free(g->pool);
    free(g);
}

void group_clear(struct group *g) {
    g->rows = g->mirrored = g->sealed = g->looked = 0;
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
    memset(g->last, 0, sizeof g->last);
    if (g->stage)
        g->stage->n = 0;
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
    g->looked = g->rows;
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
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        struct group_column *c = &g->column[f];
        if (c->count && c->count < g->rows && !column_cover(c, g->rows - 1))
            return false;
    }
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

/* One row. */
static void count_row(struct fvt_totals *t, const struct flow_row *row) {
    struct flow_values of[COUNT_COLUMNS];
    for (int k = 0; k < COUNT_COLUMNS; k++) {
        const int f = count_fields[k];
        of[k].v = flow_row_has(row, f) ? &row->value[f].i : &count_missing[k];
        of[k].step = 0;
    }
    count_rows(t, of, 1);
}

/* The numbers of n rows from first on in a field that varies: where they are, or in room. */
static const int64_t *numbers(const struct flow_rows *rows, int f, uint32_t first, uint32_t n,
                              int64_t *room) {
    const unsigned octets = rows->octets[f];
    if (octets == sizeof *room)
        return rows->column[f].i + first;
    kernels()->widen(room, rows->column[f].u8 + (size_t)first * octets, n, octets, 0);
    return room;
}

/* Rows from first on. */
static void count_some(struct fvt_totals *t, const struct flow_rows *rows, uint32_t first,
                       uint32_t n) {
    struct flow_values of[COUNT_COLUMNS];
    int64_t room[COUNT_COLUMNS][FLOW_ROWS];
    for (int k = 0; k < COUNT_COLUMNS; k++) {
        const int f = count_fields[k];
        if (!flow_rows_has(rows, f))
            of[k] = (struct flow_values){&count_missing[k], 0};
        else if (!flow_rows_vary(rows, f))
            of[k] = (struct flow_values){&rows->same[f].i, 0};
        else
            of[k] = (struct flow_values){numbers(rows, f, first, n, room[k]), 1};
    }
    count_rows(t, of, n);
}

void group_count_from(const struct group *g, uint32_t first, struct fvt_totals *t) {
    enum { STEP = 512 };
    uint32_t next[COUNT_COLUMNS];
    for (int k = 0; k < COUNT_COLUMNS; k++)
        next[k] = column_before(&g->column[count_fields[k]], first);
    for (uint32_t at = first, n; at < g->rows; at += n) {
        int64_t v[COUNT_COLUMNS][STEP];
        struct flow_values of[COUNT_COLUMNS];
        n = g->rows - at < STEP ? g->rows - at : STEP;
        for (int k = 0; k < COUNT_COLUMNS; k++) {
            const struct group_column *c = &g->column[count_fields[k]];
            uint8_t nulls[STEP];
            of[k] = (struct flow_values){v[k], 1};
            if (c->count == 0 || (c->octets == 0 && c->count == g->rows)) {
                v[k][0] = c->count ? (int64_t)c->base : count_missing[k];
                of[k].step = 0;
                continue;
            }
            next[k] += column_read_rows(c, g->rows, at, next[k], n, v[k], nulls);
            for (uint32_t i = 0; c->count < g->rows && i < n; i++)
                v[k][i] = nulls[i] ? count_missing[k] : v[k][i];
        }
        count_rows(t, of, n);
    }
}

void group_count(struct group *g) {
    fvt_totals_init(&g->totals);
    group_count_from(g, 0, &g->totals);
}

/* The entry number of an address, or text, which is mostly that of the row before. */
static int64_t address_entry(struct group *g, int f, const struct flow_ip *ip) {
    struct dict_builder *d = &g->dict[g->dict_of[f]];
    const uint32_t last = g->last[f];
    if (last && dict_same_ip(&d->ip[last - 1], ip))
        return last - 1;
    const int64_t entry = dict_builder_ip(d, ip);
    g->last[f] = (uint32_t)(entry + 1);
    return entry;
}

static int64_t text_entry(struct group *g, int f, const char *p, size_t n) {
    struct dict_builder *d = &g->dict[g->dict_of[f]];
    const uint32_t last = g->last[f];
    if (last && dict_builder_is(d, last - 1, p, n))
        return last - 1;
    const int64_t entry = dict_builder_text(d, p, n);
    g->last[f] = (uint32_t)(entry + 1);
    return entry;
}

static int64_t value_entry(struct group *g, int f, const union flow_value *value) {
    return flow_fields[f].class == FLOW_IP ? address_entry(g, f, &value->ip)
                                           : text_entry(g, f, value->text.p, value->text.n);
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
        else if ((s->of[f].v[n] = value_entry(g, f, value)) < 0)
            return FVT_NOMEM;
    }
    count_row(&g->fresh, row);
    s->n++;
    return FVT_OK;
}

/* Entry numbers of the addresses of n rows from first on. */
static bool address_entries(struct group *g, int f, const struct flow_rows *rows, uint32_t first,
                            uint32_t n, uint32_t *out) {
    struct dict_builder *d = &g->dict[g->dict_of[f]];
    if (rows->octets[f] == 4)
        return dict_builder_ipv4s(d, rows->column[f].ip4 + first, n, out);
    const struct flow_ip *ip = rows->column[f].ip + first;
    if (is_end(f))
        return dict_builder_ips(d, ip, n, out);
    for (uint32_t i = 0; i < n; i++) {
        int64_t entry =
            i && dict_same_ip(&ip[i], &ip[i - 1]) ? out[i - 1] : address_entry(g, f, &ip[i]);
        if (entry < 0)
            return false;
        out[i] = (uint32_t)entry;
    }
    return true;
}

/* A field of n rows from first on, which all have it, to its column. */
static bool append_column(struct group *g, int f, const struct flow_rows *rows, uint32_t first,
                          uint32_t n) {
    struct group_column *c = &g->column[f];
    const union flow_value *same = &rows->same[f];
    const unsigned octets = rows->octets[f];
    uint32_t entry[FLOW_ROWS];
    bool ok = true;
    if (!flow_rows_vary(rows, f)) {
        if (no_address(f, same))
            return true;
        int64_t v = has_dict(f) ? value_entry(g, f, same) : same->i;
        ok = !(has_dict(f) && v < 0) && column_append_same(c, v, n, base_of(f, v), g->expected);
    } else if (has_dict(f)) {
        ok = address_entries(g, f, rows, first, n, entry);
        for (uint32_t i = 0; ok && i < n; i++)
            entry[i] = htole32(entry[i]);
        ok = ok && column_append_narrow(c, (const uint8_t *)entry, n, sizeof *entry, g->expected);
    } else if (octets < sizeof(int64_t) && flow_fields[f].class != FLOW_TIME) {
        ok = column_append_narrow(c, rows->column[f].u8 + (size_t)first * octets, n, octets,
                                  g->expected);
    } else {
        int64_t room[FLOW_ROWS];
        const int64_t *v = numbers(rows, f, first, n, room);
        ok = column_append(c, v, n, base_of(f, v[0]), g->expected);
    }
    return ok && column_mark(c, g->rows, n);
}

/* Rows to their columns, behind those of the stage. */
static bool append_rows(struct group *g, const struct flow_rows *rows, uint32_t first, uint32_t n) {
    bool ok = settle_stage(g);
    for (int w = 0; w < WORDS; w++)
        for (uint64_t bits = rows->present[w]; ok && bits; bits &= bits - 1)
            ok = append_column(g, w * 64 + __builtin_ctzll(bits), rows, first, n);
    if (!ok) {
        group_cut(g);
        return false;
    }
    g->rows += n;
    if (g->rows - g->looked >= STAGE)
        look_at_size(g);
    return true;
}

/* A field of rows [first, first + n) onto the stage. *known is false when it is no address. */
static bool stage_column(struct group *g, int f, const struct flow_rows *rows, uint32_t first,
                         uint32_t n, bool *known) {
    struct stage *s = g->stage;
    const bool varies = flow_rows_vary(rows, f);
    const union flow_value *same = &rows->same[f];
    int64_t v = same->i;
    *known = varies || !no_address(f, same);
    if (!*known)
        return true;
    if (is_end(f)) {
        struct flow_ip *out = s->of[f].ip + s->n;
        for (uint32_t i = 0; i < n; i++)
            out[i] = flow_rows_ip(rows, f, first + i);
        return true;
    }
    if (varies && has_dict(f)) {
        for (uint32_t i = 0; i < n; i++) {
            const struct flow_ip ip = flow_rows_ip(rows, f, first + i);
            if ((s->of[f].v[s->n + i] = address_entry(g, f, &ip)) < 0)
                return false;
        }
        return true;
    }
    if (varies) {
        for (uint32_t i = 0; i < n; i++)
            s->of[f].v[s->n + i] = flow_rows_number(rows, f, first + i);
        return true;
    }
    if (has_dict(f) && (v = value_entry(g, f, same)) < 0)
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
    g->stage->n += n;
    return true;
}

uint32_t group_add_rows(struct group *g, const struct flow_rows *rows, uint32_t first, uint32_t n) {
    /* What is done for each column of few rows would take longer than what is done for their values; nor are the rows of
    ** templates that take turns to send the stage's on their way some at a time. */
    enum { FEW = 24 };
    uint32_t done = 0;
    while (done < n) {
        uint32_t some = n - done;
        struct stage *s = some < FEW ? stage_ready(g) : NULL;
        if (s && some > STAGE - s->n)
            some = STAGE - s->n;
        if (s ? !stage_rows(g, rows, first + done, some)
              : !append_rows(g, rows, first + done, some))
            break;
        count_some(&g->fresh, rows, first + done, some);
        done += some;
    }
    return done;
}
