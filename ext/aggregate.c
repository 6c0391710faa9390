/* SPDX-License-Identifier: MIT */
/*
** Adding up blocks. A block becomes contributions: a row, its bucket, its counters, clipped to the
** window and spread over buckets. Contributions get packed keys and go to the row group's table.
*/
#include "aggregate.h"
#include "../schema/portion.h"

#include <stdlib.h>

enum {
    BATCH = 4096,     /* contributions worked on at once */
    DIRECT_BITS = 18, /* a key of so few bits is its own place in the table */
    MAX_WORDS = MAX_DIMENSIONS + 1,
    ADD_STEP = 1 << 14, /* groups translated at a time */
};

/* Where a dimension is in the packed key; 0 is NULL, v is v - base + 1. */
struct slot {
    uint8_t word, shift, bits;
    int64_t base;
    uint64_t last; /* of the packed value; a forged file may have values outside its zone map */
};

struct batch {
    uint32_t n;
    uint16_t row[BATCH];
    int64_t bucket[BATCH]; /* ms; NO_BUCKET */
    int64_t value[GROUP_COUNTERS][BATCH];
    int64_t first[BATCH], last[BATCH];
};
#define NO_BUCKET INT64_MIN

/* Numbers of a dictionary's codes in the interner; -1: not asked for yet. */
struct remap {
    int64_t *id;
    uint32_t n, cap;
};

struct aggregate {
    const struct aggregate_spec *spec;
    struct groups *groups;
    struct interner *interner;
    struct scan *scan;
    /* Of the current row group and side: */
    struct slot slot[2][MAX_DIMENSIONS + 1]; /* the last one: bucket */
    int words;
    bool direct;
    unsigned direct_bits;
    uint32_t n, cap;
    uint32_t nslots, slots_cap;
    uint32_t *slots; /* local group + 1 */
    uint64_t *key;   /* words a group */
    size_t key_cap;
    struct group_sum *sum;
    struct remap remap[SCAN_NCOLUMNS];
    struct batch batch;
    uint64_t packed[MAX_WORDS][BATCH];
    /* For handing over: */
    int64_t *out_key;
    uint64_t *out_hash;
    struct group_sum *out_sum;
};

struct aggregate *aggregate_new(const struct aggregate_spec *spec, struct groups *groups,
                                struct interner *interner) {
    struct aggregate *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->spec = spec;
    a->groups = groups;
    a->interner = interner;
    size_t width = (size_t)aggregate_width(spec);
    a->out_key = malloc(ADD_STEP * width * sizeof *a->out_key);
    a->out_hash = malloc(ADD_STEP * sizeof *a->out_hash);
    a->out_sum = malloc(ADD_STEP * sizeof *a->out_sum);
    if (a->out_key && a->out_hash && a->out_sum)
        return a;
    aggregate_free(a);
    return NULL;
}

void aggregate_free(struct aggregate *a) {
    if (!a)
        return;
    for (int c = 0; c < SCAN_NCOLUMNS; c++)
        free(a->remap[c].id);
    free(a->slots);
    free(a->key);
    free(a->sum);
    free(a->out_key);
    free(a->out_hash);
    free(a->out_sum);
    free(a);
}

void aggregate_columns(const struct aggregate_spec *spec, bool used[SCAN_NCOLUMNS]) {
    for (int c = 0; c < spec->ncounters; c++)
        used[spec->counter[c]] = true;
    for (int d = 0; d < spec->ndims; d++)
        used[spec->dim[d].side[0]] = used[spec->dim[d].side[1]] = true;
    if (spec->buckets || spec->times)
        used[FLOW_tstart] = used[FLOW_tend] = used[FLOW_trecv] = true;
}

/* ---- keys -------------------------------------------------------------------------------
 */

static unsigned bits_for(uint64_t largest) {
    return largest ? 64 - (unsigned)__builtin_clzll(largest) : 0;
}

/* Give a slot of so many bits a place; words never share a value. */
static void place(struct slot *s, unsigned bits, int *word, unsigned *used) {
    if (*used + bits > 64) {
        ++*word;
        *used = 0;
    }
    s->word = (uint8_t)*word;
    s->shift = (uint8_t)*used;
    s->bits = (uint8_t)bits;
    *used += bits;
}

/* Lay the key out for a row group by what its zone maps say of each dimension, wide enough for
** either side. With two sides the key says which it is, since codes are of different columns. */
static void lay_out(struct aggregate *a) {
    const struct aggregate_spec *spec = a->spec;
    int word = 0;
    unsigned used = spec->sides == 2; /* bit 0 of word 0: the side */
    for (int d = 0; d < spec->ndims; d++) {
        unsigned bits = 0;
        int64_t base[2] = {0, 0};
        uint64_t last[2] = {0, 0};
        for (int side = 0; side < spec->sides; side++) {
            int64_t max;
            if (!scan_zone(a->scan, spec->dim[d].side[side], &base[side], &max))
                continue; /* NULL in all rows */
            uint64_t span = (uint64_t)max - (uint64_t)base[side];
            last[side] = span == UINT64_MAX ? span : span + 1;
            unsigned need = bits_for(last[side]);
            bits = need > bits ? need : bits;
        }
        struct slot s = {0};
        place(&s, bits, &word, &used);
        for (int side = 0; side < 2; side++) {
            a->slot[side][d] = s;
            a->slot[side][d].base = base[side];
            a->slot[side][d].last = last[side];
        }
    }
    if (spec->buckets)
        place(&a->slot[0][spec->ndims], 64, &word, &used);
    a->slot[1][spec->ndims] = a->slot[0][spec->ndims];
    a->words = word + 1;
    a->direct = a->words == 1 && used <= DIRECT_BITS;
    a->direct_bits = used;
}

/* The packed keys of the batch. */
static void pack_keys(struct aggregate *a, int side) {
    const struct aggregate_spec *spec = a->spec;
    struct batch *b = &a->batch;
    for (int w = 0; w < a->words; w++)
        memset(a->packed[w], 0, b->n * sizeof a->packed[w][0]);
    for (uint32_t i = 0; side == 1 && i < b->n; i++)
        a->packed[0][i] = 1;
    for (int d = 0; d < spec->ndims; d++) {
        struct slot s = a->slot[side][d];
        if (s.bits == 0)
            continue;
        const uint8_t *nulls;
        const int64_t *v = scan_values(a->scan, spec->dim[d].side[side], &nulls);
        uint64_t *out = a->packed[s.word];
        uint64_t less = (uint64_t)s.base - 1; /* 0 stays free for NULL */
        for (uint32_t i = 0; i < b->n; i++) {
            uint32_t row = b->row[i];
            uint64_t x = nulls[row] ? 0 : (uint64_t)v[row] - less;
            out[i] |= (x < s.last ? x : s.last) << s.shift;
        }
    }
    if (spec->buckets) {
        struct slot s = a->slot[side][spec->ndims];
        for (uint32_t i = 0; i < b->n; i++)
            a->packed[s.word][i] |= (uint64_t)b->bucket[i];
    }
}

/* ---- the row group's table -------------------------------------------------------------- */

static bool grow_array(void *array, size_t size) {
    void **p = array, *grown = realloc(*p, size);
    if (grown)
        *p = grown;
    return grown != NULL;
}

static uint64_t hash_words(const uint64_t *key, int words) {
    uint64_t h = 0;
    for (int w = 0; w < words; w++)
        h = (h ^ key[w]) * UINT64_C(0x9e3779b97f4a7c15), h ^= h >> 29;
    return h ^ h >> 32;
}

static void rebuild_slots(struct aggregate *a) {
    memset(a->slots, 0, a->nslots * sizeof *a->slots);
    for (uint32_t i = 0; i < a->n; i++) {
        const uint64_t *key = a->key + (size_t)i * (size_t)a->words;
        uint64_t h = a->direct ? key[0] : hash_words(key, a->words);
        while (a->slots[h & (a->nslots - 1)])
            h++;
        a->slots[h & (a->nslots - 1)] = i + 1;
    }
}

static bool make_slots(struct aggregate *a, uint32_t n) {
    if (n > a->slots_cap) {
        if (!grow_array(&a->slots, n * sizeof *a->slots))
            return false;
        a->slots_cap = n;
    }
    a->nslots = n;
    rebuild_slots(a);
    return true;
}

/* Room for as many new groups as a batch can bring. */
static bool reserve(struct aggregate *a) {
    uint32_t need = a->n + a->batch.n;
    if (need > a->cap) {
        uint32_t cap = a->cap ? a->cap : BATCH;
        while (cap < need)
            cap *= 2;
        if (!grow_array(&a->sum, cap * sizeof *a->sum))
            return false;
        a->cap = cap;
    }
    size_t words = (size_t)need * (size_t)a->words;
    if (words > a->key_cap) {
        if (!grow_array(&a->key, words * 2 * sizeof *a->key))
            return false;
        a->key_cap = words * 2;
    }
    if (a->direct || need <= a->nslots / 2)
        return true;
    uint32_t n = a->nslots;
    while (need > n / 2)
        n *= 2;
    return make_slots(a, n);
}

static bool same_key(const struct aggregate *a, uint32_t group, uint32_t i) {
    const uint64_t *key = a->key + (size_t)group * (size_t)a->words;
    for (int w = 0; w < a->words; w++)
        if (key[w] != a->packed[w][i])
            return false;
    return true;
}

/* The local group of contribution i, made if there is none. */
static uint32_t find_local(struct aggregate *a, uint32_t i) {
    uint32_t mask = a->nslots - 1, h;
    if (a->direct) {
        h = (uint32_t)a->packed[0][i];
        if (a->slots[h])
            return a->slots[h] - 1;
    } else {
        uint64_t key[MAX_WORDS];
        for (int w = 0; w < a->words; w++)
            key[w] = a->packed[w][i];
        h = (uint32_t)hash_words(key, a->words) & mask;
        for (; a->slots[h]; h = (h + 1) & mask)
            if (same_key(a, a->slots[h] - 1, i))
                return a->slots[h] - 1;
    }
    uint32_t g = a->n++;
    for (int w = 0; w < a->words; w++)
        a->key[(size_t)g * (size_t)a->words + (size_t)w] = a->packed[w][i];
    a->sum[g] = (struct group_sum){{0}, INT64_MAX, INT64_MIN};
    a->slots[h] = g + 1;
    return g;
}

static void add_counter(uint64_t *to, int64_t v) {
    if (__builtin_add_overflow(*to, (uint64_t)v, to))
        *to = UINT64_MAX;
}

/* Add the batch up for one side, whose counters begin at that of place at. */
static bool add_batch(struct aggregate *a, int side, const uint8_t *pass) {
    struct batch *b = &a->batch;
    if (b->n == 0)
        return true;
    if (!reserve(a))
        return false;
    pack_keys(a, side);
    int at = side * a->spec->ncounters;
    for (uint32_t i = 0; i < b->n; i++) {
        if (pass && !pass[b->row[i]])
            continue;
        struct group_sum *sum = &a->sum[find_local(a, i)];
        for (int c = 0; c < a->spec->ncounters; c++)
            add_counter(&sum->counter[at + c], b->value[c][i]);
        if (a->spec->times && b->first[i] <= b->last[i]) {
            sum->first = b->first[i] < sum->first ? b->first[i] : sum->first;
            sum->last = b->last[i] > sum->last ? b->last[i] : sum->last;
        }
    }
    return true;
}

/* ---- handing over ----------------------------------------------------------------------- */

static bool open_remap(struct aggregate *a, int column, const struct fvt_dict *dict) {
    struct remap *r = &a->remap[column];
    r->n = dict ? dict->n : 0;
    if (r->cap < r->n) {
        if (!grow_array(&r->id, r->n * sizeof *r->id))
            return false;
        r->cap = r->n;
    }
    for (uint32_t i = 0; i < r->n; i++)
        r->id[i] = -1;
    return true;
}

/* The interner's number for a code; its lock is held. */
static int64_t number_of(struct aggregate *a, int column, const struct fvt_dict *dict,
                         int64_t code) {
    int64_t *id = &a->remap[column].id[code];
    if (*id >= 0)
        return *id;
    if (dict->class == FLOW_IP) {
        const struct flow_ip *ip = &dict->ip[code];
        struct flow_ip masked =
            flow_ip_mask(ip, (unsigned)(ip->family == 4 ? a->spec->mask4 : a->spec->mask6));
        *id = dict_builder_ip(&a->interner->ips, &masked);
    } else {
        *id = dict_builder_text(&a->interner->texts, dict->text[code], dict->len[code]);
    }
    return *id;
}

/* Of the value, not of its number: which pass a key belongs to must not depend on the order in which
** a pass meets addresses. */
static uint64_t hash_of(const struct aggregate *a, enum flow_class class, uint32_t id) {
    const struct dict_builder *d = class == FLOW_IP ? &a->interner->ips : &a->interner->texts;
    if (class == FLOW_IP)
        return fvt_hash(&d->ip[id], sizeof d->ip[id]);
    size_t start = id ? d->end[id - 1] : 0;
    return fvt_hash(d->text.p + start, d->end[id] - start);
}

/* The key of local group g in values that hold for all row groups, and its hash. */
static bool translate(struct aggregate *a, uint32_t g, int64_t *out, uint64_t *hash) {
    const struct aggregate_spec *spec = a->spec;
    const uint64_t *key = a->key + (size_t)g * (size_t)a->words;
    int side = spec->sides == 2 ? (int)(key[0] & 1) : 0;
    uint64_t h = 0;
    memset(out, 0, NULL_WORDS * sizeof *out);
    for (int d = 0; d < spec->ndims; d++) {
        struct slot s = a->slot[side][d];
        int column = spec->dim[d].side[side];
        uint64_t mask = s.bits == 64 ? UINT64_MAX : (UINT64_C(1) << s.bits) - 1;
        uint64_t packed = s.bits ? key[s.word] >> s.shift & mask : 0;
        int64_t *v = &out[KEY_DIMS + d];
        *v = 0;
        if (packed == 0) {
            key_set_null(out, d);
            continue;
        }
        *v = (int64_t)(packed + (uint64_t)s.base - 1);
        const struct fvt_dict *dict = scan_dict(a->scan, column);
        if (!dict) {
            h = groups_mix(h, (uint64_t)*v);
        } else if ((*v = number_of(a, column, dict, *v)) >= 0) {
            h = groups_mix(h, hash_of(a, dict->class, (uint32_t)*v));
        } else {
            return false;
        }
    }
    if (spec->buckets) {
        int64_t bucket = (int64_t)key[a->slot[0][spec->ndims].word];
        out[KEY_DIMS + spec->ndims] = bucket == NO_BUCKET ? 0 : bucket;
        if (bucket == NO_BUCKET)
            key_set_null(out, KEY_NO_BUCKET);
        h = groups_mix(h, (uint64_t)bucket);
    }
    for (int w = 0; w < NULL_WORDS; w++)
        h = groups_mix(h, (uint64_t)out[w]);
    *hash = groups_mix(h, 0);
    return true;
}

/* Local groups [from, to) to the shared ones, part by part. */
static bool hand_over_some(struct aggregate *a, uint32_t from, uint32_t to) {
    int width = aggregate_width(a->spec);
    uint32_t n = to - from, start[GROUP_PARTS + 1] = {0};
    int64_t *keys = malloc((size_t)n * (size_t)width * sizeof *keys);
    uint64_t *hashes = malloc((size_t)n * sizeof *hashes);
    bool ok = keys && hashes;
    pthread_mutex_lock(&a->interner->lock);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = translate(a, from + i, keys + (size_t)i * (size_t)width, &hashes[i]);
    pthread_mutex_unlock(&a->interner->lock);
    for (uint32_t i = 0; ok && i < n; i++)
        start[groups_part(hashes[i]) + 1]++;
    for (int p = 0; p < GROUP_PARTS; p++)
        start[p + 1] += start[p];
    uint32_t at[GROUP_PARTS];
    memcpy(at, start, sizeof at);
    for (uint32_t i = 0; ok && i < n; i++) {
        uint32_t to_place = at[groups_part(hashes[i])]++;
        memcpy(a->out_key + (size_t)to_place * (size_t)width, keys + (size_t)i * (size_t)width,
               (size_t)width * sizeof *keys);
        a->out_hash[to_place] = hashes[i];
        a->out_sum[to_place] = a->sum[from + i];
    }
    for (unsigned p = 0; ok && p < GROUP_PARTS; p++)
        if (start[p + 1] > start[p])
            ok = groups_add(a->groups, p, a->out_key + (size_t)start[p] * (size_t)width,
                            a->out_hash + start[p], a->out_sum + start[p], start[p + 1] - start[p]);
    free(keys);
    free(hashes);
    return ok;
}

static bool hand_over(struct aggregate *a) {
    bool ok = true;
    for (int d = 0; ok && a->n && d < a->spec->ndims; d++)
        for (int side = 0; ok && side < a->spec->sides; side++) {
            int column = a->spec->dim[d].side[side];
            ok = open_remap(a, column, scan_dict(a->scan, column));
        }
    for (uint32_t from = 0; ok && from < a->n; from += ADD_STEP)
        ok = hand_over_some(a, from, a->n - from < ADD_STEP ? a->n : from + ADD_STEP);
    a->n = 0;
    return ok;
}

/* ---- contributions ---------------------------------------------------------------------- */

struct counters {
    const int64_t *v[GROUP_COUNTERS];
    const uint8_t *null[GROUP_COUNTERS];
};

static bool flush_batch(struct aggregate *a, const uint8_t pass[2][SCAN_BLOCK]) {
    bool ok = true;
    for (int side = 0; ok && side < a->spec->sides; side++)
        ok = add_batch(a, side, a->spec->sides == 2 ? pass[side] : NULL);
    a->batch.n = 0;
    return ok;
}

/* One contribution: what of the row lies in [from, to). */
static void contribute(struct aggregate *a, const struct counters *in, uint16_t row,
                       const struct flow_span *f, int64_t bucket, int64_t from, int64_t to) {
    struct batch *b = &a->batch;
    uint32_t i = b->n++;
    bool whole = !f->known || (from <= f->start && to > f->end);
    b->row[i] = row;
    b->bucket[i] = bucket;
    b->first[i] = f->known ? f->start : INT64_MAX;
    b->last[i] = f->known ? f->end : INT64_MIN;
    for (int c = 0; c < a->spec->ncounters; c++) {
        int64_t v = in->null[c][row] ? 0 : in->v[c][row];
        if (a->spec->counter[c] == FLOW_flows)
            v = whole || (f->start >= from && f->start < to) ? v : 0;
        else if (!whole)
            v = flow_portion_before(f, v, to) - flow_portion_before(f, v, from);
        b->value[c][i] = v;
    }
}

/* Does the last contribution add nothing to any total that was asked for? */
static bool is_nothing(const struct aggregate *a) {
    const struct batch *b = &a->batch;
    bool nothing = !a->spec->times && a->spec->ncounters > 0;
    for (int c = 0; c < a->spec->ncounters; c++)
        nothing &= b->value[c][b->n - 1] == 0;
    return nothing;
}

static bool contribute_row(struct aggregate *a, const struct counters *in, uint16_t row,
                           const uint8_t pass[2][SCAN_BLOCK]) {
    const struct aggregate_spec *spec = a->spec;
    struct flow_span f;
    f.known = scan_times(a->scan, row, &f.start, &f.end);
    int64_t from = spec->window.since, to = spec->window.until;
    if (!spec->buckets || !f.known) {
        contribute(a, in, row, &f, NO_BUCKET, from, to);
        return a->batch.n < BATCH || flush_batch(a, pass);
    }
    from = from > f.start ? from : f.start;
    to = to <= f.end ? to : f.end + 1;
    for (int64_t bucket = flow_bucket_of(from, spec->bucket); bucket < to; bucket += spec->bucket) {
        int64_t lo = bucket > from ? bucket : from;
        int64_t hi = bucket + spec->bucket < to ? bucket + spec->bucket : to;
        contribute(a, in, row, &f, bucket, lo, hi);
        if (is_nothing(a)) /* a long flow of few packets has most buckets without any */
            a->batch.n--;
        if (a->batch.n == BATCH && !flush_batch(a, pass))
            return false;
    }
    return true;
}

/* Rows whose times do not matter. */
static void contribute_whole(struct aggregate *a, const struct counters *in, const uint16_t *rows,
                             uint32_t n) {
    struct batch *b = &a->batch;
    memcpy(b->row, rows, n * sizeof *rows);
    for (int c = 0; c < a->spec->ncounters; c++)
        for (uint32_t i = 0; i < n; i++)
            b->value[c][i] = in->null[c][rows[i]] ? 0 : in->v[c][rows[i]];
    b->n = n;
}

static bool add_block(struct aggregate *a, struct predicate *const side[2]) {
    const struct aggregate_spec *spec = a->spec;
    struct counters in;
    uint8_t pass[2][SCAN_BLOCK];
    for (int c = 0; c < spec->ncounters; c++)
        in.v[c] = scan_values(a->scan, spec->counter[c], &in.null[c]);
    for (int s = 0; spec->sides == 2 && s < 2; s++)
        if (!scan_test(a->scan, side[s], pass[s]))
            return false;
    uint32_t n;
    const uint16_t *rows = scan_rows(a->scan, &n);
    if (!spec->buckets && !spec->times && scan_inside_window(a->scan)) {
        contribute_whole(a, &in, rows, n);
    } else {
        for (uint32_t i = 0; i < n; i++)
            if (!contribute_row(a, &in, rows[i], (const uint8_t(*)[SCAN_BLOCK])pass))
                return false;
    }
    return flush_batch(a, (const uint8_t(*)[SCAN_BLOCK])pass);
}

static bool begin_group(struct aggregate *a) {
    lay_out(a);
    a->n = 0;
    return make_slots(a, a->direct ? UINT32_C(1) << a->direct_bits : BATCH * 4);
}

int aggregate_run(struct aggregate *a, struct scan *scan, struct predicate *const side[2]) {
    a->scan = scan;
    int rc;
    while ((rc = scan_next_group(scan)) == 1) {
        bool ok = begin_group(a);
        while (ok && scan_next_block(scan))
            ok = add_block(a, side);
        if (!ok || !hand_over(a))
            return FVT_NOMEM;
    }
    return rc;
}
