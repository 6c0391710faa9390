/* SPDX-License-Identifier: MIT */
/*
** Records of options data in a file: FORMAT.md, "Meta records", kind 9. Private to schema/; struct fvt_option is in
** fvt.h.
*/
#ifndef FLOWVT_OPTION_H
#define FLOWVT_OPTION_H

#include "format.h"
#include "fvt.h"

void option_put(struct fvt_buffer *out, const struct fvt_option *o);
/* False without memory. A record that is cut off gives an empty one. */
bool option_get(struct fvt_cursor *c, struct fvt_option *out);
/* A copy with texts of its own. False without memory. */
bool option_copy(struct fvt_option *to, const struct fvt_option *from);
void option_clear(struct fvt_option *o);

/* For sorting: by key. */
int option_order(const void *a, const void *b);
/* more takes the place of one with the same key. */
void option_replace(void *o, const void *more);

#endif
