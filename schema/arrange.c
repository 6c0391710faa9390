/* SPDX-License-Identifier: MIT */
/*
** Pairing flows with their answers: same protocol and exporter, addresses and ports the other way
** round. A hash table over the rows, addressed by what both directions have in common, holds the
** last row of each connection that has no partner yet.
*/
#include "arrange.h"

/* Fewer rows, where there is little to gain, or fewer pairs than one row in so many, are left as they
** came. */
enum { MIN_ROWS = 1500, MIN_SHARE = 16 };
/* An answer begins within this time of what it answers, ms: the longest active timeout in use. */
enum { MAX_APART = 30 * 60 * 1000 };

/* A row by what it has in common with its answer, in one line of the cache. A NULL is 0, addresses and
** ports are one more than their value. */
struct flow_key {
    uint32_t srcip, dstip, srcport, dstport;
    uint32_t origin; /* protocol and exporter */
    uint32_t hash;   /* the same for both directions; 0: not to be paired */
    int64_t tstart;
};

struct slot {
    uint32_t row; /* + 1, 0: free */
    uint32_t hash;
};

/* In partner: the row is the one that is asked first. */
static const uint32_t ASKS = UINT32_C(1) << 31;

struct pairing {
    struct group *g;
    struct flow_key *key; /* by row */
    uint32_t *partner;    /* of each row its partner + 1, 0: none */
    struct slot *slots;
    uint32_t nslots;
};

/* The same for both directions. Seeded, since whoever sends flows chooses what is hashed. */
static uint32_t connection_hash(const struct flow_key *k) {
    bool turned = k->srcip != k->dstip ? k->srcip > k->dstip : k->srcport > k->dstport;
    const uint32_t both[] = {turned ? k->dstip : k->srcip, turned ? k->srcip : k->dstip,
                             turned ? k->dstport : k->srcport, turned ? k->srcport : k->dstport,
                             k->origin};
    return (uint32_t)fvt_hash(both, sizeof both) | 1;
}

/* A source of numbers for keys. */
struct key_column {
    const struct group_column *c;
    const int64_t *v; /* by row */
    uint64_t limit;   /* numbers from this one on are not for keys */
};

static inline uint32_t key_number(const struct key_column *k, uint32_t row, uint32_t rows,
                                  bool *fits) {
    if (k->c->count < rows && !column_has(k->c, row))
        return 0;
    uint64_t v = (uint64_t)k->v[row];
    *fits &= v < k->limit;
    return (uint32_t)v + 1;
}

/* Fill key. Rows with numbers that no protocol knows are left without a partner. */
static bool make_keys(struct pairing *p) {
    enum { SRCIP, DSTIP, SRCPORT, DSTPORT, PROTO, EXPORTER, TSTART, N };
    static const struct {
        int field;
        uint32_t limit;
    } part[N] = {{FLOW_srcip, UINT32_MAX}, {FLOW_dstip, UINT32_MAX}, {FLOW_srcport, 1 << 16},
                 {FLOW_dstport, 1 << 16},  {FLOW_proto, 255},        {FLOW_exporter, (1 << 24) - 1},
                 {FLOW_tstart, 0}};
    struct group *g = p->g;
    struct key_column from[N];
    int64_t *memory[N];
    bool ok = true;
    for (int i = 0; i < N; i++) {
        from[i] = (struct key_column){&g->column[part[i].field],
                                      group_by_row(g, part[i].field, &memory[i]), part[i].limit};
        ok = ok && from[i].v;
    }
    for (uint32_t row = 0; ok && row < g->rows; row++) {
        struct flow_key k = {0};
        bool fits = true;
        k.srcip = key_number(&from[SRCIP], row, g->rows, &fits);
        k.dstip = key_number(&from[DSTIP], row, g->rows, &fits);
        k.srcport = key_number(&from[SRCPORT], row, g->rows, &fits);
        k.dstport = key_number(&from[DSTPORT], row, g->rows, &fits);
        k.origin = key_number(&from[PROTO], row, g->rows, &fits) << 24 |
                   key_number(&from[EXPORTER], row, g->rows, &fits);
        k.tstart = from[TSTART].v[row];
        k.hash = fits ? connection_hash(&k) : 0;
        p->key[row] = k;
    }
    for (int i = 0; i < N; i++) {
        pool_put(g->pool, memory[i]);
        group_forget(g, part[i].field);
    }
    return ok;
}

static bool same_connection(const struct flow_key *a, const struct flow_key *b, bool turned) {
    return a->srcip == (turned ? b->dstip : b->srcip) &&
           a->dstip == (turned ? b->srcip : b->dstip) &&
           a->srcport == (turned ? b->dstport : b->srcport) &&
           a->dstport == (turned ? b->srcport : b->dstport) && a->origin == b->origin;
}

static bool close_in_time(const struct flow_key *a, const struct flow_key *b) {
    uint64_t apart = (uint64_t)a->tstart - (uint64_t)b->tstart;
    return apart + MAX_APART <= (uint64_t)2 * MAX_APART;
}

/* Of an earlier row and its answer, is the earlier one asked first? The server's port is the lower one
** as a rule; what all clients share compresses best when it is in one column. */
static bool asks(const struct flow_key *earlier, const struct flow_key *later) {
    if (earlier->srcport != earlier->dstport)
        return earlier->srcport > earlier->dstport;
    return earlier->tstart <= later->tstart;
}

/* Look for what the row answers; returns whether there is something. */
static bool pair_row(struct pairing *p, uint32_t row) {
    const struct flow_key *k = &p->key[row];
    bool paired = false;
    if (k->hash == 0)
        return false;
    uint32_t at = k->hash >> 1 & (p->nslots - 1);
    for (; p->slots[at].row; at = (at + 1) & (p->nslots - 1)) {
        uint32_t other = p->slots[at].row - 1;
        const struct flow_key *o = &p->key[other];
        if (p->slots[at].hash != k->hash)
            continue;
        bool turned = same_connection(k, o, true);
        if (!turned && !same_connection(k, o, false))
            continue;
        paired = turned && p->partner[other] == 0 && close_in_time(k, o);
        if (paired) {
            bool first = asks(o, k);
            p->partner[other] = (row + 1) | (first ? ASKS : 0);
            p->partner[row] = (other + 1) | (first ? 0 : ASKS);
        }
        break;
    }
    /* The last row of a connection is the one that may still be answered. */
    p->slots[at] = (struct slot){row + 1, k->hash};
    return paired;
}

/* Of how many pairs the rows are. Slots and what they lead to are all over the memory, and are asked for
** some rows ahead. */
static uint32_t pair_rows(struct pairing *p) {
    enum { AHEAD = 32 };
    uint32_t pairs = 0, rows = p->g->rows;
    for (uint32_t first = 0; first < rows; first += AHEAD) {
        uint32_t end = rows - first < AHEAD ? rows : first + AHEAD;
        for (uint32_t row = first; row < end; row++)
            __builtin_prefetch(&p->slots[p->key[row].hash >> 1 & (p->nslots - 1)], 1);
        for (uint32_t row = first; row < end; row++) {
            const struct slot *s = &p->slots[p->key[row].hash >> 1 & (p->nslots - 1)];
            if (s->row)
                __builtin_prefetch(&p->key[s->row - 1]);
        }
        for (uint32_t row = first; row < end; row++)
            pairs += pair_row(p, row);
    }
    return pairs;
}

/* from[i]: which row comes to place i. */
static void choose_order(const struct pairing *p, uint32_t pairs, uint32_t *from) {
    uint32_t asked = 0, rest = pairs * 2;
    for (uint32_t row = 0; row < p->g->rows; row++) {
        if (p->partner[row] == 0) {
            from[rest++] = row;
        } else if (p->partner[row] & ASKS) {
            from[asked] = row;
            from[pairs + asked++] = (p->partner[row] & ~ASKS) - 1;
        }
    }
}

static bool pairing_init(struct pairing *p, struct group *g) {
    *p = (struct pairing){.g = g, .nslots = 1024};
    while (p->nslots / 2 < g->rows)
        p->nslots *= 2;
    p->slots = pool_get(g->pool, p->nslots * sizeof *p->slots);
    p->partner = pool_get(g->pool, g->rows * sizeof *p->partner);
    p->key = pool_get(g->pool, g->rows * sizeof *p->key);
    if (!p->slots || !p->partner || !p->key)
        return false;
    memset(p->slots, 0, p->nslots * sizeof *p->slots);
    memset(p->partner, 0, g->rows * sizeof *p->partner);
    return make_keys(p);
}

static void pairing_free(struct pairing *p) {
    pool_put(p->g->pool, p->slots);
    pool_put(p->g->pool, p->partner);
    pool_put(p->g->pool, p->key);
}

/* Put the rows in their order. */
static bool reorder(struct group *g, const uint32_t *from) {
    bool ok = true;
    for (int f = 0; ok && f < FLOW_NFIELDS; f++)
        ok = g->column[f].count == 0 || column_permute(&g->column[f], from, g->rows, &g->spare);
    return ok;
}

bool group_arrange(struct group *g) {
    g->mirrored = 0;
    if (g->rows < MIN_ROWS || g->column[FLOW_srcip].count == 0 || g->column[FLOW_dstip].count == 0)
        return true;
    struct pairing p;
    bool ok = pairing_init(&p, g);
    uint32_t pairs = ok ? pair_rows(&p) : 0;
    if (pairs >= g->rows / MIN_SHARE) {
        uint32_t *from = pool_get(g->pool, (size_t)g->rows * sizeof *from);
        ok = from != NULL;
        if (ok)
            choose_order(&p, pairs, from);
        ok = ok && reorder(g, from);
        pool_put(g->pool, from);
        g->mirrored = pairs;
    }
    pairing_free(&p);
    return ok;
}
