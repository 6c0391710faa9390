/* SPDX-License-Identifier: MIT */
/*
** A scan over a snapshot: files and groups that cannot match are passed over by their zone maps,
** the rest is read column by column in blocks of rows, and only the columns that are asked for.
*/
#ifndef FLOWVT_SCAN_H
#define FLOWVT_SCAN_H

#include "predicate.h"
#include "source.h"
#include "window.h"

enum { SCAN_BLOCK = PREDICATE_BLOCK };

struct scan;

/* scan_next_group() ended early because of scan_set_poll(). */
enum { SCAN_STOPPED = -100 };

/* Scans of several threads that share a source divide its row groups between them. source and predicate are borrowed and must outlive the scan; the predicate is this scan's alone.
** used: the scan columns the statement names; a group in which one of them is damaged is left out
** whole. Rows are those that pass the predicate and overlap the window. */
struct scan *scan_new(struct scan_source *source, struct predicate *predicate,
                      const struct window *window, const bool used[SCAN_NCOLUMNS]);
void scan_free(struct scan *s);
/* Ask stop(arg) every few microseconds, also while no row passes; once it says true it must go on to
** do so. A row group that is stopped within counts as at its end, and the next one is not had. */
void scan_set_poll(struct scan *s, bool (*stop)(void *arg), void *arg);
bool scan_must_stop(struct scan *s);

/* Of several scans, each with a source of its own, this is number part of parts: it gives only its
** share of the blocks, SCAN_SHARE_ROWS rows and then those of the others'. Before the first group. */
enum { SCAN_SHARE_ROWS = 2 * SCAN_BLOCK };
void scan_share(struct scan *s, uint32_t part, uint32_t parts);
/* The row of the group that the block begins with. */
uint32_t scan_block_row(const struct scan *s);

/* Go to the next row group that may have rows. 1: there is one; 0: the end; negative: FVT_*, with a
** sentence in scan_message(). */
int scan_next_group(struct scan *s);
/* Go to the group's next block with a row in it; false at the end of the group. */
bool scan_next_block(struct scan *s);
const char *scan_message(const struct scan *s);

/* The rows of the block that pass, ascending, as indexes into the arrays of scan_values(). */
const uint16_t *scan_rows(const struct scan *s, uint32_t *n);

/* A column of the block, one of those announced in used: integers, or codes for IP and TEXT; NULL
** marks in *nulls. Valid until the next block. */
const int64_t *scan_values(struct scan *s, int column, const uint8_t **nulls);
/* The dictionary of an IP or TEXT column in this group; NULL when it is all NULL here. */
const struct fvt_dict *scan_dict(struct scan *s, int column);
/* Smallest and largest value, or code, of a column in this group; false when it is all NULL. */
bool scan_zone(const struct scan *s, int column, int64_t *min, int64_t *max);
/* Does every row of the group certainly lie inside the window, whole? */
bool scan_inside_window(const struct scan *s);

/* Are the group's rows totals of a roll-up? Then trecv is the begin of their bucket, and they are in the
** window when that is; tstart and tend are the first and last times of the flows in it. */
bool scan_totals(const struct scan *s);
/* What of the group is asked for: the window, and SIDE_SENDER, SIDE_RECEIVER or both. */
const struct window *scan_window(const struct scan *s);
unsigned scan_sides(const struct scan *s);

/* Which rows of the block pass a part of the scan's predicate: pass[i] for row i of the block.
** False without memory. */
bool scan_test(struct scan *s, struct predicate *part, uint8_t pass[SCAN_BLOCK]);

/* A number for a row of the block: of its file's path and its place in the file alone. */
int64_t scan_rowid(const struct scan *s, uint32_t index);

/* The file's place in the snapshot and the row's in the file, in one number; scan_rowid_at() makes
** it the row's number again. */
int64_t scan_position(const struct scan *s, uint32_t index);
int64_t scan_rowid_at(const struct snapshot *snapshot, int64_t position);
/* Octets of memory that the columns of the group take, and what is kept for those of the next, about. */
size_t scan_octets(const struct scan *s);
/* What the group's directory says of a column: its largest number as stored, 0 for none (of sampling: of
** the corrected rates, too); rows without a value. */
uint64_t scan_largest(const struct scan *s, int column);
uint64_t scan_nulls(const struct scan *s, int column);
/* Rows of the group, and of the block, those included that do not pass. */
uint32_t scan_group_rows(const struct scan *s);
uint32_t scan_block_rows(const struct scan *s);

/* When the flows of the block were, as windows see it (struct flow_span), for every row whether it
** passes or not. undated: of each row whether it has no time at all; its start and end are 0 then.
** Valid until the next block; NULL when a column cannot be had. */
struct scan_spans {
    uint32_t n;
    const int64_t *start, *end;
    const uint8_t *undated;
    bool dated; /* no row is undated */
};
const struct scan_spans *scan_spans(struct scan *s);

#endif
