/* SPDX-License-Identifier: MIT */
/*
** What a file says besides flows: its column table, exporters, interfaces, what was lost to
** damage. FORMAT.md, "Columns" and "Meta records". Private to schema/.
*/
#ifndef FLOWVT_META_H
#define FLOWVT_META_H

#include "format.h"

void meta_put_columns(struct fvt_buffer *out); /* this library's column table */
/* field_of[i] becomes the field of column i, or -1. Returns FVT_OK, FVT_DAMAGED or FVT_NOMEM;
** *field_of is the caller's. */
int meta_get_columns(struct fvt_cursor *c, int **field_of, uint32_t *n);

/* A record of that kind, whose content is put between the two; at: what meta_begin() said. */
size_t meta_begin(struct fvt_buffer *out, enum fvt_meta_kind kind);
void meta_end(struct fvt_buffer *out, size_t at);

void meta_put_interface(struct fvt_buffer *out, const struct fvt_interface *i);
/* blocks: the offset in the file that r->block counts from. A roll-up of more blocks than a record has room
** for is left out. */
void meta_put_rollup(struct fvt_buffer *out, const struct fvt_rollup *r, uint64_t blocks);
void meta_put_damage(struct fvt_buffer *out, uint64_t blocks);
void meta_put_replaced(struct fvt_buffer *out, const struct fvt_replaced *r);

void meta_put_counters(struct fvt_buffer *out, const struct fvt_counter_block *block);

/* Add the records to file; unknown kinds are passed over. FVT_OK, FVT_DAMAGED or FVT_NOMEM. */
int meta_get_records(struct fvt_cursor *c, struct fvt_file *file);
/* Keep the last record of each key, or their sum, in order of the keys. false without memory. */
bool meta_settle(struct fvt_file *file);
/* Add what a later file says to sum: counters of the same exporter are added up, of the rest the
** later one holds; replaced files are those of both. false without memory. */
bool meta_add(struct fvt_file *sum, const struct fvt_file *more);
void meta_forget_options(struct fvt_file *file);
/* Columns of roll-ups, as the file numbers them, become fields; a roll-up of others is forgotten. */
void meta_settle_rollups(struct fvt_file *file);
void meta_forget_rollups(struct fvt_file *file);

#endif
