/* SPDX-License-Identifier: MIT */
/*
** flowcollect: receives NetFlow v1, v5 to v9, IPFIX and sFlow, or takes them from a capture, and writes the
** flows to a store. Here is the order of a run, from the options (cmdline.c) to the exit status; its parts are in
** program.h.
**
** Exit status: 0 after TERM, INT or the end of the capture; 1 when something failed; 2 when the
** command line is wrong.
*/
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "program.h"
#include "receive.h"
#include "repeat.h"
#include "schema/clock.h"
#include "schema/merge.h"
#include "sources.h"
#include "tcp.h"

/* ---- merging ---------------------------------------------------------------------------- */

static bool is_stopped(void *arg) {
    (void)arg;
    return program_stop;
}

static void merge_warning(void *arg, const char *text) {
    (void)arg;
    log_line("%s", text);
}

/* What was merged just now is in the index when its directory has rested. */
static int update_index(const char *store, bool merged) {
    struct fvt_error error;
    bool fresh;
    int rc = fvt_index_update(store, &fresh, &error);
    for (int i = 0; i < 25 && rc == FVT_OK && fresh && merged && !program_stop; i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    if (rc == FVT_OK && fresh && merged && !program_stop)
        rc = fvt_index_update(store, &fresh, &error);
    if (rc != FVT_OK)
        log_line("%s", error.text);
    return rc;
}

/* Days that are not over yet are never merged. */
static int run_merge(const struct cmdline *o) {
    const struct merge_calls calls = {merge_warning, is_stopped, NULL};
    const int64_t day = INT64_C(86400) * 1000;
    int64_t today = now_ms() / day * day;
    struct merge_counts n;
    struct fvt_error error;
    const struct merge_options options = {o->before < today ? o->before : today, o->rollups};
    if (fvt_merge(o->store, &options, &calls, &n, &error) != FVT_OK) {
        log_line("%s", error.text);
        return 1;
    }
    log_line("%s: %" PRIu64 " file%s merged into %" PRIu64 " day%s", o->store, n.files,
             n.files == 1 ? "" : "s", n.days, n.days == 1 ? "" : "s");
    return update_index(o->store, n.files > 0) != FVT_OK || n.undone != 0;
}

/* ---- main ------------------------------------------------------------------------------- */

/* What is wrong with the options is said before anything is opened. */
static int prepare(struct program *p) {
    const struct cmdline *o = &p->options;
    char message[512];
    notify_open(&p->notify);
    if (identity_find(&p->identity, o->user, o->group, message, sizeof message) != 0) {
        log_line("%s", message);
        return -1;
    }
    if (!(p->sources = program_sources(o)))
        return -1;
    if (o->daemon && (p->parent = service_fork()) < 0) {
        log_line("no process for the background: %s", strerror(errno));
        return -1;
    }
    if (o->pidfile && pidfile_write(&p->pidfile, o->pidfile, message, sizeof message) != 0) {
        log_line("%s", message);
        return -1;
    }
    return 0;
}

static void say_ready(struct program *p) {
    notify_say(&p->notify, "READY=1");
    if (p->options.syslog)
        service_log("flowcollect");
    if (p->parent >= 0)
        service_detach(p->parent);
    p->parent = -1;
}

/* Large blocks come and go with every file. They are kept, since a page that comes anew from the system, and is
** cleared by it, costs more than what is done with it. */
static void keep_memory(void) {
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that the GNU C library takes */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
#endif
}

/* Collect, from the start to the end. Returns an exit status. */
static int run(struct program *p) {
    keep_memory();
    p->collector = collector_new(program_rows(p), program_faults(p), NULL);
    if (!p->collector) {
        log_line("out of memory");
        return 1;
    }
    p->collector->limits.template_ms = (int64_t)p->options.template_lifetime * 1000;
    collector_rates(p->collector, &p->options.rates);
    /* The sockets first: what comes while the store is made ready waits in their buffers. */
    int failed = prepare(p) != 0 || program_open_sockets(p) != 0 || program_open_store(p) != 0 ||
                 program_start_metrics(p) != 0;
    if (!failed) {
        say_ready(p);
        failed = p->options.read ? program_run_capture(p) : program_run_sockets(p);
        notify_say(&p->notify, "STOPPING=1");
    }
    if (!p->store && p->sources)
        program_say_more(p);
    if (program_close_store(p) != 0)
        failed = 1;
    collector_free(p->collector);
    receiver_close(p->receiver);
    repeater_close(p->repeater);
    tcp_close(p->tcp);
    sources_free(p->sources);
    char message[512];
    if (pidfile_remove(&p->pidfile, message, sizeof message) != 0)
        log_line("%s", message);
    notify_close(&p->notify);
    return failed;
}

int main(int argc, char **argv) {
    static struct program p = {.parent = -1, .notify.fd = -1};
    switch (cmdline_parse(argc, argv, &p.options)) {
    case CMDLINE_DONE:
        return 0;
    case CMDLINE_ERROR:
        return 2;
    case CMDLINE_RUN:
        break;
    }
    p.argc = argc;
    p.argv = argv;
    p.log.verbose = p.options.verbose;
    program_catch_signals();
    if (p.options.syslog && (p.options.merge || p.options.expire))
        service_log("flowcollect");
    if (p.options.merge)
        return run_merge(&p.options);
    if (p.options.expire)
        return expire_once(p.options.store, &p.options.limits, p.options.dry_run);
    int failed = run(&p);
    if (p.options.dump && fflush(stdout) != 0) {
        log_line("standard output: %s", strerror(errno));
        failed = 1;
    }
    cmdline_free(&p.options);
    cmdline_free(&p.fresh);
    return failed;
}
