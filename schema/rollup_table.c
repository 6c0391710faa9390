/* SPDX-License-Identifier: MIT */
/*
** An open hash table of keys and sums, and its rows in order as row groups.
*/
#include "rollup_table.h"
#include "group.h"
#include "portion.h"

enum {
    FIRST_CAP = 256,
    /* Rows of a block: an hour, or a few, of most lines, so that a query for an hour reads little more. */
    BLOCK_ROWS = 1 << 18,
};

void rollup_table_init(struct rollup_table *t, const struct rollup_set *set, uint32_t seconds,
                       uint64_t limit) {
    memset(t, 0, sizeof *t);
    t->set = set;
    t->seconds = seconds;
    t->limit = limit;
    t->kept = true;
    t->words = 1 + set->n;
}

static void drop_rows(struct rollup_table *t) {
    free(t->slots);
    free(t->key);
    free(t->sum);
    t->slots = NULL;
    t->key = NULL;
    t->sum = NULL;
    t->n = t->cap = t->nslots = 0;
}

void rollup_table_give_up(struct rollup_table *t) {
    t->kept = false;
    free(t->blocks.p);
    free(t->block);
    memset(&t->blocks, 0, sizeof t->blocks);
    t->block = NULL;
    t->nblocks = 0;
}

void rollup_table_free(struct rollup_table *t) {
    drop_rows(t);
    rollup_table_give_up(t);
}

bool rollup_table_live(const struct rollup_table *t) {
    return t->kept || (t->daily && t->daily->kept);
}

static size_t row_size(const struct rollup_table *t) {
    return (size_t)t->words * sizeof *t->key + sizeof *t->sum + 2 * sizeof *t->slots;
}

size_t rollup_table_size(const struct rollup_table *t) {
    return t->cap * row_size(t);
}

/* ---- counting --------------------------------------------------------------------------- */

static uint32_t slot_of(const struct rollup_table *t, const uint64_t *key) {
    return (uint32_t)fvt_hash(key, (size_t)t->words * sizeof *key) & (t->nslots - 1);
}

static bool grow_array(void *array, size_t size) {
    void **p = array, *grown = realloc(*p, size);
    if (grown)
        *p = grown;
    return grown != NULL;
}

static bool grow(struct rollup_table *t) {
    uint32_t cap = t->cap ? t->cap * 2 : FIRST_CAP;
    size_t words = (size_t)cap * (size_t)t->words;
    if (cap > UINT32_MAX / 4 || !grow_array(&t->key, words * sizeof *t->key) ||
        !grow_array(&t->sum, cap * sizeof *t->sum))
        return false;
    uint32_t *slots = calloc((size_t)cap * 2, sizeof *slots);
    if (!slots)
        return false;
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    t->nslots = cap * 2;
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t h = slot_of(t, t->key + (size_t)i * (size_t)t->words);
        while (slots[h])
            h = (h + 1) & (t->nslots - 1);
        slots[h] = i + 1;
    }
    return true;
}

/* Adds, or says that the sum is more than a column holds: a total that stops somewhere depends on what it
** is made of, so it is left to the flows. */
static bool add_counter(uint64_t *to, uint64_t more) {
    *to += more; /* both are at most INT64_MAX */
    return *to <= INT64_MAX;
}

static void add_sum(struct rollup_table *t, struct rollup_sum *to, const struct rollup_sum *more) {
    if (!add_counter(&to->flows, more->flows) || !add_counter(&to->packets, more->packets) ||
        !add_counter(&to->bytes, more->bytes)) {
        to->flows = to->packets = to->bytes = 0;
        rollup_table_give_up(t);
        if (t->daily)
            rollup_table_give_up(t->daily);
    }
    if (more->first < to->first)
        to->first = more->first;
    if (more->last > to->last)
        to->last = more->last;
}

bool rollup_table_add(struct rollup_table *t, const uint64_t *key, const struct rollup_sum *sum) {
    size_t octets = (size_t)t->words * sizeof *key;
    if (t->n == t->cap && !grow(t))
        return false;
    uint32_t h = slot_of(t, key);
    for (; t->slots[h]; h = (h + 1) & (t->nslots - 1)) {
        uint32_t i = t->slots[h] - 1;
        if (memcmp(t->key + (size_t)i * (size_t)t->words, key, octets) == 0) {
            add_sum(t, &t->sum[i], sum);
            return true;
        }
    }
    memcpy(t->key + (size_t)t->n * (size_t)t->words, key, octets);
    t->sum[t->n] = *sum;
    t->slots[h] = ++t->n;
    return true;
}

/* ---- into blocks ------------------------------------------------------------------------ */

struct emptying {
    const struct rollup_table *t;
    const struct dict_builder *ips;
    const uint32_t *rank;
};

static const uint64_t *key_of(const struct rollup_table *t, uint32_t row) {
    return t->key + (size_t)row * (size_t)t->words;
}

static int64_t bucket_of(const uint64_t *key) {
    return (int64_t)key[0] >> ROLLUP_MARKS;
}

static bool is_null(const uint64_t *key, int column) {
    return key[0] >> column & 1;
}

static bool is_address(const struct rollup_table *t, int column) {
    return flow_fields[t->set->field[column]].class == FLOW_IP;
}

/* By bucket, then column by column, NULLs first. */
static int by_key(const void *a, const void *b, void *arg) {
    const struct emptying *e = arg;
    const uint64_t *x = key_of(e->t, *(const uint32_t *)a), *y = key_of(e->t, *(const uint32_t *)b);
    if (bucket_of(x) != bucket_of(y))
        return bucket_of(x) < bucket_of(y) ? -1 : 1;
    for (int i = 0; i < e->t->set->n; i++) {
        if (is_null(x, i) || is_null(y, i)) {
            if (is_null(x, i) != is_null(y, i))
                return is_null(x, i) ? -1 : 1;
            continue;
        }
        uint64_t v = x[1 + i], w = y[1 + i];
        if (v == w)
            continue;
        if (is_address(e->t, i)) {
            v = e->rank[v];
            w = e->rank[w];
        }
        return v < w ? -1 : 1;
    }
    return 0;
}

static bool put_row(struct group *g, const struct emptying *e, uint32_t from) {
    const struct rollup_table *t = e->t;
    const uint64_t *key = key_of(t, from);
    const struct rollup_sum *sum = &t->sum[from];
    uint32_t row = g->rows++;
    bool ok = true;
    for (int i = 0; ok && i < t->set->n; i++) {
        int field = t->set->field[i];
        int64_t v = (int64_t)key[1 + i];
        if (is_null(key, i))
            continue;
        if (is_address(t, i))
            v = dict_builder_ip(&g->dict[g->dict_of[field]], &e->ips->ip[v]);
        ok = v >= 0 && group_put(g, field, row, v);
    }
    if (bucket_of(key) != ROLLUP_NO_BUCKET)
        ok = ok && group_put(g, FLOW_trecv, row, bucket_of(key) * t->seconds * 1000) &&
             group_put(g, FLOW_tstart, row, sum->first) && group_put(g, FLOW_tend, row, sum->last);
    return ok && group_put(g, FLOW_flows, row, (int64_t)sum->flows) &&
           group_put(g, FLOW_packets, row, (int64_t)sum->packets) &&
           group_put(g, FLOW_bytes, row, (int64_t)sum->bytes);
}

static bool put_block(struct rollup_table *t, const struct emptying *e, const uint32_t *order,
                      uint32_t n) {
    struct group *g = group_new();
    bool ok = g != NULL;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = put_row(g, e, order[i]);
    size_t at = t->blocks.n;
    size_t dirlen = ok ? group_encode(&t->blocks, g, GROUP_SMALLEST, NULL) : 0;
    ok = dirlen && grow_array(&t->block, (t->nblocks + 1) * sizeof *t->block);
    if (ok) {
        block_seal(&t->blocks, at, FVT_ROLLUP, dirlen, n);
        t->block[t->nblocks++] = at;
    }
    group_free(g);
    return ok;
}

/* How many rows of order, n of them, go into the next block: whole buckets where they fit. */
static uint32_t block_rows(const struct rollup_table *t, const uint32_t *order, uint32_t n) {
    if (n <= BLOCK_ROWS)
        return n;
    for (uint32_t i = BLOCK_ROWS; i > 0; i--)
        if (bucket_of(key_of(t, order[i])) != bucket_of(key_of(t, order[i - 1])))
            return i;
    return BLOCK_ROWS;
}

static bool put_blocks(struct rollup_table *t, const struct dict_builder *ips,
                       const uint32_t *rank) {
    struct emptying e = {t, ips, rank};
    uint32_t *order = malloc(((size_t)t->n + 1) * sizeof *order);
    bool ok = order != NULL;
    for (uint32_t i = 0; ok && i < t->n; i++)
        order[i] = i;
    if (ok)
        qsort_r(order, t->n, sizeof *order, by_key, &e);
    for (uint32_t at = 0; ok && at < t->n;) {
        uint32_t n = block_rows(t, order + at, t->n - at);
        ok = put_block(t, &e, order + at, n);
        at += n;
    }
    free(order);
    return ok;
}

static int64_t day_of(int64_t bucket, uint32_t seconds) {
    int64_t per_day = ROLLUP_DAY / seconds;
    return bucket == ROLLUP_NO_BUCKET ? bucket : flow_bucket_of(bucket, per_day) / per_day;
}

static bool hand_down(struct rollup_table *t) {
    bool ok = true;
    for (uint32_t i = 0; ok && t->daily->kept && i < t->n; i++) {
        uint64_t key[ROLLUP_WORDS];
        memcpy(key, key_of(t, i), (size_t)t->words * sizeof *key);
        key[0] = rollup_word(day_of(bucket_of(key), t->seconds),
                             (unsigned)(key[0] & ((1U << ROLLUP_MARKS) - 1)));
        ok = rollup_table_add(t->daily, key, &t->sum[i]);
    }
    return ok;
}

bool rollup_table_empty(struct rollup_table *t, const struct dict_builder *ips,
                        const uint32_t *rank) {
    bool ok = true;
    t->rows += t->n;
    if (t->kept && t->rows > t->limit)
        rollup_table_give_up(t);
    if (t->kept && t->n)
        ok = put_blocks(t, ips, rank);
    if (ok && t->daily)
        ok = hand_down(t);
    drop_rows(t);
    return ok;
}
