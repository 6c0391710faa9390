/* SPDX-License-Identifier: MIT */
/*
** Searching in a dictionary of addresses, which is in their order.
*/
#ifndef FLOWVT_DICT_CODES_H
#define FLOWVT_DICT_CODES_H

#include "../schema/dict.h"
#include "labels.h"

/* The first code from `from` on whose address is not below key; it takes the less time the nearer that is. */
uint32_t dict_seek_ip(const struct fvt_dict *d, uint32_t from, const struct flow_ip *key);

/* The zone of the address of *code, and of those up to before what *code is then; *code is below the dictionary's n. */
const char *dict_zone(const struct fvt_dict *d, uint32_t *code, struct labels *labels);

#endif
