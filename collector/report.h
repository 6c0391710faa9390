/* SPDX-License-Identifier: MIT */
/*
** What the collector knows beside the rows, on its way to the store and to the log: statistics of
** exporters and names of interfaces with each flush, one line with each rotation.
*/
#ifndef FLOWVT_REPORT_H
#define FLOWVT_REPORT_H

#include "decode.h"
#include "schema/store.h"

struct report {
    struct collector *collector;
    struct fvt_store *store;
    uint64_t drops;     /* of the sockets, since the start; kept by the caller */
    uint64_t drops_was; /* when the current file began */
    uint64_t unwritten; /* rows that the store did not take, in the current file */
    uint64_t unwritten_all;
    bool all_interfaces; /* the file is new: the next flush says all of them */
    /* Says what else there is to say with each rotation; may be NULL. */
    void (*more)(void *arg);
    void *more_arg;
    /* Totals of exporters forgotten during the file. */
    struct fvt_exporter forgotten;
};

/* Hand over to the store from now on. The report must outlive both. */
void report_attach(struct report *r, struct collector *c, struct fvt_store *s);

/* One line on what the current file got: flows, packets, bytes, losses. */
void report_line(struct report *r);

#endif
