/* SPDX-License-Identifier: MIT */
/*
** The right-hand sides of LIKE, GLOB and MATCH as tests of what is stored.
*/
#ifndef FLOWVT_PATTERN_H
#define FLOWVT_PATTERN_H

#include "predicate.h"

/* Rows whose column (of class IP, TEXT, TIME or MAC) may be LIKE pattern, or GLOB it: all that are, as
** SQLite's own functions say, and for times and MAC addresses those with the same beginning. Longer
** patterns than SQLite's default limit are not looked into. NULL without memory. */
struct predicate *pattern_test(int column, bool glob, const char *pattern);

/* What a list of networks looks like, for messages. */
#define PATTERN_NETS "give '10.0.0.0/8, 2001:db8::/32', with blanks or commas between"

/* The next of a list of networks with blanks or commas between, and the list behind it. 1, 0 at its
** end, -1 when what it begins with is none. */
int pattern_next_net(const char **list, struct flow_ip *first, struct flow_ip *last);

#endif
