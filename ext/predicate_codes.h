/* SPDX-License-Identifier: MIT */
/*
** Tests of coded columns, made of a group's dictionary.
*/
#ifndef FLOWVT_PREDICATE_CODES_H
#define FLOWVT_PREDICATE_CODES_H

#include "predicate.h"

/* Is it one? Its rows then have codes, and what passes is in code_lo, code_hi and codes. */
bool predicate_is_coded(const struct predicate *p);

/* Look for the entries of d that pass. False without memory. */
bool predicate_look_up(struct predicate *p, const struct fvt_dict *d);

/* After that: how many of the entries pass, from 0 to 1. */
double predicate_share(const struct predicate *p, const struct fvt_dict *d);

#endif
