/* SPDX-License-Identifier: MIT */
/*
** Grouping: keys of integers (addresses and texts by their number in a dictionary of the pass) in
** an open hash table.
*/
#include "totals.h"

#include "../schema/dict.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    COUNTERS = 6,
    MAX_PARTS = 64, /* of the hash space; each pass halves what is left */
    HASH_SHIFT = 40,
};

/* Counters of a group: traffic flows, packets, bytes, outpackets, outbytes; endpoints flows,
** packets, bytes as sender, then as receiver. */
static const struct {
    enum measure measure;
    int counter;
} measures[] = {
    {MEASURE_flows, 0},       {MEASURE_packets, 1},   {MEASURE_bytes, 2},
    {MEASURE_outpackets, 3},  {MEASURE_outbytes, 4},  {MEASURE_flows_out, 0},
    {MEASURE_packets_out, 1}, {MEASURE_bytes_out, 2}, {MEASURE_flows_in, 3},
    {MEASURE_packets_in, 4},  {MEASURE_bytes_in, 5},
};

/* Numbers of a group's codes in the pass's dictionary, found when first met. */
struct remap {
    uint64_t group;
    int64_t *id;
    uint32_t cap;
};

struct part {
    uint64_t mask, value; /* of the hash, shifted by HASH_SHIFT */
};

struct totals {
    const struct query *query;
    struct snapshot *snapshot;
    enum table_kind kind;
    struct dimension dim[MAX_DIMENSIONS];
    int ndims, width; /* width: integers of a key: NULL marks, dimensions, bucket */
    bool buckets;
    bool used[SCAN_NCOLUMNS];
    size_t budget;

    struct part stack[MAX_PARTS]; /* parts of the hash space still to do; the last is under way */
    int nparts;
    struct scan *scan;
    struct remap remap[SCAN_NCOLUMNS];
    struct dict_builder ips, texts;

    uint32_t n, cap, nslots;
    uint32_t *slots; /* group + 1 */
    uint64_t *hash;
    int64_t *key;      /* width a group */
    uint64_t *counter; /* COUNTERS a group */
    int64_t *first, *last;
    int64_t at; /* current group */
    struct fvt_error error;
};

static size_t budget_from_environment(void) {
    const char *text = getenv("FLOWVT_MEMORY");
    char *end = NULL;
    double n = text ? strtod(text, &end) : 0;
    if (!text || end == text || n <= 0)
        return (size_t)1 << 30;
    switch (*end) {
    case 'k':
    case 'K':
        n *= 1e3;
        break;
    case 'm':
    case 'M':
        n *= 1e6;
        break;
    case 'g':
    case 'G':
        n *= 1e9;
        break;
    }
    return n < 1e6 ? (size_t)1000000 : n > 1e15 ? (size_t)1 << 50 : (size_t)n;
}

struct totals *totals_new(const struct sql_table *t, const struct query *query,
                          struct snapshot *snapshot, const struct dimension *dims, int ndims,
                          bool buckets) {
    struct totals *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->query = query;
    s->snapshot = snapshot;
    s->kind = t->kind;
    s->ndims = ndims;
    s->buckets = buckets;
    s->width = 1 + ndims + buckets;
    s->budget = budget_from_environment();
    s->nparts = 1;
    s->at = -1;
    dict_builder_init(&s->ips, FLOW_IP);
    dict_builder_init(&s->texts, FLOW_TEXT);
    static const int always[] = {FLOW_flows,  FLOW_packets, FLOW_bytes,
                                 FLOW_tstart, FLOW_tend,    FLOW_trecv};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        s->used[always[i]] = true;
    if (t->kind == TABLE_TRAFFIC)
        s->used[FLOW_outpackets] = s->used[FLOW_outbytes] = true;
    for (int d = 0; d < ndims; d++) {
        s->dim[d] = dims[d];
        s->used[dims[d].side[0]] = s->used[dims[d].side[1]] = true;
    }
    return s;
}

void totals_free(struct totals *t) {
    if (!t)
        return;
    scan_free(t->scan);
    for (int c = 0; c < SCAN_NCOLUMNS; c++)
        free(t->remap[c].id);
    dict_builder_free(&t->ips);
    dict_builder_free(&t->texts);
    free(t->slots);
    free(t->hash);
    free(t->key);
    free(t->counter);
    free(t->first);
    free(t->last);
    free(t);
}

const char *totals_message(const struct totals *t) {
    return t->error.text;
}

/* ---- the table of groups ---------------------------------------------------------------- */

static uint64_t hash_key(const int64_t *key, int width) {
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < width; i++) {
        h = (h ^ (uint64_t)key[i]) * UINT64_C(0xd6e8feb86659fd93);
        h ^= h >> 32;
    }
    return h * UINT64_C(0xd6e8feb86659fd93);
}

static bool grow_array(void *array, size_t size) {
    void **p = array, *grown = realloc(*p, size);
    if (grown)
        *p = grown;
    return grown != NULL;
}

static void rebuild_slots(struct totals *t) {
    memset(t->slots, 0, t->nslots * sizeof *t->slots);
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t h = (uint32_t)t->hash[i] & (t->nslots - 1);
        while (t->slots[h])
            h = (h + 1) & (t->nslots - 1);
        t->slots[h] = i + 1;
    }
}

static bool grow_groups(struct totals *t) {
    size_t cap = t->cap ? (size_t)t->cap * 2 : 1024;
    if (cap > UINT32_MAX / 4 || !grow_array(&t->hash, cap * sizeof *t->hash) ||
        !grow_array(&t->key, cap * (size_t)t->width * sizeof *t->key) ||
        !grow_array(&t->counter, cap * COUNTERS * sizeof *t->counter) ||
        !grow_array(&t->first, cap * sizeof *t->first) ||
        !grow_array(&t->last, cap * sizeof *t->last) ||
        !grow_array(&t->slots, cap * 2 * sizeof *t->slots))
        return false;
    t->cap = (uint32_t)cap;
    t->nslots = (uint32_t)cap * 2;
    rebuild_slots(t);
    return true;
}

static size_t group_size(const struct totals *t) {
    return sizeof *t->hash + (size_t)t->width * sizeof *t->key + COUNTERS * sizeof *t->counter +
           2 * sizeof *t->first + 2 * sizeof *t->slots;
}

static bool in_part(const struct totals *t, uint64_t hash) {
    const struct part *p = &t->stack[t->nparts - 1];
    return (hash >> HASH_SHIFT & p->mask) == p->value;
}

static void move_group(struct totals *t, uint32_t to, uint32_t from) {
    if (to == from)
        return;
    t->hash[to] = t->hash[from];
    t->first[to] = t->first[from];
    t->last[to] = t->last[from];
    memcpy(t->key + (size_t)to * (size_t)t->width, t->key + (size_t)from * (size_t)t->width,
           (size_t)t->width * sizeof *t->key);
    memcpy(t->counter + (size_t)to * COUNTERS, t->counter + (size_t)from * COUNTERS,
           COUNTERS * sizeof *t->counter);
}

/* Put half of the current part off to a later pass. */
static void split_part(struct totals *t) {
    struct part now = t->stack[t->nparts - 1];
    uint64_t bit = now.mask + 1; /* masks are 0, 1, 3, 7, ... */
    t->stack[t->nparts - 1] = (struct part){now.mask | bit, now.value | bit};
    t->stack[t->nparts++] = (struct part){now.mask | bit, now.value};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->n; i++)
        if (in_part(t, t->hash[i]))
            move_group(t, kept++, i);
    t->n = kept;
    rebuild_slots(t);
}

/* The group of a key; -1: not of this pass; -2: no memory. */
static int64_t find_group(struct totals *t, const int64_t *key, uint64_t hash) {
    if (!in_part(t, hash))
        return -1;
    if (t->nslots) {
        for (uint32_t h = (uint32_t)hash & (t->nslots - 1); t->slots[h];
             h = (h + 1) & (t->nslots - 1)) {
            uint32_t g = t->slots[h] - 1;
            if (t->hash[g] == hash && memcmp(t->key + (size_t)g * (size_t)t->width, key,
                                             (size_t)t->width * sizeof *key) == 0)
                return g;
        }
    }
    if (t->n == t->cap) {
        while (t->n == t->cap && t->n && (size_t)t->cap * 2 * group_size(t) > t->budget &&
               t->nparts < MAX_PARTS && t->stack[t->nparts - 1].mask < (1 << 20))
            split_part(t);
        if (!in_part(t, hash))
            return -1;
        if (t->n == t->cap && !grow_groups(t))
            return -2;
    }
    uint32_t g = t->n++;
    t->hash[g] = hash;
    memcpy(t->key + (size_t)g * (size_t)t->width, key, (size_t)t->width * sizeof *key);
    memset(t->counter + (size_t)g * COUNTERS, 0, COUNTERS * sizeof *t->counter);
    t->first[g] = INT64_MAX;
    t->last[g] = INT64_MIN;
    uint32_t h = (uint32_t)hash & (t->nslots - 1);
    while (t->slots[h])
        h = (h + 1) & (t->nslots - 1);
    t->slots[h] = g + 1;
    return g;
}

/* ---- from rows to groups ---------------------------------------------------------------- */

/* A dimension in the current block, for one side. */
struct input {
    const int64_t *v;
    const uint8_t *null;
    const struct fvt_dict *dict;
    struct remap *remap;
};

/* A row's share of the counters and the time it covers. */
struct measured {
    int64_t v[COUNTERS];
    int ncounters; /* flows first */
    bool timed;
    int64_t start, end;
};

static bool open_remap(struct totals *t, struct input *in, int column) {
    struct remap *r = &t->remap[column];
    in->remap = r;
    if (!in->dict || r->group == scan_group(t->scan))
        return true;
    if (r->cap < in->dict->n) {
        if (!grow_array(&r->id, in->dict->n * sizeof *r->id))
            return false;
        r->cap = in->dict->n;
    }
    for (uint32_t i = 0; i < in->dict->n; i++)
        r->id[i] = -1;
    r->group = scan_group(t->scan);
    return true;
}

static bool open_inputs(struct totals *t, struct input in[2][MAX_DIMENSIONS], int sides) {
    for (int side = 0; side < sides; side++)
        for (int d = 0; d < t->ndims; d++) {
            struct input *i = &in[side][d];
            int column = t->dim[d].side[side];
            i->v = scan_values(t->scan, column, &i->null);
            i->dict = t->dim[d].class == FLOW_IP || t->dim[d].class == FLOW_TEXT
                          ? scan_dict(t->scan, column)
                          : NULL;
            if (!open_remap(t, i, column))
                return false;
        }
    return true;
}

static int64_t number_of(struct totals *t, const struct input *in, int64_t code) {
    int64_t *id = &in->remap->id[code];
    if (*id >= 0)
        return *id;
    if (in->dict->class == FLOW_IP) {
        const struct flow_ip *ip = &in->dict->ip[code];
        struct flow_ip masked =
            flow_ip_mask(ip, (unsigned)(ip->family == 4 ? t->query->mask4 : t->query->mask6));
        *id = dict_builder_ip(&t->ips, &masked);
    } else {
        *id = dict_builder_text(&t->texts, in->dict->text[code], in->dict->len[code]);
    }
    return *id;
}

static bool make_key(struct totals *t, const struct input *in, uint32_t row, int64_t *key) {
    key[0] = 0;
    for (int d = 0; d < t->ndims; d++) {
        if (in[d].null[row]) {
            key[0] |= (int64_t)(UINT64_C(1) << d);
            key[1 + d] = 0;
        } else if (in[d].dict) {
            key[1 + d] = number_of(t, &in[d], in[d].v[row]);
            if (key[1 + d] < 0)
                return false;
        } else {
            key[1 + d] = in[d].v[row];
        }
    }
    return true;
}

static int64_t before(const struct measured *m, int64_t counter, int64_t t) {
    if (t <= m->start)
        return 0;
    if (t > m->end)
        return counter;
    /* Unsigned, so that a span over all of time cannot overflow. */
    uint64_t length = (uint64_t)m->end - (uint64_t)m->start + 1;
    unsigned __int128 share =
        (unsigned __int128)(uint64_t)counter * ((uint64_t)t - (uint64_t)m->start);
    return length ? (int64_t)(share / length) : 0;
}

static uint64_t add_up(uint64_t a, int64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, (uint64_t)b, &sum) ? UINT64_MAX : sum;
}

/* Add what of the flow lies in [from, to) to the group of key; at: first counter of its side. */
static bool add_part(struct totals *t, const struct measured *m, const int64_t *key, int at,
                     int64_t from, int64_t to) {
    int64_t g = find_group(t, key, hash_key(key, t->width));
    if (g < 0)
        return g == -1;
    uint64_t *c = t->counter + (size_t)g * COUNTERS + at;
    bool whole = !m->timed || (from <= m->start && to > m->end);
    if (!m->timed || (m->start >= from && m->start < to))
        c[0] = add_up(c[0], m->v[0]);
    for (int i = 1; i < m->ncounters; i++)
        c[i] = add_up(c[i], whole ? m->v[i] : before(m, m->v[i], to) - before(m, m->v[i], from));
    if (m->timed && m->start < t->first[g])
        t->first[g] = m->start;
    if (m->timed && m->end > t->last[g])
        t->last[g] = m->end;
    return true;
}

static int64_t floor_to(int64_t t, int64_t step) {
    int64_t rest = t % step;
    return t - (rest < 0 ? rest + step : rest);
}

static bool add_row(struct totals *t, const struct measured *m, int64_t *key, int at) {
    const struct window *w = &t->query->window;
    int64_t from = w->since, to = w->until;
    if (!t->buckets)
        return add_part(t, m, key, at, from, to);
    int64_t *bucket = &key[1 + t->ndims];
    *bucket = 0;
    if (!m->timed) {
        key[0] |= INT64_MIN; /* no bucket */
        return add_part(t, m, key, at, from, to);
    }
    int64_t step = t->query->bucket * 1000;
    from = from > m->start ? from : m->start;
    to = to <= m->end ? to : m->end + 1;
    for (*bucket = floor_to(from, step); *bucket < to; *bucket += step) {
        int64_t a = *bucket > from ? *bucket : from;
        int64_t b = *bucket + step < to ? *bucket + step : to;
        if (!add_part(t, m, key, at, a, b))
            return false;
    }
    return true;
}

static bool add_block(struct totals *t) {
    static const int traffic[] = {FLOW_flows, FLOW_packets, FLOW_bytes, FLOW_outpackets,
                                  FLOW_outbytes};
    int sides = t->kind == TABLE_ENDPOINTS ? 2 : 1, ncounters = sides == 2 ? 3 : 5;
    struct input in[2][MAX_DIMENSIONS];
    const int64_t *counter[COUNTERS];
    const uint8_t *null[COUNTERS];
    uint8_t pass[2][SCAN_BLOCK];
    if (!open_inputs(t, in, sides))
        return false;
    for (int i = 0; i < ncounters; i++)
        counter[i] = scan_values(t->scan, traffic[i], &null[i]);
    for (int side = 0; sides == 2 && side < 2; side++)
        if (!scan_test(t->scan, t->query->side[side], pass[side]))
            return false;
    uint32_t n;
    const uint16_t *rows = scan_rows(t->scan, &n);
    int64_t key[1 + MAX_DIMENSIONS + 1];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];
        struct measured m = {.ncounters = ncounters};
        m.timed = scan_times(t->scan, row, &m.start, &m.end);
        for (int c = 0; c < ncounters; c++)
            m.v[c] = null[c][row] ? 0 : counter[c][row];
        for (int side = 0; side < sides; side++) {
            if (sides == 2 && !pass[side][row])
                continue;
            if (!make_key(t, in[side], row, key) || !add_row(t, &m, key, side * ncounters))
                return false;
        }
    }
    return true;
}

/* Read the store for the part of the hash space on top of the stack. */
static int run_pass(struct totals *t) {
    t->n = 0;
    if (t->nslots)
        rebuild_slots(t);
    dict_builder_clear(&t->ips);
    dict_builder_clear(&t->texts);
    for (int c = 0; c < SCAN_NCOLUMNS; c++)
        t->remap[c].group = 0;
    scan_free(t->scan);
    t->scan = scan_new(t->snapshot, t->query->predicate, &t->query->window, t->used);
    int rc = t->scan ? FVT_OK : FVT_NOMEM;
    while (rc == FVT_OK) {
        rc = scan_next(t->scan);
        if (rc <= 0)
            break;
        rc = add_block(t) ? FVT_OK : FVT_NOMEM;
    }
    if (rc == FVT_NOMEM)
        strcpy(t->error.text, "out of memory");
    else if (rc < 0)
        snprintf(t->error.text, sizeof t->error.text, "%s", scan_message(t->scan));
    scan_free(t->scan);
    t->scan = NULL;
    return rc;
}

int totals_next(struct totals *t) {
    if (t->at >= 0 && ++t->at < (int64_t)t->n)
        return 1;
    if (t->at >= 0)
        t->nparts--; /* the part under way is done */
    for (t->at = 0; t->nparts > 0; t->nparts--) {
        int rc = run_pass(t);
        if (rc != FVT_OK)
            return rc;
        if (t->n)
            return 1;
    }
    return 0;
}

/* ---- the current group ------------------------------------------------------------------ */

static const int64_t *current_key(const struct totals *t) {
    return t->key + (size_t)t->at * (size_t)t->width;
}

bool totals_null(const struct totals *t, int dim) {
    return (uint64_t)current_key(t)[0] >> dim & 1;
}

int64_t totals_integer(const struct totals *t, int dim) {
    return current_key(t)[1 + dim];
}

const struct flow_ip *totals_ip(const struct totals *t, int dim) {
    return &t->ips.ip[current_key(t)[1 + dim]];
}

const char *totals_text(const struct totals *t, int dim, size_t *n) {
    int64_t i = current_key(t)[1 + dim];
    size_t start = i ? t->texts.end[i - 1] : 0;
    *n = t->texts.end[i] - start;
    return *n ? (const char *)t->texts.text.p + start : "";
}

bool totals_bucket(const struct totals *t, int64_t *ms) {
    *ms = current_key(t)[1 + t->ndims];
    return current_key(t)[0] >= 0;
}

uint64_t totals_measure(const struct totals *t, enum measure m) {
    const uint64_t *c = t->counter + (size_t)t->at * COUNTERS;
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++)
        if (measures[i].measure == m) {
            uint64_t v = c[measures[i].counter];
            /* In endpoints flows, packets and bytes are those of both directions. */
            if (t->kind == TABLE_ENDPOINTS && m <= MEASURE_bytes)
                v = add_up(v, (int64_t)c[measures[i].counter + 3]);
            return v > INT64_MAX ? INT64_MAX : v;
        }
    return 0;
}

bool totals_span(const struct totals *t, int64_t *first, int64_t *last) {
    *first = t->first[t->at];
    *last = t->last[t->at];
    return *first <= *last;
}

int64_t totals_rowid(const struct totals *t) {
    const int64_t *key = current_key(t);
    struct fvt_buffer b = {0};
    fvt_put_int(&b, t->query->params, 8);
    fvt_put_int(&b, (uint64_t)key[0], 8);
    for (int d = 0; d < t->ndims; d++) {
        size_t n;
        const char *text;
        if (totals_null(t, d))
            continue;
        switch (t->dim[d].class) {
        case FLOW_IP:
            fvt_put_ip(&b, totals_ip(t, d));
            break;
        case FLOW_TEXT:
            text = totals_text(t, d, &n);
            fvt_put_int(&b, n, 8);
            fvt_put(&b, text, n);
            break;
        default:
            fvt_put_int(&b, (uint64_t)key[1 + d], 8);
            break;
        }
    }
    if (t->buckets)
        fvt_put_int(&b, (uint64_t)key[1 + t->ndims], 8);
    uint64_t h = b.failed ? 0 : fvt_checksum(b.p, b.n);
    free(b.p);
    return (int64_t)(h >> 1);
}
