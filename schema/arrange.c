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

/* A row by what it has in common with its answer: 61 bits that are the same for both directions, and how its ends are
** placed. Rows are looked up all over the memory, so that a key has few octets; two connections that are taken for one
** cost some octets and no more. 0: not to be paired. */
enum {
    TURNED = 1,
    /* the larger end is the source */ FROM_HIGHER = 2,
    TO_HIGHER = 4,
    /* port */ ENDS = 7
};

/* In partner: the row is the one that is asked first. */
static const uint32_t ASKS = UINT32_C(1) << 31;

struct pairing {
    struct group *g;
    uint64_t *key;     /* by row */
    uint32_t *tstart;  /* modulo 2^32 */
    uint32_t *partner; /* of each row its partner + 1, 0: none */
    uint32_t *slots;   /* rows + 1, 0: free */
    uint32_t nslots;
};

/* Of numbers below 2^32, ports below 2^17; origin: protocol and exporter. Mixed with secrets, since whoever sends flows
** chooses what is hashed. */
static inline uint64_t make_key(uint64_t srcip, uint64_t dstip, uint64_t srcport, uint64_t dstport,
                                uint64_t origin, const uint64_t secret[2]) {
    const bool turned = srcip != dstip ? srcip > dstip : srcport > dstport;
    const uint64_t ips = turned ? dstip << 32 | srcip : srcip << 32 | dstip;
    const uint64_t ports = turned ? dstport << 17 | srcport : srcport << 17 | dstport;
    const unsigned __int128 product =
        (unsigned __int128)(ips ^ secret[0]) * ((ports << 30 ^ origin) ^ secret[1]);
    const uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
    return (folded | ENDS) ^ (uint64_t)(turned ? 0 : TURNED) ^
           (srcport > dstport ? 0 : FROM_HIGHER) ^ (srcport < dstport ? 0 : TO_HIGHER);
}

static inline uint32_t slot_of(const struct pairing *p, uint64_t key) {
    return (uint32_t)(key >> 32) & (p->nslots - 1);
}

/* Numbers for keys, of some rows at a time. */
enum { STEP = 512 };
struct key_column {
    const struct group_column *c;
    uint32_t next;  /* value that comes next, of a column that has NULLs */
    uint64_t limit; /* numbers from this one on are not for keys */
    bool all;       /* rows have one, and it is for keys */
};

static struct key_column key_column(const struct group *g, int field, uint64_t limit) {
    const struct group_column *c = &g->column[field];
    const bool within = c->bounded == c->count && c->min >= 0 && (uint64_t)c->max < limit;
    return (struct key_column){c, 0, limit, c->count == g->rows && within};
}

/* v[i] becomes the number of row first + i, NONE where it is NULL; odd[i] 1 where it is none for keys. */
static const uint32_t NONE = UINT32_MAX;
static void read_numbers(struct key_column *k, uint32_t first, uint32_t n, uint32_t *v,
                         uint8_t *odd) {
    if (k->all) {
        column_read_32(k->c, first, n, v);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        int64_t one;
        v[i] = NONE;
        if (!column_has(k->c, first + i))
            continue;
        column_read(k->c, k->next++, 1, &one);
        odd[i] |= (uint64_t)one >= k->limit;
        v[i] = (uint32_t)one;
    }
}

/* Of rows without a time 0. */
static void read_times(const struct group *g, uint32_t *v) {
    const struct group_column *c = &g->column[FLOW_tstart];
    if (c->count == g->rows) {
        column_read_32(c, 0, g->rows, v);
        return;
    }
    for (uint32_t row = 0, next = 0; row < g->rows; row++) {
        v[row] = 0;
        if (column_has(c, row))
            column_read_32(c, next++, 1, &v[row]);
    }
}

/* Fill key and tstart. Rows with numbers that no protocol knows are left without a partner. */
static void make_keys(struct pairing *p) {
    enum { SRCIP, DSTIP, SRCPORT, DSTPORT, PROTO, EXPORTER, N };
    static const struct {
        int field;
        uint32_t limit;
    } part[N] = {{FLOW_srcip, UINT32_MAX}, {FLOW_dstip, UINT32_MAX},
                 {FLOW_srcport, 1 << 16},  {FLOW_dstport, 1 << 16},
                 {FLOW_proto, 255},        {FLOW_exporter, (1 << 24) - 1}};
    const struct group *g = p->g;
    const uint64_t *secret = g->dict[g->dict_of[FLOW_srcip]].seed;
    struct key_column from[N];
    for (int i = 0; i < N; i++)
        from[i] = key_column(g, part[i].field, part[i].limit);
    read_times(g, p->tstart);
    for (uint32_t at = 0; at < g->rows; at += STEP) {
        uint32_t v[N][STEP];
        uint8_t odd[STEP] = {0};
        uint32_t n = g->rows - at < STEP ? g->rows - at : STEP;
        for (int i = 0; i < N; i++)
            read_numbers(&from[i], at, n, v[i], odd);
        for (uint32_t i = 0; i < n; i++) {
            /* NONE becomes 0. */
            const uint64_t origin = (uint64_t)(v[PROTO][i] + 1) << 24 | (v[EXPORTER][i] + 1),
                           key = make_key(v[SRCIP][i] + 1, v[DSTIP][i] + 1, v[SRCPORT][i] + 1,
                                          v[DSTPORT][i] + 1, origin, secret);
            p->key[at + i] = odd[i] ? 0 : key;
        }
    }
}

static bool close_in_time(uint32_t a, uint32_t b) {
    return a - b + MAX_APART <= UINT32_C(2) * MAX_APART;
}

/* Of an earlier row and its answer, is the earlier one asked first? The server's port is the lower one
** as a rule; what all clients share compresses best when it is in one column. */
static bool asks(const struct pairing *p, uint32_t earlier, uint32_t later) {
    if (p->key[earlier] & (FROM_HIGHER | TO_HIGHER))
        return p->key[earlier] & FROM_HIGHER;
    return p->tstart[later] - p->tstart[earlier] <= INT32_MAX;
}

/* Look for what the row answers; returns whether there is something. */
static bool pair_row(struct pairing *p, uint32_t row) {
    const uint64_t key = p->key[row];
    bool paired = false;
    if (key == 0)
        return false;
    uint32_t at = slot_of(p, key);
    for (; p->slots[at]; at = (at + 1) & (p->nslots - 1)) {
        const uint32_t other = p->slots[at] - 1;
        const uint64_t apart = p->key[other] ^ key;
        if (apart > ENDS)
            continue;
        paired = apart & TURNED && p->partner[other] == 0 &&
                 close_in_time(p->tstart[row], p->tstart[other]);
        if (paired) {
            bool first = asks(p, other, row);
            p->partner[other] = (row + 1) | (first ? ASKS : 0);
            p->partner[row] = (other + 1) | (first ? 0 : ASKS);
        }
        break;
    }
    /* The last row of a connection is the one that may still be answered. */
    p->slots[at] = row + 1;
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
            __builtin_prefetch(&p->slots[slot_of(p, p->key[row])], 1);
        for (uint32_t row = first; row < end; row++) {
            uint32_t other = p->slots[slot_of(p, p->key[row])];
            if (other)
                __builtin_prefetch(&p->key[other - 1]);
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
    while (p->nslots / 8 * 5 < g->rows)
        p->nslots *= 2;
    /* Of sizes that are the same for groups of almost the same size: memory that was used is used again. */
    const size_t room = p->nslots / 8 * 5;
    p->slots = pool_get(g->pool, p->nslots * sizeof *p->slots);
    p->partner = pool_get(g->pool, room * sizeof *p->partner);
    p->key = pool_get(g->pool, room * sizeof *p->key);
    p->tstart = pool_get(g->pool, room * sizeof *p->tstart);
    if (!p->slots || !p->partner || !p->key || !p->tstart)
        return false;
    memset(p->slots, 0, p->nslots * sizeof *p->slots);
    memset(p->partner, 0, g->rows * sizeof *p->partner);
    make_keys(p);
    return true;
}

static void pairing_free(struct pairing *p) {
    pool_put(p->g->pool, p->slots);
    pool_put(p->g->pool, p->partner);
    pool_put(p->g->pool, p->key);
    pool_put(p->g->pool, p->tstart);
}

bool group_reorder(struct group *g, const uint32_t *from, uint32_t n) {
    bool ok = true;
    for (int f = 0; ok && f < FLOW_NFIELDS; f++)
        ok = g->column[f].count == 0 || column_permute(&g->column[f], from, n, g->rows, &g->spare);
    g->rows = n;
    return ok;
}

bool group_arrange(struct group *g, uint32_t **from) {
    g->mirrored = 0;
    *from = NULL;
    if (g->rows < MIN_ROWS || g->column[FLOW_srcip].count == 0 || g->column[FLOW_dstip].count == 0)
        return true;
    struct pairing p;
    bool ok = pairing_init(&p, g);
    uint32_t pairs = ok ? pair_rows(&p) : 0;
    if (pairs >= g->rows / MIN_SHARE) {
        *from = pool_get(g->pool, (size_t)g->rows * sizeof **from);
        ok = *from != NULL;
        if (ok)
            choose_order(&p, pairs, *from);
        g->mirrored = pairs;
    }
    pairing_free(&p);
    return ok;
}
