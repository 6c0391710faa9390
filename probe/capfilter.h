/* SPDX-License-Identifier: MIT */
/*
** A tcpdump filter expression, compiled by libpcap for each link type that comes along. libpcap
** cannot look behind NFLOG headers; for these the expression is about the packet inside.
*/
#ifndef FLOWVT_CAPFILTER_H
#define FLOWVT_CAPFILTER_H

#include <stddef.h>
#include <stdint.h>

struct capfilter;

/* expression: NULL lets everything pass; it must outlive the filter. NULL: no memory. */
struct capfilter *capfilter_new(const char *expression);

/* 1: passes, 0: does not, -1: it cannot be compiled for this link type, and why is in message. */
int capfilter_passes(struct capfilter *f, unsigned linktype, const uint8_t *data, size_t captured,
                     size_t wire, char *message, size_t size);

void capfilter_free(struct capfilter *f);

#endif
