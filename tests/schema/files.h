/* SPDX-License-Identifier: MIT */
/*
** For tests of flow files: a directory that goes away, files of the rows of rows.h in it, and whether what is read
** in them is right.
*/
#ifndef FLOWVT_TEST_FILES_H
#define FLOWVT_TEST_FILES_H

#include "schema/fvt.h"

/* Fixtures of a group of tests: make the directory, remove it. */
int files_begin(void **state);
int files_end(void **state);
/* The path of a name in it; n: of out. */
void files_path(char *out, size_t n, const char *name);

/* Rows from to to - 1 of seed to the end of a file, which is made if need be, in groups of step. */
void files_write(const char *path, uint64_t seed, uint64_t from, uint64_t to, uint64_t step);

/* Compare a group's rows with what was written, column by column, in pieces of step rows. Returns
** the number of columns that could not be read. */
unsigned files_check_group(const struct fvt_file *file, const struct fvt_group *g, uint64_t seed,
                           uint32_t step);

#endif
