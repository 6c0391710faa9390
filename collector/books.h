/* SPDX-License-Identifier: MIT */
/*
** A copy of the books for those who show them: what was counted since the start, and how things stand. It is
** taken by the thread that keeps them (report.h), and read by others.
*/
#ifndef FLOWVT_BOOKS_H
#define FLOWVT_BOOKS_H

#include <stddef.h>

#include "repeat.h"
#include "schema/fvt.h"
#include "tcp.h"

struct books_exporter {
    struct fvt_exporter counted;
    uint64_t recovered; /* counted.lost is what is left without these */
};

struct books {
    struct books_exporter *exporter; /* those that are remembered */
    size_t nexporters;
    struct fvt_socket *socket;
    size_t nsockets;
    /* Since the start */
    uint64_t unwritten; /* rows */
    uint64_t strangers; /* datagrams of senders that may not send */
    uint64_t expired_files, expired_octets;
    uint64_t merge_failures;
    uint64_t evicted_exporters, evicted_templates; /* forgotten to make room */
    uint64_t expired_templates;                    /* not announced again in time */
    uint64_t connections_ended[TCP_ENDS];
    struct repeater_counts repeated;
    /* Now */
    uint64_t exporters;
    uint64_t connections; /* of TCP */
    uint64_t template_octets, pending_octets;
    uint64_t file_octets;   /* of the file being written, those on the disk */
    uint64_t files_to_sync; /* jobs of the thread that syncs and closes files */
    uint64_t files_late;    /* complete, but for rows that the disk did not take yet */
    uint64_t files_to_exec; /* that -x is to be run for */
    uint64_t merging;       /* 1: days are being merged now */
    int64_t rotated;        /* ms since 1970 UTC, when a file was completed last; 0: none yet */
    int64_t merged;         /* likewise, when all days that were over were merged */
};

/* Free what it points to. */
void books_clear(struct books *b);

#endif
