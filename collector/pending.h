/* SPDX-License-Identifier: MIT */
/*
** Data sets that came before their template. They are held, within bounds of memory and time, and
** decoded when the template comes; those that are given up are counted as no_template.
*/
#ifndef FLOWVT_PENDING_H
#define FLOWVT_PENDING_H

#include "record.h"

struct exporter;
struct collector;

struct pending_set {
    struct pending_set *next, *prev; /* all held sets, oldest first */
    struct exporter *exporter;
    struct record_header header; /* of the message it was in */
    uint16_t template;
    uint16_t size;
    uint8_t data[];
};

struct pending {
    struct pending_set *first, *last;
    size_t octets;
};

/* Hold a copy of a set's content (without the set header). */
void pending_hold(struct collector *c, struct exporter *e, const struct record_header *h,
                  uint16_t template, struct cursor set);
/* Take out the oldest held set of that template, or NULL. The caller frees it. */
struct pending_set *pending_take(struct collector *c, struct exporter *e, uint16_t template);
/* Drop what arrived before that time (ms). INT64_MAX drops all. */
void pending_expire(struct collector *c, int64_t before);
/* Drop what is held of an exporter that is forgotten. */
void pending_forget(struct collector *c, const struct exporter *e);

#endif
