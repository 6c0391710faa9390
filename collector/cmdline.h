/* SPDX-License-Identifier: MIT */
/*
** The command line of flowcollect. Letters follow nfcapd.
*/
#ifndef FLOWVT_CMDLINE_H
#define FLOWVT_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CMDLINE_PORTS = 64 };

struct cmdline {
    uint16_t ports[CMDLINE_PORTS];
    size_t nports;
    const char *bind;  /* NULL: all addresses */
    const char *store; /* NULL: none, with --dump only */
    const char *read;  /* capture file, NULL: listen */
    unsigned interval; /* seconds */
    size_t buffer;     /* octets of socket buffer */
    int verbose;
    bool dump;
    bool merge;          /* merge days instead of receiving */
    int64_t before;      /* days that ended at or before this time, ms */
    const char *rollups; /* NULL: the default ones */
};

enum cmdline_result {
    CMDLINE_RUN,
    CMDLINE_DONE,  /* help or version was printed */
    CMDLINE_ERROR, /* said on stderr */
};

/* Texts point into argv. */
enum cmdline_result cmdline_parse(int argc, char **argv, struct cmdline *out);

#endif
