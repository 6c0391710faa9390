/* SPDX-License-Identifier: MIT */
/*
** The books: what the collector knows beside the rows, on its way to the store and to the log. With each flush
** the file is told what exporters and sockets have counted since the one before, and names of interfaces;
** a line with each rotation says what the file got.
*/
#ifndef FLOWVT_REPORT_H
#define FLOWVT_REPORT_H

#include "books.h"
#include "decode.h"
#include "schema/store.h"

enum { REPORT_SOCKETS = 128 };

struct report {
    struct collector *collector;
    struct fvt_store *store;
    struct report_socket {
        const struct fvt_socket *now; /* since the start, kept by who receives */
        struct fvt_socket told;       /* of it, what is in files */
    } socket[REPORT_SOCKETS];
    size_t nsockets;
    uint64_t unwritten; /* rows that the store did not take, in the current file */
    uint64_t unwritten_all;
    bool all_interfaces, all_sockets; /* the file is new: the next flush says all of them */
    /* Says what else there is to say with each rotation; may be NULL. */
    void (*more)(void *arg);
    void *more_arg;
    /* What the current file was told: of all exporters, how many there were, and of all sockets. */
    struct fvt_exporter exporters;
    uint32_t nexporters;
    struct fvt_socket sockets;
    int64_t rotated; /* ms since 1970 UTC, when a file was completed last; 0: not yet */
};

/* Hand over to the store from now on; s: NULL when there is none. The report must outlive both. */
void report_attach(struct report *r, struct collector *c, struct fvt_store *s);

/* Keep books of a socket, too; now stays where it is and is kept up to date. */
void report_socket(struct report *r, const struct fvt_socket *now);

/* So many rows more that the store did not take. */
void report_unwritten(struct report *r, uint64_t rows);

/* Without a store: take down what was counted, about once a second. */
void report_tick(struct report *r);

/* A copy of what exporters and sockets have counted, as of the last flush, and of what else is known here.
** False when out of memory. */
bool report_books(const struct report *r, struct books *out);

/* One line on what the current file got: flows, packets, bytes, losses. */
void report_line(struct report *r);

#endif
