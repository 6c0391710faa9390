/* SPDX-License-Identifier: MIT */
/*
** Packing, dimension by dimension: a loop over the rows for each.
*/
#include "row_keys.h"
#include "dict_codes.h"

#include <stdlib.h>

enum { WAYS = 4 }; /* masks of one address whose networks are remembered, at most */

/* Numbers of a dictionary's codes; 0: not asked for yet. With LABEL_NET the network of a code by a mask is at
** code * WAYS + mask % WAYS, when it is by this mask. */
struct remap {
    const struct fvt_dict *dict;
    enum label label;
    bool marked;
    uint32_t *number;
    uint8_t *mask;
    uint32_t ipv4; /* codes from here on are not of IPv4 */
    size_t cap;
};

struct row_keys {
    const struct aggregate_spec *spec;
    const struct key_layout *layout;
    struct interner *interner;
    struct remap remap[4 * MAX_DIMENSIONS];
    int nremaps; /* of the current row group */
    bool marked; /* addresses have marks */
    uint64_t *key[MAX_KEY_WORDS];
    uint64_t part[GROUP_BATCH]; /* of a key: one dimension */
    uint32_t *application;      /* numbers of texts, by those of labels.h; 0: not asked for yet */
    uint32_t missing[GROUP_BATCH], code[GROUP_BATCH]; /* rows and codes without a number */
    uint8_t length[GROUP_BATCH];                      /* masks of missing */
    uint32_t number[GROUP_BATCH];
};

struct row_keys *row_keys_new(const struct aggregate_spec *spec, const struct key_layout *layout,
                              struct interner *interner) {
    struct row_keys *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->spec = spec;
    k->layout = layout;
    k->interner = interner;
    bool ok = true;
    for (int d = 0; d < aggregate_dims(spec); d++)
        if (spec->dim[d].label == LABEL_APPLICATION && !k->application)
            ok = (k->application = calloc((size_t)labels_applications(spec->labels) + 1,
                                          sizeof *k->application)) != NULL;
    for (int w = 0; w < layout->counted_words; w++)
        ok = (k->key[w] = malloc(GROUP_BATCH * sizeof **k->key)) != NULL && ok;
    if (ok)
        return k;
    row_keys_free(k);
    return NULL;
}

static void remap_free(struct remap *r) {
    free(r->number);
    free(r->mask);
}

void row_keys_free(struct row_keys *k) {
    if (!k)
        return;
    for (int i = 0; i < 4 * MAX_DIMENSIONS; i++)
        remap_free(&k->remap[i]);
    free(k->application);
    for (int w = 0; w < MAX_KEY_WORDS; w++)
        free(k->key[w]);
    free(k);
}

uint64_t *const *row_keys_words(struct row_keys *k) {
    return k->key;
}

void row_keys_new_dicts(struct row_keys *k) {
    k->nremaps = 0;
}

void row_keys_forget(struct row_keys *k) {
    k->nremaps = 0;
    if (k->application)
        memset(k->application, 0,
               ((size_t)labels_applications(k->spec->labels) + 1) * sizeof *k->application);
}

/* ---- numbers of codes -------------------------------------------------------------------- */

static struct remap *remap_of(struct row_keys *k, const struct fvt_dict *dict, enum label label) {
    size_t n = label == LABEL_NET ? (size_t)dict->n * WAYS : dict->n;
    bool marked = k->marked && dict->class == FLOW_IP && label != LABEL_ZONE;
    for (int i = 0; i < k->nremaps; i++)
        if (k->remap[i].dict == dict && k->remap[i].label == label && k->remap[i].marked == marked)
            return &k->remap[i];
    struct remap *r = &k->remap[k->nremaps];
    if (r->cap < n || (label == LABEL_NET && !r->mask)) {
        remap_free(r);
        r->number = malloc(n * sizeof *r->number);
        r->mask = label == LABEL_NET ? malloc(n) : NULL;
        r->cap = r->number && (r->mask || label != LABEL_NET) ? n : 0;
        if (!r->cap)
            return NULL;
    }
    memset(r->number, 0, n * sizeof *r->number);
    r->dict = dict;
    r->label = label;
    r->marked = marked;
    r->ipv4 = label == LABEL_NET ? dict_seek_ip(dict, 0, &(struct flow_ip){.family = 5}) : 0;
    k->nremaps++;
    return r;
}

/* number[code] of every row, 0 where it is NULL. Which rows have a code without a number goes to
** missing; returns how many these are. */
static uint32_t map_codes(const struct aggregate_rows *in, const struct aggregate_column *c,
                          const uint32_t *number, uint64_t *part, uint32_t *missing) {
    const int64_t *v = c->v;
    const uint16_t *row = in->row;
    uint32_t n = in->n, m = 0;
    for (uint32_t i = 0; c->null && i < n; i++) {
        uint32_t at = row ? row[i] : i;
        part[i] = c->null[at] ? 0 : number[v[at]];
        missing[m] = i;
        m += !part[i] & !c->null[at];
    }
    if (c->null)
        return m;
    for (uint32_t i = 0; row && i < n; i++) {
        uint32_t x = number[v[row[i]]];
        part[i] = x;
        missing[m] = i;
        m += x == 0;
    }
    for (uint32_t i = 0; !row && i < n; i++) {
        uint32_t x = number[v[i]];
        part[i] = x;
        missing[m] = i;
        m += x == 0;
    }
    return m;
}

static bool number_codes(struct row_keys *k, const struct remap *r, const uint32_t *codes,
                         uint32_t n) {
    if (r->label == LABEL_ZONE)
        return interner_zones(k->interner, k->spec->labels, r->dict, r->number);
    if (r->marked)
        interner_mark(k->interner, r->dict, codes, n, r->number);
    return r->marked || interner_number(k->interner, r->dict, codes, n, r->number);
}

static bool pack_codes(struct row_keys *k, const struct aggregate_rows *in,
                       const struct aggregate_column *c, enum label label, uint64_t *part) {
    if (!c->dict || c->dict->n == 0) { /* NULL in all rows */
        memset(part, 0, in->n * sizeof *part);
        return true;
    }
    struct remap *r = remap_of(k, c->dict, label);
    if (!r)
        return false;
    uint32_t m = map_codes(in, c, r->number, part, k->missing), n = 0;
    for (uint32_t x = 0; x < m; x++) {
        uint32_t i = k->missing[x], code = (uint32_t)c->v[in->row ? in->row[i] : i];
        if (!r->number[code]) {
            r->number[code] = UINT32_MAX; /* only once */
            k->code[n++] = code;
        }
    }
    if (n && !number_codes(k, r, k->code, n))
        return false;
    for (uint32_t x = 0; x < m; x++) {
        uint32_t i = k->missing[x];
        part[i] = r->number[c->v[in->row ? in->row[i] : i]];
    }
    return true;
}

/* The number of the network of a code by a mask; NULL: it is not asked for yet. */
static uint32_t *net_of(const struct remap *r, uint32_t code, uint8_t mask) {
    size_t at = (size_t)code * WAYS + mask % WAYS;
    if (r->mask[at] == mask)
        return &r->number[at];
    r->mask[at] = mask;
    r->number[at] = 0;
    return &r->number[at];
}

/* Is an address in a network by its mask, and not in none? */
static bool is_net(const struct remap *r, const struct aggregate_column *ip,
                   const struct aggregate_column *mask, uint32_t at) {
    if ((ip->null && ip->null[at]) || (mask->null && mask->null[at]))
        return false;
    return (uint64_t)mask->v[at] <= (ip->v[at] < r->ipv4 ? 32 : 128);
}

static bool pack_nets(struct row_keys *k, const struct aggregate_rows *in, int d, uint64_t *part) {
    const struct aggregate_column *ip = &in->dim[d], *mask = &in->mask[d];
    bool none = !ip->dict || ip->dict->n == 0;
    struct remap *r = none ? NULL : remap_of(k, ip->dict, LABEL_NET);
    uint32_t m = 0;
    if (!r)
        memset(part, 0, in->n * sizeof *part);
    for (uint32_t i = 0; r && i < in->n; i++) {
        uint32_t at = in->row ? in->row[i] : i;
        bool net = is_net(r, ip, mask, at);
        part[i] = net ? *net_of(r, (uint32_t)ip->v[at], (uint8_t)mask->v[at]) : 0;
        if (!net || part[i])
            continue;
        k->missing[m] = i;
        k->code[m] = (uint32_t)ip->v[at];
        k->length[m++] = (uint8_t)mask->v[at];
    }
    if (m && k->marked)
        interner_mark_nets(ip->dict, k->code, k->length, m, k->number);
    else if (m && !interner_nets(k->interner, ip->dict, k->code, k->length, m, k->number))
        return false;
    for (uint32_t x = 0; x < m; x++) {
        part[k->missing[x]] = k->number[x];
        *net_of(r, k->code[x], k->length[x]) = k->number[x];
    }
    return none || r;
}
static bool pack_applications(struct row_keys *k, const struct aggregate_rows *in,
                              const struct aggregate_column *proto, uint64_t *part) {
    const struct labels *labels = k->spec->labels;
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t at = in->row ? in->row[i] : i;
        uint32_t number = labels_application(labels, aggregate_value(proto, at),
                                             aggregate_value(&in->port[0], at),
                                             aggregate_value(&in->port[1], at));
        if (!k->application[number] && !(k->application[number] = interner_text(
                                             k->interner, labels_application_text(labels, number))))
            return false;
        part[i] = k->application[number];
    }
    return true;
}

/* Of an address or a text. */
static bool pack_names(struct row_keys *k, const struct aggregate_rows *in, int d, uint64_t *part) {
    enum label label = k->spec->dim[d].label;
    return label == LABEL_APPLICATION ? pack_applications(k, in, &in->dim[d], part)
           : label == LABEL_NET       ? pack_nets(k, in, d, part)
                                      : pack_codes(k, in, &in->dim[d], label, part);
}

static void pack_numbers(const struct aggregate_rows *in, const struct aggregate_column *c,
                         uint64_t largest, uint64_t *part) {
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t at = in->row ? in->row[i] : i;
        /* A forged file may have values outside of its zone map. */
        uint64_t v = (uint64_t)c->v[at] < largest ? (uint64_t)c->v[at] + 1 : largest;
        part[i] = c->null && c->null[at] ? 0 : v;
    }
}

static void pack_lowports(const struct aggregate_rows *in, uint64_t largest, uint64_t *part) {
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t at = in->row ? in->row[i] : i;
        int64_t a = aggregate_value(&in->port[0], at), b = aggregate_value(&in->port[1], at);
        uint64_t low = (uint64_t)(a < b ? a : b) + 1; /* 0 where one is NULL */
        part[i] = low < largest ? low : largest;
    }
}

/* ---- keys ------------------------------------------------------------------------------- */

/* Where the part of a key goes: the first of a word makes it. */
static uint64_t *place_of(struct row_keys *k, const struct key_slot *s) {
    return s->shift ? k->part : k->key[s->word];
}

static void put_part(struct row_keys *k, const uint64_t *part, const struct key_slot *s,
                     uint32_t n) {
    uint64_t *key = k->key[s->word];
    for (uint32_t i = 0; s->shift && i < n; i++)
        key[i] |= part[i] << s->shift;
}

/* Do the numbers of labels fit the slot? */
static bool labels_fit(const struct row_keys *k, int d, const uint64_t *part, uint32_t n) {
    uint64_t all = 0;
    for (uint32_t i = 0; i < n; i++)
        all |= part[i];
    return all <= key_largest(key_slot_of(k->layout, d));
}

/* The values of a dimension, as its slot has them. */
static enum row_keys_result pack_part(struct row_keys *k, const struct aggregate_rows *in, int d,
                                      uint64_t *part, bool wide[MAX_DIMENSIONS]) {
    const struct dimension *dim = &k->spec->dim[d];
    uint64_t largest = key_largest(key_slot_of(k->layout, d));
    if (dim->label == LABEL_LOWPORT)
        pack_lowports(in, largest, part);
    else if (dim->class != FLOW_IP && dim->class != FLOW_TEXT)
        pack_numbers(in, &in->dim[d], largest, part);
    else if (!pack_names(k, in, d, part))
        return ROW_KEYS_NO_MEMORY;
    if (!dimension_is_told(dim) || labels_fit(k, d, part, in->n))
        return ROW_KEYS_OK;
    wide[d] = true;
    return ROW_KEYS_WIDE;
}

enum row_keys_result row_keys_pack(struct row_keys *k, const struct aggregate_rows *in, bool marked,
                                   bool wide[MAX_DIMENSIONS]) {
    const struct aggregate_spec *spec = k->spec;
    k->marked = marked;
    if (spec->ndims == 0 && !spec->buckets)
        memset(k->key[0], 0, in->n * sizeof **k->key);
    for (int i = 0; i < spec->ndims; i++) {
        int d = k->layout->place[i];
        const struct key_slot *s = &k->layout->slot[d];
        uint64_t *part = place_of(k, s);
        enum row_keys_result packed = pack_part(k, in, d, part, wide);
        if (packed != ROW_KEYS_OK)
            return packed;
        put_part(k, part, s, in->n);
    }
    if (spec->buckets) {
        const struct key_slot *s = &k->layout->slot[spec->ndims];
        if (!s->shift)
            memcpy(k->key[s->word], in->bucket, in->n * sizeof *in->bucket);
        put_part(k, in->bucket, s, in->n);
    }
    return ROW_KEYS_OK;
}

enum row_keys_result row_keys_pack_counted(struct row_keys *k, const struct aggregate_rows *in,
                                           bool wide[MAX_DIMENSIONS]) {
    const struct key_slot *s = &k->layout->counted;
    enum row_keys_result packed = pack_part(k, in, k->spec->ndims, k->part, wide);
    if (packed != ROW_KEYS_OK)
        return packed;
    if (s->word >= k->layout->words)
        memset(k->key[s->word], 0, in->n * sizeof **k->key);
    for (uint32_t i = 0; i < in->n; i++)
        k->key[s->word][i] |= k->part[i] << s->shift;
    return ROW_KEYS_OK;
}
