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

enum { SRCIP, DSTIP, SRCPORT, DSTPORT, PROTO, EXPORTER, TSTART, NKEYS };
static const int key_field[NKEYS] = {FLOW_srcip, FLOW_dstip,    FLOW_srcport, FLOW_dstport,
                                     FLOW_proto, FLOW_exporter, FLOW_tstart};

struct pairing {
    const struct group *g;
    int64_t *key[NKEYS]; /* by row */
    uint32_t *partner;   /* of each row its partner + 1, 0: none */
    uint32_t *slots;     /* row + 1, 0: free */
    uint32_t nslots;
};

int64_t *column_rows(const struct group_column *c, uint32_t rows) {
    int64_t *out = malloc(((size_t)rows + 1) * sizeof *out);
    if (!out)
        return NULL;
    if (c->count == rows) {
        memcpy(out, c->v, rows * sizeof *out);
        return out;
    }
    for (uint32_t row = 0, i = 0; row < rows; row++)
        out[row] = column_has(c, row) ? c->v[i++] : 0;
    return out;
}

/* The same for both directions. Seeded, since whoever sends flows chooses what is hashed. */
static uint64_t connection_hash(const struct pairing *p, uint32_t row) {
    int64_t *const *k = p->key;
    bool turned = k[SRCIP][row] != k[DSTIP][row] ? k[SRCIP][row] > k[DSTIP][row]
                                                 : k[SRCPORT][row] > k[DSTPORT][row];
    const int64_t both[] = {k[turned ? DSTIP : SRCIP][row],
                            k[turned ? SRCIP : DSTIP][row],
                            k[turned ? DSTPORT : SRCPORT][row],
                            k[turned ? SRCPORT : DSTPORT][row],
                            k[PROTO][row],
                            k[EXPORTER][row]};
    return fvt_hash(both, sizeof both);
}

static bool same_connection(const struct pairing *p, uint32_t a, uint32_t b, bool turned) {
    int64_t *const *k = p->key;
    return k[SRCIP][a] == k[turned ? DSTIP : SRCIP][b] &&
           k[DSTIP][a] == k[turned ? SRCIP : DSTIP][b] &&
           k[SRCPORT][a] == k[turned ? DSTPORT : SRCPORT][b] &&
           k[DSTPORT][a] == k[turned ? SRCPORT : DSTPORT][b] && k[PROTO][a] == k[PROTO][b] &&
           k[EXPORTER][a] == k[EXPORTER][b];
}

/* A value that is NULL looks like 0 in key: both ends must have one, or none. */
static bool same_nulls(const struct group *g, uint32_t a, uint32_t b) {
    const struct group_column *c = g->column;
    return column_has(&c[FLOW_srcip], a) == column_has(&c[FLOW_dstip], b) &&
           column_has(&c[FLOW_dstip], a) == column_has(&c[FLOW_srcip], b) &&
           column_has(&c[FLOW_srcport], a) == column_has(&c[FLOW_dstport], b) &&
           column_has(&c[FLOW_dstport], a) == column_has(&c[FLOW_srcport], b);
}

static bool answers(const struct pairing *p, uint32_t a, uint32_t b) {
    uint64_t apart = (uint64_t)p->key[TSTART][a] - (uint64_t)p->key[TSTART][b];
    return same_connection(p, a, b, true) && same_nulls(p->g, a, b) &&
           apart + MAX_APART <= (uint64_t)2 * MAX_APART;
}

/* Of how many pairs the rows are. */
static uint32_t pair_rows(struct pairing *p) {
    uint32_t pairs = 0;
    for (uint32_t row = 0; row < p->g->rows; row++) {
        uint32_t h = (uint32_t)connection_hash(p, row) & (p->nslots - 1);
        for (; p->slots[h]; h = (h + 1) & (p->nslots - 1)) {
            uint32_t other = p->slots[h] - 1;
            bool turned = same_connection(p, row, other, true);
            if (!turned && !same_connection(p, row, other, false))
                continue;
            if (turned && p->partner[other] == 0 && answers(p, row, other)) {
                p->partner[other] = row + 1;
                p->partner[row] = other + 1;
                pairs++;
            }
            break;
        }
        /* The last row of a connection is the one that may still be answered. */
        p->slots[h] = row + 1;
    }
    return pairs;
}

/* Of two partners, is row the one that is asked first? The server's port is the lower one as a rule;
** what all clients share compresses best when it is in one column. */
static bool asks(const struct pairing *p, uint32_t row) {
    uint32_t other = p->partner[row] - 1;
    int64_t ports = p->key[SRCPORT][row] - p->key[DSTPORT][row];
    int64_t times = p->key[TSTART][other] - p->key[TSTART][row];
    return ports ? ports > 0 : times ? times > 0 : row < other;
}

/* from[i]: which row comes to place i. */
static void choose_order(const struct pairing *p, uint32_t pairs, uint32_t *from) {
    uint32_t asked = 0, rest = pairs * 2;
    for (uint32_t row = 0; row < p->g->rows; row++) {
        if (p->partner[row] == 0) {
            from[rest++] = row;
        } else if (asks(p, row)) {
            from[asked] = row;
            from[pairs + asked++] = p->partner[row] - 1;
        }
    }
}

static bool permute(struct group_column *c, uint32_t rows, const uint32_t *from) {
    int64_t *v = column_rows(c, rows);
    uint64_t *present = v ? calloc(c->words, sizeof *present) : NULL;
    if (!present) {
        free(v);
        return false;
    }
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows; row++)
        if (column_has(c, from[row])) {
            c->v[count++] = v[from[row]];
            present[row / 64] |= UINT64_C(1) << (row & 63);
        }
    free(c->present);
    c->present = present;
    free(v);
    return true;
}

static bool pairing_init(struct pairing *p, const struct group *g) {
    *p = (struct pairing){.g = g, .nslots = 1024};
    while (p->nslots / 2 < g->rows)
        p->nslots *= 2;
    p->slots = calloc(p->nslots, sizeof *p->slots);
    p->partner = calloc(g->rows, sizeof *p->partner);
    bool ok = p->slots && p->partner;
    for (int k = 0; k < NKEYS; k++) {
        p->key[k] = column_rows(&g->column[key_field[k]], g->rows);
        ok = ok && p->key[k];
    }
    return ok;
}

static void pairing_free(struct pairing *p) {
    for (int k = 0; k < NKEYS; k++)
        free(p->key[k]);
    free(p->slots);
    free(p->partner);
}

bool group_arrange(struct group *g) {
    g->mirrored = 0;
    if (g->rows < MIN_ROWS || g->column[FLOW_srcip].count == 0 || g->column[FLOW_dstip].count == 0)
        return true;
    struct pairing p;
    bool ok = pairing_init(&p, g);
    uint32_t pairs = ok ? pair_rows(&p) : 0;
    if (pairs >= g->rows / MIN_SHARE) {
        uint32_t *from = malloc((size_t)g->rows * sizeof *from);
        ok = from != NULL;
        if (ok)
            choose_order(&p, pairs, from);
        for (int f = 0; ok && f < FLOW_NFIELDS; f++)
            ok = g->column[f].count == 0 || permute(&g->column[f], g->rows, from);
        free(from);
        g->mirrored = pairs;
    }
    pairing_free(&p);
    return ok;
}
