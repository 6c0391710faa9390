/* SPDX-License-Identifier: MIT */
/* The command line of flowprobe. Letters follow softflowd where it has the option. */
#ifndef FLOWVT_OPTIONS_H
#define FLOWVT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "meter.h"
#include "sampling.h"
#include "table.h"
#include "track.h"

enum { OPTIONS_MAX = 64 }; /* interfaces, targets */

struct options {
    const char *file; /* -r */
    const char *interfaces[OPTIONS_MAX];
    unsigned ninterfaces;
    const char *targets[OPTIONS_MAX];
    unsigned ntargets;
    const char *store;   /* -w */
    char *filter;        /* the trailing expression, or NULL; to be freed */
    const char *control; /* -c */
    const char *source;  /* -S: address or interface */
    const char *pidfile, *user, *group;
    unsigned hops;                /* -L, 0: the system's */
    enum track track;             /* -T */
    enum tunnels tunnels;         /* -e */
    bool each_sight;              /* -f */
    enum time_format time_format; /* -A */
    bool balance, adjust, daemon;
    bool biflows;      /* -b */
    bool applications; /* -k */
    bool stream;       /* -P tcp */
    int direction;     /* -Q: 0 both, 1 in, 2 out */
    unsigned version;  /* 5, 9 or 10 */
    uint32_t odid;
    struct sampling_method sampling; /* -s */
    uint32_t flows;                  /* -m */
    unsigned interval;               /* of the store's files, seconds */
    int64_t expint;                  /* microseconds */
    unsigned snaplen;
    unsigned buffer; /* KiB, 0: the system's */
    bool promiscuous;
    bool quiet;
    struct table_timeouts timeouts;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Parse the command line. DONE: help or version was asked for and printed; WRONG: one sentence was
** printed to stderr. */
enum options_result options_parse(struct options *o, int argc, char **argv);

/* "90", "60s", "1h30m", "1d", "2w" as microseconds; -1 if it is none. */
int64_t options_duration(const char *text);

#endif
