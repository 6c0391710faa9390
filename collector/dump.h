/* SPDX-License-Identifier: MIT */
/*
** Rows as text, for people and for tests: one row a line, `field=value` for every field that is
** not NULL, in the order of the catalogue, separated by spaces. Times, addresses and MAC addresses
** are as in SQL (a T stands for the space in a time); TEXT is in double quotes, with \" \\ and \xHH
** for control characters. Counters are as exported: not multiplied by the sampling rate.
*/
#ifndef FLOWVT_DUMP_H
#define FLOWVT_DUMP_H

#include <stdio.h>

#include "schema/field.h"

void dump_row(FILE *out, const struct flow_row *row);

#endif
