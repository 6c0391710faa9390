/* SPDX-License-Identifier: MIT */
/*
** Dimensions of totals that are no fields but what a site's tables make of them: texts that many addresses or ports
** share. zone is networks.h's of the address of one end; application is services.h's of protocol and ports.
** Groups are told apart by the text, so that there are as few as a statement needs, whatever the number of addresses.
*/
#ifndef FLOWVT_LABELS_H
#define FLOWVT_LABELS_H

#include <stdbool.h>

#include "../schema/value.h"

enum label {
    LABEL_NONE, /* a field */
    LABEL_ZONE,
    LABEL_APPLICATION,
    /* These need no table: */
    LABEL_LOWPORT, /* no text: the lower of the two ports, NULL where one is */
    LABEL_NET, /* the network of a route, that of an address by its mask; NULL where one is, or the mask is too long */
};

struct labels;
struct sqlite3;

/* Of the connection's tables as they are now, those of the database near before others; *labels is what this function made before, or NULL. An SQLite result
** code, with a sentence in *message. */
int labels_refresh(struct sqlite3 *db, const char *near, struct labels **labels, char **message);
void labels_free(struct labels *l);

/* These may be called by several threads. The zone of all addresses from ip to *last, which are of one family; "" when it
** cannot be had, since a database is damaged. */
const char *labels_zone(struct labels *l, const struct flow_ip *ip, struct flow_ip *last);
/* The number of the application, 0 for "other", and its text. What is -1 is NULL. */
uint32_t labels_application(const struct labels *l, int64_t proto, int64_t srcport,
                            int64_t dstport);
uint32_t labels_applications(const struct labels *l); /* the largest number */
const char *labels_application_text(const struct labels *l, uint32_t number);

#endif
