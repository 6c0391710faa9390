/* SPDX-License-Identifier: MIT */
/*
** Where a report is written to: the standard output, or a file that is put in place of what was there only when all of it
** is written.
*/
#ifndef FLOWREPORT_OUTPUT_H
#define FLOWREPORT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output {
    FILE *file; /* to write to */
    const char *name;
    char *path;    /* that is written; NULL: the standard output */
    bool replaced; /* path takes the place of name in the end */
};

/* name: a file, a device or a pipe; "-" and NULL: the standard output. It must last until output_close().
** Not 0: it was said what is wrong, and there is nothing to close. */
int output_open(struct output *output, const char *name);

/* whole: all of it was written. Otherwise a file is not replaced. Not 0: what was written is lost, which was said. */
int output_close(struct output *output, bool whole);

#endif
