/* SPDX-License-Identifier: MIT */
/*
** Tests of srcnet and dstnet, the network that an exporter's route made of an address, as tests of the
** address and of its mask.
*/
#ifndef FLOWVT_NET_TEST_H
#define FLOWVT_NET_TEST_H

#include "predicate.h"

/* The value is one of the networks that are added; so far of none. id: COMPUTED_srcnet or _dstnet. All
** return NULL or false when memory is out. */
struct predicate *net_test_new(void);
/* The network that is shown as this very text; there is nothing to add for other texts. */
bool net_test_add(struct predicate *p, enum computed id, const char *text, size_t n);
/* After the last one. */
void net_test_settle(struct predicate *p);

/* The value is not NULL: there are an address and a mask that is no longer than that. */
struct predicate *net_test_known(enum computed id);

#endif
