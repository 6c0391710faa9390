/* SPDX-License-Identifier: MIT */
/*
** Numbers for the addresses and texts of a query, from 1 on, the same in all files and threads; 0
** stands for NULL. When all are known they get the text that SQL shows, and a rank in its order.
*/
#ifndef FLOWVT_INTERNER_H
#define FLOWVT_INTERNER_H

#include <pthread.h>

#include "../schema/dict.h"
#include "budget.h"
#include "labels.h"
#include "sorter.h"

/* A text of n octets, short ones in place. */
struct name {
    union {
        char own[16];
        const char *far;
    } text;
    uint32_t n;
};
static inline const char *name_text(const struct name *n) {
    return n->n <= sizeof n->text.own ? n->text.own : n->text.far;
}

struct name_list {
    struct dict_builder entries;
    struct name *name; /* by number - 1 */
    uint32_t *rank;    /* by number; rank[0] is 0, then 1 and up */
    bool *wanted;      /* by number: no other gets a name or a rank; NULL: all do */
};

struct interner {
    pthread_mutex_t lock;
    int mask4, mask6; /* addresses become networks of this length, */
    bool bare;        /* but their names have no /length */
    struct budget *budget;
    size_t counted; /* octets, in budget */
    struct name_list ips, texts;
    void *arena; /* of far texts */
};

void interner_init(struct interner *in, int mask4, int mask6, struct budget *budget);
void interner_free(struct interner *in);
/* Forget all numbers, and the memory. */
void interner_clear(struct interner *in);

/* number[code] for n codes of a dictionary. Safe from several threads. False without memory. */
bool interner_number(struct interner *in, const struct fvt_dict *dict, const uint32_t *codes,
                     uint32_t n, uint32_t *number);

/* The same for all codes of a dictionary of addresses, with the numbers of the zones that labels has. */
bool interner_zones(struct interner *in, struct labels *labels, const struct fvt_dict *dict,
                    uint32_t *number);
/* The networks in which addresses lie, the one of code[i] by its first length[i] bits, which it has: number[i]. They are
** told apart from addresses, and are shown with their length. */
bool interner_nets(struct interner *in, const struct fvt_dict *dict, const uint32_t *codes,
                   const uint8_t *length, uint32_t n, uint32_t *number);
/* Marks in the place of numbers: not 0, the same for one address in all files and threads, mostly others for others. They take no lock
** and no memory. */
void interner_mark(const struct interner *in, const struct fvt_dict *dict, const uint32_t *codes,
                   uint32_t n, uint32_t *mark);
void interner_mark_nets(const struct fvt_dict *dict, const uint32_t *codes, const uint8_t *length,
                        uint32_t n, uint32_t *mark);
/* The mark of a number's address, or network. */
uint32_t interner_marked(const struct interner *in, uint64_t number);

/* The number of a text; 0 without memory. */
uint32_t interner_text(struct interner *in, const char *text);

/* When no numbers are added any more: say that a number (or 0) is looked at, and none of its class is
** but those that this is said of. False without memory. */
bool interner_want(struct interner *in, enum flow_class class, uint64_t number);
/* Make the texts; and ranks of a class. False without memory. stop may be NULL; when it is to stop, neither
** are of use. */
bool interner_name(struct interner *in, const struct sort_stop *stop);
bool interner_rank(struct interner *in, enum flow_class class, const struct sort_stop *stop);

static inline const struct name_list *interner_list(const struct interner *in,
                                                    enum flow_class class) {
    return class == FLOW_IP ? &in->ips : &in->texts;
}
static inline const struct name *interner_get(const struct interner *in, enum flow_class class,
                                              uint64_t number) {
    return &interner_list(in, class)->name[number - 1];
}

#endif
