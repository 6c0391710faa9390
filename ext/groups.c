/* SPDX-License-Identifier: MIT */
/*
** Tables, partitions, and the merge.
*/
#include "groups.h"
#include "../schema/format.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGES = 64,
    STRIP = 128,  /* rows of a batch whose counters stay in the nearest cache */
    PLACES = 256, /* of a hash table of their numbers */
    /* Keys in all pages: an array for so many is worth it, for most keys of a mix are few. */
    PAGED_MOST = 1 << 21,
    PAGE_FIRST = 1024,
    SLOTS = 1 << 15, /* of a thread's hash table: with its rows, half of a second-level cache */
    TABLE_OCTETS = 1 << 19, /* of its rows */
    TABLE_MIN = 1024,       /* rows */
    PASS_BY = 16 * SLOTS,   /* rows that go by the table once it was seen to be of no use */
    PART_ROWS = 1 << 15,    /* rows of a partition that merge in the cache */
    PARTS_MIN = 64,
    PARTS_MAX = 512,
    CHUNK_FIRST = 8,
    CHUNK_MAX = 2048, /* rows */
};

struct chunk {
    struct chunk *next;
    uint32_t n, cap;
    uint64_t word[];
};

struct list {
    struct chunk *head;
    size_t rows;
};

struct part {
    uint64_t *row;
    size_t n;
};

/* Of an array: the keys that have number in their high bits. */
struct page {
    uint64_t number;
    uint64_t *array; /* counters and times, as add_paged_times() has them, by the low bits */
    uint8_t *seen;
    size_t n;
};

struct group_table {
    struct group_table *next; /* of all tables */
    struct groups *groups;
    struct list *list;  /* of each part */
    unsigned page_bits; /* 0: no pages */
    struct page page[PAGES];
    uint32_t npages;
    size_t paged;               /* keys that there is room for in all pages */
    uint8_t place[PLACES];      /* by number: page + 1 */
    uint8_t which[GROUP_BATCH]; /* of each row of a batch, */
    uint64_t *sum[STRIP];       /* where the counters of the strip's rows are */
    uint32_t *slots;            /* hash table: row + 1 */
    uint64_t *row;
    uint32_t n;
    uint64_t fed;     /* rows added since the table was empty */
    uint64_t pass_by; /* rows that still go by it */
    uint64_t hash[GROUP_BATCH];
};

struct groups {
    struct group_shape shape;
    size_t width;
    uint32_t table_rows; /* of a full hash table */
    unsigned nparts, part_shift;
    uint64_t seed; /* of hashes, so that nobody outside can choose keys that fall into one slot */
    struct budget *budget;
    struct group_table *tables;
    struct part *part;
};

struct groups *groups_new(const struct group_shape *shape, uint64_t rows, struct budget *budget) {
    struct groups *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->shape = *shape;
    g->width = group_width(shape);
    g->budget = budget;
    g->seed = fvt_hash("", 0);
    size_t fit = TABLE_OCTETS / (g->width * sizeof(uint64_t));
    g->table_rows = (uint32_t)(fit > SLOTS / 2 ? SLOTS / 2 : fit < TABLE_MIN ? TABLE_MIN : fit);
    g->part_shift = 64 - 6;
    for (g->nparts = PARTS_MIN; g->nparts < PARTS_MAX && g->nparts < rows / PART_ROWS;
         g->nparts *= 2)
        g->part_shift--;
    g->part = calloc(g->nparts, sizeof *g->part);
    if (g->part)
        return g;
    free(g);
    return NULL;
}

static size_t chunk_size(const struct groups *g, const struct chunk *c) {
    return sizeof *c + c->cap * g->width * sizeof(uint64_t);
}

static void free_list(struct groups *g, struct list *l) {
    for (struct chunk *c = l->head, *next; c; c = next) {
        next = c->next;
        budget_sub(g->budget, chunk_size(g, c));
        free(c);
    }
    *l = (struct list){0};
}

static void table_free(struct group_table *t) {
    for (unsigned p = 0; t->list && p < t->groups->nparts; p++)
        free_list(t->groups, &t->list[p]);
    free(t->list);
    for (uint32_t i = 0; i < t->npages; i++) {
        free(t->page[i].array);
        free(t->page[i].seen);
    }
    free(t->slots);
    free(t->row);
    free(t);
}

void groups_free(struct groups *g) {
    if (!g)
        return;
    for (struct group_table *t = g->tables, *next; t; t = next) {
        next = t->next;
        table_free(t);
    }
    for (unsigned p = 0; p < g->nparts; p++)
        groups_drop(g, p);
    free(g->part);
    free(g);
}

unsigned groups_parts(const struct groups *g) {
    return g->nparts;
}

const struct group_shape *groups_shape(const struct groups *g) {
    return &g->shape;
}

struct group_table *group_table_new(struct groups *g, unsigned page_bits) {
    struct group_table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->groups = g;
    t->page_bits = g->shape.words == 1 ? page_bits : 0;
    t->list = calloc(g->nparts, sizeof *t->list);
    if (!t->list) {
        table_free(t);
        return NULL;
    }
    t->next = g->tables;
    g->tables = t;
    return t;
}

/* ---- rows ------------------------------------------------------------------------------- */

static uint64_t hash_row(const struct groups *g, const uint64_t *key) {
    uint64_t h = g->seed;
    for (int w = 0; w < g->shape.words; w++)
        h = group_hash_word(h, key[w]);
    return group_hash_end(h);
}

static size_t slot_of(uint64_t hash) {
    return (size_t)(hash >> 20);
}

static void hash_batch(struct group_table *t, const struct group_batch *b) {
    for (uint32_t i = 0; i < b->n; i++)
        t->hash[i] = t->groups->seed;
    for (int w = 0; w < t->groups->shape.words; w++) {
        const uint64_t *key = b->key[w];
        for (uint32_t i = 0; i < b->n; i++)
            t->hash[i] = group_hash_word(t->hash[i], key[i]);
    }
    for (uint32_t i = 0; i < b->n; i++)
        t->hash[i] = group_hash_end(t->hash[i]);
}

/* The row of batch entry i, as a group of its own. */
static void put_row(const struct groups *g, uint64_t *row, const struct group_batch *b,
                    uint32_t i) {
    for (int w = 0; w < g->shape.words; w++)
        *row++ = b->key[w][i];
    for (int c = 0; c < g->shape.counters; c++)
        row[c] = 0;
    for (int c = 0; c < b->nvalues; c++)
        row[b->at + c] = (uint64_t)b->value[c][i];
    row += g->shape.counters;
    if (g->shape.times) {
        row[0] = (uint64_t)b->first[i];
        row[1] = (uint64_t)b->last[i];
    }
}

static void add_times(uint64_t *to, int64_t first, int64_t last) {
    if (first < (int64_t)to[0])
        to[0] = (uint64_t)first;
    if (last > (int64_t)to[1])
        to[1] = (uint64_t)last;
}

/* Add batch entry i to the counters and times of a group. */
static void add_entry(const struct groups *g, uint64_t *sum, const struct group_batch *b,
                      uint32_t i) {
    for (int c = 0; c < b->nvalues; c++)
        sum[b->at + c] = group_sum(sum[b->at + c], (uint64_t)b->value[c][i]);
    if (g->shape.times)
        add_times(sum + g->shape.counters, b->first[i], b->last[i]);
}

static void add_row(const struct groups *g, uint64_t *to, const uint64_t *row) {
    to += g->shape.words;
    row += g->shape.words;
    for (int c = 0; c < g->shape.counters; c++)
        to[c] = group_sum(to[c], row[c]);
    if (g->shape.times)
        add_times(to + g->shape.counters, (int64_t)row[g->shape.counters],
                  (int64_t)row[g->shape.counters + 1]);
}

/* Room for one more row in a partition's list; NULL without memory. */
static uint64_t *list_place(struct groups *g, struct list *l) {
    struct chunk *c = l->head;
    if (!c || c->n == c->cap) {
        uint32_t cap = !c ? CHUNK_FIRST : c->cap * 2 > CHUNK_MAX ? CHUNK_MAX : c->cap * 2;
        struct chunk *new = malloc(sizeof *new + cap * g->width * sizeof(uint64_t));
        if (!new)
            return NULL;
        *new = (struct chunk){.next = c, .cap = cap};
        l->head = c = new;
        budget_add(g->budget, chunk_size(g, c));
    }
    l->rows++;
    return c->word + c->n++ * g->width;
}

/* ---- the array -------------------------------------------------------------------------- */

/* Room for the low bits of a key. False without memory. */
static bool grow_page(struct group_table *t, struct page *p, uint64_t low) {
    const struct groups *g = t->groups;
    size_t n = p->n ? p->n : PAGE_FIRST, width = g->width - 1;
    while (n <= low)
        n *= 2;
    /* What is not used of it need not be there, if it is large. No counters asked for: no octets. */
    uint64_t *array = calloc(width ? n * width : 1, sizeof *array);
    uint8_t *seen = calloc(n, 1);
    if (!array || !seen) {
        free(array);
        free(seen);
        return false;
    }
    if (p->n) {
        memcpy(array, p->array, p->n * width * sizeof *array);
        memcpy(seen, p->seen, p->n);
    }
    free(p->array);
    free(p->seen);
    budget_add(g->budget, (n - p->n) * (width * sizeof *array + 1));
    t->paged += n - p->n;
    p->array = array;
    p->seen = seen;
    p->n = n;
    return true;
}

/* The page of a number, made if it is not there; -1 when there are too many. */
static int find_page(struct group_table *t, uint64_t number) {
    size_t h = group_hash_end(number) >> 56;
    for (; t->place[h]; h = (h + 1) % PLACES)
        if (t->page[t->place[h] - 1].number == number)
            return t->place[h] - 1;
    if (t->npages == PAGES)
        return -1;
    t->page[t->npages] = (struct page){.number = number};
    t->place[h] = (uint8_t)++t->npages;
    return t->place[h] - 1;
}

enum placed { PLACED, TOO_MANY, NO_MEMORY };

/* Which page each row of the batch is of, with room for its key. */
static enum placed find_pages(struct group_table *t, const struct group_batch *b) {
    const uint64_t *key = b->key[0];
    uint64_t mask = (UINT64_C(1) << t->page_bits) - 1, low[PAGES] = {0};
    for (uint32_t i = 0; i < b->n; i++) {
        int at = find_page(t, key[i] >> t->page_bits);
        if (at < 0)
            return TOO_MANY;
        t->which[i] = (uint8_t)at;
        low[at] |= key[i] & mask;
    }
    for (uint32_t i = 0; i < t->npages; i++)
        if (low[i] >= t->page[i].n && !grow_page(t, &t->page[i], low[i]))
            return NO_MEMORY;
    return t->paged > PAGED_MOST ? TOO_MANY : PLACED;
}

/* Where the counters of n rows from i on are. */
static void place_rows(struct group_table *t, const struct group_batch *b, uint32_t i, uint32_t n) {
    const struct groups *g = t->groups;
    const uint64_t *key = b->key[0] + i;
    const uint8_t *which = t->which + i;
    uint64_t mask = (UINT64_C(1) << t->page_bits) - 1;
    size_t width = g->width - 1;
    for (uint32_t k = 0; k < n; k++) {
        struct page *p = &t->page[which[k]];
        size_t at = key[k] & mask;
        uint64_t *sum = p->array + at * width;
        __builtin_prefetch(sum, 1);
        __builtin_prefetch(sum + width - 1, 1);
        t->sum[k] = sum;
        p->seen[at] = 1;
    }
}

/* First and last as numbers whose larger one is kept, both 0 where there is none: an array begins so. */
static void add_paged_times(uint64_t *to, int64_t first, int64_t last) {
    uint64_t before = (uint64_t)INT64_MAX - (uint64_t)first,
             after = (uint64_t)last - (uint64_t)INT64_MIN;
    to[0] = to[0] > before ? to[0] : before;
    to[1] = to[1] > after ? to[1] : after;
}

static void get_paged_times(uint64_t *times) {
    times[0] = (uint64_t)INT64_MAX - times[0];
    times[1] = (uint64_t)INT64_MIN + times[1];
}

static enum placed add_paged(struct group_table *t, const struct group_batch *b) {
    const struct groups *g = t->groups;
    enum placed placed = find_pages(t, b);
    for (uint32_t at = 0; placed == PLACED && at < b->n; at += STRIP) {
        uint32_t n = b->n - at < STRIP ? b->n - at : STRIP;
        place_rows(t, b, at, n);
        for (int c = 0; c < b->nvalues; c++) {
            const int64_t *value = b->value[c] + at;
            for (uint32_t i = 0; i < n; i++) {
                uint64_t *to = t->sum[i] + b->at + c;
                *to = group_sum(*to, (uint64_t)value[i]);
            }
        }
        for (uint32_t i = 0; g->shape.times && i < n; i++)
            add_paged_times(t->sum[i] + g->shape.counters, b->first[at + i], b->last[at + i]);
    }
    return placed;
}

static bool flush_page(struct group_table *t, struct page *p) {
    struct groups *g = t->groups;
    size_t width = g->width - 1;
    for (size_t low = 0; low < p->n; low++) {
        if (!p->seen[low])
            continue;
        uint64_t key = p->number << t->page_bits | low;
        uint64_t *row = list_place(g, &t->list[hash_row(g, &key) >> g->part_shift]);
        if (!row)
            return false;
        row[0] = key;
        memcpy(row + 1, p->array + low * width, width * sizeof *row);
        if (g->shape.times)
            get_paged_times(row + 1 + g->shape.counters);
    }
    budget_sub(g->budget, p->n * (width * sizeof *p->array + 1));
    free(p->array);
    free(p->seen);
    *p = (struct page){.number = p->number};
    return true;
}

static bool flush_pages(struct group_table *t) {
    for (uint32_t i = 0; i < t->npages; i++)
        if (!flush_page(t, &t->page[i]))
            return false;
    memset(t->place, 0, sizeof t->place);
    t->npages = 0;
    t->paged = 0;
    return true;
}

/* ---- the hash table --------------------------------------------------------------------- */

static bool make_table(struct group_table *t) {
    size_t rows = t->groups->table_rows + GROUP_BATCH;
    if (!t->slots)
        t->slots = calloc(SLOTS, sizeof *t->slots);
    if (!t->row)
        t->row = malloc(rows * t->groups->width * sizeof *t->row);
    return t->slots && t->row;
}

static bool same_key(const uint64_t *row, const struct group_batch *b, uint32_t i, int words) {
    for (int w = 0; w < words; w++)
        if (row[w] != b->key[w][i])
            return false;
    return true;
}

static void add_hashed(struct group_table *t, const struct group_batch *b) {
    const struct groups *g = t->groups;
    int words = g->shape.words;
    for (uint32_t i = 0; i < b->n; i++) {
        size_t s = slot_of(t->hash[i]) & (SLOTS - 1);
        uint64_t *row = NULL;
        for (; t->slots[s]; s = (s + 1) & (SLOTS - 1)) {
            row = t->row + (t->slots[s] - 1) * g->width;
            if (same_key(row, b, i, words))
                break;
        }
        if (t->slots[s]) {
            add_entry(g, row + words, b, i);
        } else {
            put_row(g, t->row + t->n * g->width, b, i);
            t->slots[s] = ++t->n;
        }
    }
    t->fed += b->n;
}

static bool flush_hashed(struct group_table *t) {
    struct groups *g = t->groups;
    size_t octets = g->width * sizeof(uint64_t);
    for (uint32_t i = 0; i < t->n; i++) {
        const uint64_t *from = t->row + i * g->width;
        uint64_t *row = list_place(g, &t->list[hash_row(g, from) >> g->part_shift]);
        if (!row)
            return false;
        memcpy(row, from, octets);
    }
    if (t->n)
        memset(t->slots, 0, SLOTS * sizeof *t->slots);
    /* Less than every second row met its group: the table costs more than it saves. */
    t->pass_by = t->n > t->fed / 2 ? PASS_BY : 0;
    t->n = 0;
    t->fed = 0;
    return true;
}

static bool add_past_table(struct group_table *t, const struct group_batch *b) {
    struct groups *g = t->groups;
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t *row = list_place(g, &t->list[t->hash[i] >> g->part_shift]);
        if (!row)
            return false;
        put_row(g, row, b, i);
    }
    t->pass_by -= t->pass_by < b->n ? t->pass_by : b->n;
    return true;
}

bool group_table_add(struct group_table *t, const struct group_batch *b) {
    if (t->page_bits) {
        enum placed placed = add_paged(t, b);
        if (placed != TOO_MANY)
            return placed == PLACED;
        if (!flush_pages(t))
            return false;
        t->page_bits = 0;
    }
    hash_batch(t, b);
    if (t->pass_by)
        return add_past_table(t, b);
    if (!make_table(t))
        return false;
    add_hashed(t, b);
    return t->n < t->groups->table_rows || flush_hashed(t);
}

bool group_table_flush(struct group_table *t) {
    return flush_pages(t) && flush_hashed(t);
}

/* ---- merging ---------------------------------------------------------------------------- */

struct merge {
    const struct groups *g;
    uint32_t *slots;
    size_t mask;
    uint64_t *row;
    size_t n;
};

static void merge_row(struct merge *m, const uint64_t *row) {
    const struct groups *g = m->g;
    size_t octets = (size_t)g->shape.words * sizeof *row;
    size_t s = slot_of(hash_row(g, row)) & m->mask;
    for (; m->slots[s]; s = (s + 1) & m->mask) {
        uint64_t *to = m->row + (m->slots[s] - 1) * g->width;
        if (memcmp(to, row, octets) == 0) {
            add_row(g, to, row);
            return;
        }
    }
    memcpy(m->row + m->n * g->width, row, g->width * sizeof *row);
    m->slots[s] = (uint32_t)++m->n;
}

static size_t rows_of(const struct groups *g, unsigned p) {
    size_t n = g->part[p].n;
    for (const struct group_table *t = g->tables; t; t = t->next)
        n += t->list[p].rows;
    return n;
}

bool groups_merge(struct groups *g, unsigned p) {
    size_t total = rows_of(g, p), slots = 16, octets = g->width * sizeof(uint64_t);
    if (total == g->part[p].n)
        return true; /* nothing new */
    while (slots < total * 2)
        slots *= 2;
    struct merge m = {.g = g, .mask = slots - 1};
    m.slots = calloc(slots, sizeof *m.slots);
    m.row = malloc(total * octets);
    bool ok = m.slots && m.row && total < UINT32_MAX;
    budget_add(g->budget, total * octets);
    for (size_t i = 0; ok && i < g->part[p].n; i++)
        merge_row(&m, g->part[p].row + i * g->width);
    for (struct group_table *t = g->tables; ok && t; t = t->next) {
        for (struct chunk *c = t->list[p].head; c; c = c->next)
            for (uint32_t i = 0; i < c->n; i++)
                merge_row(&m, c->word + i * g->width);
        free_list(g, &t->list[p]);
    }
    free(m.slots);
    if (!ok) {
        free(m.row);
        budget_sub(g->budget, total * octets);
        return false;
    }
    groups_drop(g, p);
    uint64_t *fit = realloc(m.row, m.n * octets);
    budget_sub(g->budget, (total - m.n) * octets);
    g->part[p] = (struct part){fit ? fit : m.row, m.n};
    return true;
}

const uint64_t *groups_rows(const struct groups *g, unsigned part, size_t *n) {
    *n = g->part[part].n;
    return g->part[part].row;
}

void groups_keep(struct groups *g, unsigned p, bool (*keep)(const void *arg, const uint64_t *row),
                 const void *arg) {
    struct part *part = &g->part[p];
    size_t octets = g->width * sizeof(uint64_t), n = 0;
    for (size_t i = 0; i < part->n; i++) {
        const uint64_t *row = part->row + i * g->width;
        if (keep(arg, row))
            memmove(part->row + n++ * g->width, row, octets);
    }
    uint64_t *fit = realloc(part->row, n * octets + 1);
    budget_sub(g->budget, (part->n - n) * octets);
    *part = (struct part){fit ? fit : part->row, n};
}

void groups_drop(struct groups *g, unsigned p) {
    budget_sub(g->budget, g->part[p].n * g->width * sizeof(uint64_t));
    free(g->part[p].row);
    g->part[p] = (struct part){NULL, 0};
}
