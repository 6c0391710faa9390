/* SPDX-License-Identifier: MIT */
/*
** Records that add up: what exporters and sockets counted. FORMAT.md, "Meta records", kinds 1, 7 and 8.
** Private to schema/.
*/
#ifndef FLOWVT_STATISTICS_H
#define FLOWVT_STATISTICS_H

#include "format.h"

/* kind: FVT_META_EXPORTER, all that a file says of the exporter but for records to be added, or
** FVT_META_COUNTED, one of these. */
void statistics_put_exporter(struct fvt_buffer *out, enum fvt_meta_kind kind,
                             const struct fvt_exporter *e);
void statistics_put_socket(struct fvt_buffer *out, const struct fvt_socket *s);
/* What is missing in the record is 0. */
struct fvt_exporter statistics_get_exporter(struct fvt_cursor *c);
struct fvt_socket statistics_get_socket(struct fvt_cursor *c);

/* Orders of struct fvt_exporter and struct fvt_socket by their keys. */
int statistics_by_exporter(const void *a, const void *b);
int statistics_by_socket(const void *a, const void *b);

/* Add counters of what was counted apart. Of rates and sizes the later one holds, where it has one. */
void statistics_add_exporter(void *sum, const void *more);
void statistics_add_socket(void *sum, const void *more);

#endif
