/* SPDX-License-Identifier: MIT */
#ifndef FLOWREPORT_RUN_H
#define FLOWREPORT_RUN_H

#include "render.h"
#include "session.h"

/* Runs the report's statements with these settings; every one that has columns is a result set.
** Only the set of this number when it is not 0; of a renderer that has room for one it is the first, and
** the others are named on stderr.
** Rows of all sets are counted in *rows when it is not NULL. Not 0: it was said what is wrong, or a
** signal came (wait_stopped()); what the renderer was told until then is not all. */
int run_report(struct session *session, const struct report *report,
               const struct settings *settings, struct renderer *renderer, int set,
               long long *rows);

#endif
