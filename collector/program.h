/* SPDX-License-Identifier: MIT */
/*
** The state of a running flowcollect, and the parts that work on it: what comes in (intake.c), what becomes of
** rows and files (storing.c), what signals ask for (signals.c). main() is in flowcollect.c.
*/
#ifndef FLOWVT_PROGRAM_H
#define FLOWVT_PROGRAM_H

#include <signal.h>

#include "automerge.h"
#include "cmdline.h"
#include "decode.h"
#include "log.h"
#include "notify.h"
#include "report.h"
#include "service.h"

struct program {
    int argc;
    char **argv;
    struct cmdline options; /* as of the start */
    struct cmdline fresh;   /* as of the last HUP: what can change is taken from here */
    struct identity identity;
    struct pidfile pidfile;
    struct notify notify;
    int parent; /* that waits until all is well, -1: none */
    struct log log;
    struct collector *collector;
    struct fvt_store *store;
    struct receiver *receiver;
    struct tcp *tcp;     /* NULL: not asked for */
    struct cache *cache; /* NULL: none */
    struct sources *sources;
    struct repeater *repeater; /* or NULL */
    struct report report;
    struct expire_thread *expiry;
    struct hook *hook;
    struct automerge merge;      /* without a store: none */
    struct publisher *publisher; /* of metrics, or NULL */
    int64_t ticked;              /* ms, of the last collector_tick() */
    int64_t captured;            /* second of the last datagram of a capture */
    bool store_failed;
};

/* ---- signals.c -------------------------------------------------------------------------- */

/* Set by TERM and INT: come to an end. */
extern volatile sig_atomic_t program_stop;

/* Before anything else: TERM, INT, HUP and USR1 are caught from now on. */
void program_catch_signals(void);
/* Do what HUP and USR1 asked for since the last time. */
void program_look_at_signals(struct program *p);
/* Who may send, by the options. NULL when that cannot be, which is said. */
struct sources *program_sources(const struct cmdline *o);
/* Send datagrams on to the targets of the options from now on; false when that cannot be, which is said. */
bool program_targets(struct program *p, const struct cmdline *o);
/* The repeater's thread: no fork() and no change of the user behind it. */
void program_start_repeater(const struct program *p);
/* On the log: what was refused, forgotten, broken off and sent on since the start. arg: the program. */
void program_say_more(void *arg);

/* ---- intake.c --------------------------------------------------------------------------- */

/* 0, or -1, which is said. */
int program_open_sockets(struct program *p);
/* Until TERM or INT, or the end of the capture. Return 0 or 1, which is said. */
int program_run_sockets(struct program *p);
int program_run_capture(struct program *p);

/* ---- storing.c -------------------------------------------------------------------------- */

/* What the collector hands over: rows go to the store and standard output, faults to the log. */
struct flow_sink program_rows(struct program *p);
struct fault_sink program_faults(struct program *p);
/* As the user to be, and with all that looks after the store's files. 0, or -1, which is said. */
int program_open_store(struct program *p);
int program_start_metrics(struct program *p);
/* End all of this, and complete the last file. 0, or 1, which is said. */
int program_close_store(struct program *p);
/* Before what arrived at now (ms since 1970 UTC), and several times a second while nothing does. arg: the program. */
void program_tick(void *arg, int64_t now);

#endif
