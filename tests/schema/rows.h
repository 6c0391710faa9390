/* SPDX-License-Identifier: MIT */
/*
** Rows for the tests of flow files: row i is a function of a seed and i alone, so a test that
** read row i back knows what it must be.
*/
#ifndef FLOWVT_TEST_ROWS_H
#define FLOWVT_TEST_ROWS_H

#include "schema/fvt.h"

struct test_row {
    struct flow_row row;
    char text[FLOW_NFIELDS][32];
};

/* Mostly what exporters send: skewed addresses, some IPv6, columns that are functions of others,
** columns that are NULL always, never, or now and then; extreme values every few rows. */
void test_row_make(struct test_row *out, uint64_t seed, uint64_t i);

/* Few hosts, ports and hours from begin (ms) on, and all that is odd about times, rates and NULLs:
** flows of hours, swapped times, clock errors, flows without a time, zero counters. */
void test_odd_row_make(struct flow_row *row, int64_t begin, uint64_t i);

#endif
