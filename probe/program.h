/* SPDX-License-Identifier: MIT */
/* What flowprobe is made of, for its main file and for the commands on its control socket. */
#ifndef FLOWVT_PROBE_PROGRAM_H
#define FLOWVT_PROBE_PROGRAM_H

#include <signal.h>

#include "collector/service.h"
#include "control.h"
#include "input.h"
#include "options.h"
#include "output.h"

struct probe {
    const struct options *options;
    struct meter *meter;
    struct output *output;
    struct applications *applications; /* NULL: not asked for */
    struct control *control;           /* NULL: none */
    struct input_stats in;
    struct identity identity;
    struct pidfile pidfile;
    bool unopened; /* the fault is not the input's */
    bool live, gathering;
    int64_t started; /* seconds since 1970 */
    uint64_t unknown_links;
    unsigned unknown_link;
    volatile sig_atomic_t *stop;
};

/* The verbs of the control socket; their argument is a struct probe. */
extern const struct control_verb commands[];
extern const size_t ncommands;

#endif
