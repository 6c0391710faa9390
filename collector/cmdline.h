/* SPDX-License-Identifier: MIT */
/*
** The options of flowcollect, from the command line and from a configuration file. Letters follow
** nfcapd.
*/
#ifndef FLOWVT_CMDLINE_H
#define FLOWVT_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expire.h"
#include "rates.h"

enum { CMDLINE_PORTS = 64 };

struct texts {
    const char **text;
    size_t n;
};

struct cmdline {
    struct ports {
        uint16_t port[CMDLINE_PORTS];
        size_t n;
    } ports, tcp;
    bool usual_ports;           /* none of UDP was given */
    unsigned template_lifetime; /* seconds, 0: for ever */
    const char *config;         /* configuration file, or NULL */
    const char *bind;           /* NULL: all addresses */
    struct texts groups;        /* multicast */
    struct texts sources;
    struct texts targets; /* of the repeater */
    bool keep_source;
    const char *store; /* NULL: none, with --dump only */
    const char *read;  /* capture file, NULL: listen */
    unsigned interval; /* seconds */
    unsigned layout;   /* schema/layout.h */
    size_t buffer;     /* octets of socket buffer */
    size_t queue;      /* octets of datagrams that wait */
    bool verbose;
    bool dump;
    bool merge;          /* merge days instead of receiving */
    int64_t before;      /* days that ended at or before this time, ms */
    const char *rollups; /* NULL: the default ones */
    struct expire_limits limits;
    struct rates rates; /* owned, until somebody takes them */
    const char *hook;   /* command for each complete file, or NULL */
    bool no_merge;
    bool expire; /* once instead of receiving */
    bool dry_run;
    const char *metrics, *metrics_file; /* where to listen, path; or NULL */
    bool daemon, syslog;                /* daemon: syslog as well */
    const char *pidfile, *user, *group; /* or NULL */
    char *text;                         /* of the configuration file */
};

enum cmdline_result {
    CMDLINE_RUN,
    CMDLINE_DONE,  /* help or version was printed */
    CMDLINE_ERROR, /* said on stderr */
};

/* May be called again, for the configuration file to be read again. Texts point into argv and into
** out->text. */
enum cmdline_result cmdline_parse(int argc, char **argv, struct cmdline *out);
/* Name, on stderr, what a program that runs with one cannot take over from the other. */
void cmdline_say_fixed(const struct cmdline *is, const struct cmdline *wanted);
void cmdline_free(struct cmdline *c);

#endif
