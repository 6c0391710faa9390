/* SPDX-License-Identifier: MIT */
/*
** Building and encoding the dictionaries of a row group. fvt.h has the reading side. Private to
** schema/.
*/
#ifndef FLOWVT_DICT_H
#define FLOWVT_DICT_H

#include "format.h"
#include "pool.h"

/* entry: number + 1, 0: free; of an IPv4 address also DICT_IPV4, and mark is all of it. Of others mark is
** their hash: what is looked for is mostly told from what is not by the slot alone. */
struct dict_slot {
    uint32_t entry, mark;
};
#define DICT_IPV4 (UINT32_C(1) << 31)

/* A set of addresses or texts that numbers its entries in the order they came. */
struct dict_builder {
    enum flow_class class;
    uint32_t n, cap;
    struct dict_slot *slots; /* open hash table */
    uint32_t nslots;
    uint64_t seed[2]; /* of the hash of addresses */
    struct flow_ip *ip;
    struct fvt_buffer text; /* all texts, one behind the other */
    size_t *end;            /* end of entry i in text */
    uint32_t *place;        /* of each entry, a number for whoever needs one; 0 between uses */
    uint32_t nplaces;
};

static inline bool dict_same_ip(const struct flow_ip *a, const struct flow_ip *b) {
    uint64_t x[2], y[2];
    memcpy(x, a->addr, sizeof x);
    memcpy(y, b->addr, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (uint64_t)(a->family ^ b->family)) == 0;
}

void dict_builder_init(struct dict_builder *d, enum flow_class class);
void dict_builder_free(struct dict_builder *d);
/* Forget the entries, keep the memory. */
void dict_builder_clear(struct dict_builder *d);
/* Room for n entries in all, where so many are expected. false without memory. */
bool dict_builder_reserve(struct dict_builder *d, uint32_t n);
/* The number of the entry, added if it is new; -1 without memory. */
int64_t dict_builder_ip(struct dict_builder *d, const struct flow_ip *ip);
/* The same for n addresses at once, in less time: memory is asked for ahead. false without memory. */
bool dict_builder_ips(struct dict_builder *d, const struct flow_ip *ip, uint32_t n,
                      uint32_t *number);
/* The same for n addresses of IPv4 as they are sent. */
bool dict_builder_ipv4s(struct dict_builder *d, const uint8_t (*ip)[4], uint32_t n,
                        uint32_t *number);
int64_t dict_builder_text(struct dict_builder *d, const char *p, size_t n);
/* The same for an entry of another one of the same class. */
int64_t dict_builder_copy(struct dict_builder *d, const struct dict_builder *from, uint32_t entry);
/* Is that the text of an entry? */
bool dict_builder_is(const struct dict_builder *d, uint32_t entry, const char *p, size_t n);

/* Leave out the entries i that are not used[i]. number[i] becomes the number of each of the others. Entries can be sorted and
** encoded then, but none looked up or added until dict_builder_clear(). */
void dict_builder_drop(struct dict_builder *d, const uint8_t *used, uint32_t *number);

/* code[i] = place of entry i in sorted order. code has room for d->n. Returns false without
** memory. */
bool dict_builder_sort(const struct dict_builder *d, uint32_t *code);
/* Append the encoded dictionary: entries in the order of code from dict_builder_sort(). */
void dict_encode(struct fvt_buffer *out, const struct dict_builder *d, const uint32_t *code);
/* Make place[] long enough. Returns false without memory. */
bool dict_builder_places(struct dict_builder *d);
/* The same of some entries, n of them: bring their numbers into order, and append a dictionary of them. */
bool dict_builder_order(const struct dict_builder *d, uint32_t *entry, uint32_t n);
void dict_encode_some(struct fvt_buffer *out, const struct dict_builder *d, const uint32_t *entry,
                      uint32_t n);
/* Decode n entries; class as in the directory. FVT_OK, FVT_DAMAGED, FVT_NOMEM. pool may be NULL and
** must outlive the dictionary. */
int dict_decode(struct fvt_cursor *c, enum flow_class class, uint32_t n, struct fvt_pool *pool,
                struct fvt_dict **out);

#endif
