/* SPDX-License-Identifier: MIT */
/*
** Times and addresses as text, for those who show many: the date is made once a day, an address
** once for each entry of a row group's dictionary that is shown.
*/
#ifndef FLOWVT_SHOWN_H
#define FLOWVT_SHOWN_H

#include "cells.h"

struct shown_ip {
    uint8_t n;                   /* octets of text; 0: not made yet */
    char text[FLOW_IP_TEXT + 1]; /* ends with a NUL */
};

/* What is remembered of a column. */
struct shown {
    const struct fvt_dict *dict; /* of the row group, or NULL */
    struct shown_ip *ip;         /* by code, or NULL: not remembered */
    int64_t day;                 /* whose date is in date, -1: none yet */
    char date[16];
};

void shown_init(struct shown *s);
void shown_clear(struct shown *s);
/* The scan has entered another row group. kind is the column's. False without memory. */
bool shown_enter_group(struct shown *s, struct scan *scan, const struct sql_column *column,
                       enum cell_kind kind);

/* Writes the time as flow_time_text() does, without a NUL, and returns its end. */
char *shown_put_time(struct shown *s, int64_t ms, char out[FLOW_TIME_TEXT]);

void shown_make_ip(struct shown *s, uint32_t code);
/* The address with the code; s->ip must not be NULL. Good until the next shown_enter_group(). */
static inline const struct shown_ip *shown_ip(struct shown *s, uint32_t code) {
    if (!s->ip[code].n)
        shown_make_ip(s, code);
    return &s->ip[code];
}

/* Two digits of v < 100. Returns the end. */
char *shown_put_pair(char *p, unsigned v);

#endif
