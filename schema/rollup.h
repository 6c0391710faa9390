/* SPDX-License-Identifier: MIT */
/*
** Roll-ups: what the flows of a file come to by some of their columns and by hour or day, stored in
** the file beside them, so that questions about months need not read the flows. FORMAT.md,
** "Roll-ups". This is the writing side; fvt.h has the reading one. The plan is for who merges files, the
** rest private to schema/.
**
** A roll-up pays only when it is much smaller than the flows, which depends on the line: each one is
** made, and left out when it has more rows than a quarter of the flows; and all of them together take at
** most an eighth of the octets of the flows, the largest being left out. Rows of one key
** and bucket may come more than once, and readers add them up: that is how making them takes bounded
** memory, whatever the flows are.
*/
#ifndef FLOWVT_ROLLUP_H
#define FLOWVT_ROLLUP_H

#include "fvt.h"

struct fvt_buffer;

enum {
    ROLLUP_SETS = 24, /* sets of columns */
    ROLLUP_HOUR = 3600,
    ROLLUP_DAY = 86400,
};

/* A set of columns, ascending in enum flow_field. exporter is always among them. */
struct rollup_set {
    int n;
    int field[FVT_ROLLUP_COLUMNS];
};

/* Which roll-ups a file is to have: by hour and by day for each set. */
struct rollup_plan {
    size_t memory; /* octets that the tables may take while they are made */
    int n;
    struct rollup_set set[ROLLUP_SETS];
};

/* Sets with blanks between, columns of a set with commas: "srcip dstip srcip,dstip". Columns are
** numbers or addresses that `traffic` can group by. "" and "none" for none, NULL for ROLLUP_DEFAULT.
** Returns FVT_OK, or FVT_UNKNOWN and a sentence in err. */
int rollup_parse(const char *text, struct rollup_plan *out, struct fvt_error *err);
#define ROLLUP_DEFAULT \
    "proto srcip dstip srcip,dstip proto,srcport proto,dstport srcas,dstas inif,outif"

struct rollup_builder;

/* rows: how many flows it will be given; what roll-ups are measured by. NULL without memory. */
struct rollup_builder *rollup_new(const struct rollup_plan *plan, uint64_t rows);
void rollup_free(struct rollup_builder *b);

/* Count the flows of one group, any number of groups from any files. FVT_OK, FVT_NOMEM, FVT_UNKNOWN, or
** FVT_DAMAGED, after which the builder holds a part of the group and is of no use. */
int rollup_add(struct rollup_builder *b, const struct fvt_file *file, const struct fvt_group *g);

/* Append the blocks of the roll-ups that pay to out, whose first octet will be octet base of the file, and
** the records that lead to them to meta. What is before base is taken for the flows' size. FVT_OK or
** FVT_NOMEM. */
int rollup_finish(struct rollup_builder *b, struct fvt_buffer *out, uint64_t base,
                  struct fvt_buffer *meta);

#endif
