/* SPDX-License-Identifier: MIT */
/*
** What the commands of flowreport share, and the commands themselves. Each returns the exit status and
** has said what is wrong.
*/
#ifndef FLOWREPORT_CONTEXT_H
#define FLOWREPORT_CONTEXT_H

#include "catalog.h"
#include "session.h"
#include "settings.h"

enum { EXIT_ALERTS = 1, EXIT_WRONG = 2 };

struct context {
    struct catalog catalog;
    struct settings settings; /* those that are left: of the command, or a report's parameters */
    char *store;
    const char *site;
};

/* Opens the site's database, or one in memory, with the tables of site.sql when they are wanted. */
int context_open(struct context *c, struct session *session, bool writable, bool tables);

/* For reports about usage: not 0 when there is no site that could have it, which was said. */
int context_usage(const struct context *c, const struct session *session, const char *report);
/* And after they were written: that nothing was counted so far. */
void context_say_empty(const struct context *c, const struct session *session, const char *report);

int command_init(struct context *c);   /* site.c */
int command_update(struct context *c); /* site.c */
int command_alerts(struct context *c); /* alerts.c */

#endif
