/* SPDX-License-Identifier: MIT */
/*
** Flows rendered by several threads, in the order of the files.
**
** Each thread scans the store for its share of the blocks and keeps finished text until it is its
** turn; what waits is bounded, so memory is, whatever the store holds.
*/
#ifndef FLOWVT_EXPORT_PIPE_H
#define FLOWVT_EXPORT_PIPE_H

#include "interrupt.h"
#include "query.h"
#include "render.h"
#include "snapshot.h"

/* Some thousand lines, the last without its end. */
struct text_block {
    struct text_block *next;
    int64_t position; /* of the first row */
    struct render_text text;
};
void text_block_drop(struct text_block *b);

struct export_pipe;
/* query, snapshot, columns and interrupt, which has begun, are borrowed. NULL without memory. */
struct export_pipe *export_pipe_new(const struct query *query, struct snapshot *snapshot,
                                    enum export_format format, const struct render_column *columns,
                                    int n, struct interrupt *interrupt);
/* Stops the threads. */
void export_pipe_free(struct export_pipe *p);
/* The next block, the caller's to drop: 1, 0 at the end, or negative FVT_* with
** export_pipe_message(); SCAN_STOPPED when the statement is interrupted. */
int export_pipe_next(struct export_pipe *p, struct text_block **out);
const char *export_pipe_message(const struct export_pipe *p);

#endif
