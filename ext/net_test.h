/* SPDX-License-Identifier: MIT */
/*
** Tests of srcnet and dstnet, the network that an exporter's route made of an address, as tests of the
** address and of its mask.
*/
#ifndef FLOWVT_NET_TEST_H
#define FLOWVT_NET_TEST_H

#include "predicate.h"

/* Let p, a PREDICATE_OR, be true of the network that is shown as this very text, too; there is nothing to add for other
** texts. id: COMPUTED_srcnet or _dstnet. False when memory is out. */
bool net_test_add(struct predicate *p, enum computed id, const char *text, size_t n);
/* After the last one. */
void net_test_settle(struct predicate *p);

/* The value is not NULL: there are an address and a mask that is no longer than that. NULL when memory is out. */
struct predicate *net_test_known(enum computed id);

#endif
