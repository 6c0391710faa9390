/* SPDX-License-Identifier: MIT */
/*
** Where scans get their row groups from: the files of a snapshot, oldest first, opened one after the
** other, and their groups handed to whichever thread asks next. A group is read slice by slice, so that
** a thread that finds no other can help with one of which most is left: of few groups, one would otherwise
** have all threads but its own wait.
*/
#ifndef FLOWVT_SOURCE_H
#define FLOWVT_SOURCE_H

#include "rollup.h"
#include "snapshot.h"

struct scan_source;

/* snapshot is borrowed. */
struct scan_source *scan_source_new(struct snapshot *snapshot);
void scan_source_free(struct scan_source *source);
/* Of the snapshot. */
const struct overrides *source_overrides(const struct scan_source *source);
/* Before the first group: take totals from roll-ups where that will do, which is not in files whose sampling rates
** are corrected. request is borrowed. */
void scan_source_ask(struct scan_source *source, const struct rollup_request *request);

/* How far all who share the source are. Looks up the size of every file of the snapshot when it is
** asked for the first time. */
struct source_count {
    uint64_t files_done, files, bytes_done, bytes;
};
void source_count(struct scan_source *source, struct source_count *out);

/* A row group to be read. */
struct source_item {
    struct source_file *held; /* the source's; NULL: none */
    const struct fvt_file *file;
    const struct fvt_group *group;
    size_t place;         /* of the file in the snapshot */
    struct window window; /* what of the group is asked for, of what the scan asks for */
    uint32_t number;      /* of the group in its file, or roll-up */
    unsigned sides;       /* SIDE_SENDER, SIDE_RECEIVER */
    bool totals;          /* of a roll-up: rows are totals, not flows */
    /* The slice of the group that is to be read now: */
    uint32_t first, end;
    struct source_group *shared; /* the source's */
};

/* Give *item back, unless it is all zero, and make it the next one. 1, 0 at the end (item is all
** zero then), or negative FVT_* and a sentence in err. Safe from several threads. */
int source_next(struct scan_source *source, struct source_item *item, struct fvt_error *err);
/* The next slice of the same group; false when there is none, and *item stays as it is. */
bool source_slice(struct scan_source *source, struct source_item *item);
/* No row was taken of *item, of a roll-up, because it cannot be read: what it stands for comes from the flows. */
void source_reject(struct scan_source *source, const struct source_item *item);
/* Flows of the store before this group: snapshot_rows_before(). */
int source_rows_before(struct scan_source *source, const struct source_item *item, uint64_t *rows,
                       struct fvt_error *err);
void source_give_back(struct scan_source *source, struct source_item *item);

#endif
