/* SPDX-License-Identifier: MIT */
/*
** What becomes of rows: the store, the files in it and all that looks after them, and the metrics; and the clock
** that drives it.
*/
#include <inttypes.h>
#include <stdio.h>

#include "cache.h"
#include "dump.h"
#include "expire.h"
#include "hook.h"
#include "program.h"
#include "publish.h"
#include "repeat.h"
#include "schema/clock.h"
#include "sources.h"
#include "tcp.h"

/* ---- rows and faults -------------------------------------------------------------------- */

static bool take_row(void *arg, const struct flow_row *row) {
    struct program *p = arg;
    if (p->options.dump)
        dump_row(stdout, row);
    if (!p->store || fvt_store_add(p->store, row) == FVT_OK)
        return true;
    report_unwritten(&p->report, 1);
    log_limited(&p->log, "%s: the flow was not written", fvt_store_message(p->store));
    return false;
}

static uint32_t take_rows(void *arg, const struct flow_rows *rows) {
    struct program *p = arg;
    uint32_t kept;
    if (fvt_store_add_rows(p->store, rows, &kept) == FVT_OK)
        return rows->n;
    report_unwritten(&p->report, rows->n - kept);
    log_limited(&p->log, "%s: the flow was not written", fvt_store_message(p->store));
    return kept;
}

static void take_fault(void *arg, const struct datagram *d, enum fvt_malformed cause) {
    static const char *const meanings[FVT_NBAD] = {
        [FVT_BAD_SHORT] = "its length is not what its header says",
        [FVT_BAD_VERSION] = "no NetFlow v1, v5 to v9 or IPFIX, or an unknown aggregation of v8",
        [FVT_BAD_SET] = "the length or id of a set is impossible",
        [FVT_BAD_TEMPLATE] = "a template contradicts itself",
        [FVT_BAD_RECORD] = "a record runs over the end of its set",
    };
    struct program *p = arg;
    char ip[FLOW_IP_TEXT];
    flow_ip_text(&d->from, ip);
    log_limited(&p->log, "%s port %u: malformed datagram of %zu octets: %s", ip, d->port, d->size,
                meanings[cause]);
}

struct flow_sink program_rows(struct program *p) {
    return (struct flow_sink){
        .row = take_row,
        .rows = p->options.store && !p->options.dump ? take_rows : NULL,
        .arg = p,
    };
}

struct fault_sink program_faults(struct program *p) {
    return (struct fault_sink){take_fault, p};
}

static void store_warning(void *arg, const char *text) {
    struct program *p = arg;
    log_limited(&p->log, "%s", text);
}

/* ---- time ------------------------------------------------------------------------------- */

static void give_books(struct program *p) {
    struct books b;
    if (!report_books(&p->report, &b))
        return;
    b.strangers = sources_dropped(p->sources).dropped;
    expire_removed(p->expiry, &b.expired_files, &b.expired_octets);
    b.files_to_exec = hook_waiting(p->hook);
    if (p->repeater)
        repeater_counts(p->repeater, &b.repeated);
    if (p->tcp)
        b.connections = tcp_sessions(p->tcp);
    for (enum tcp_end how = 0; p->tcp && how < TCP_ENDS; how++)
        b.connections_ended[how] = tcp_ended(p->tcp, how);
    b.merging = p->merge.child != 0;
    b.merged = p->merge.done;
    b.merge_failures = p->merge.failures;
    publisher_give(p->publisher, &b);
}

void program_tick(void *arg, int64_t now) {
    struct program *p = arg;
    collector_flush(p->collector);
    if (p->receiver) {
        program_look_at_signals(p);
        notify_alive(&p->notify);
    }
    if (p->store) {
        bool failed = fvt_store_tick(p->store, now) != FVT_OK;
        if (failed && !p->store_failed)
            log_line("%s: flows that cannot be written are counted", fvt_store_message(p->store));
        else if (!failed && p->store_failed)
            log_line("%s: writing again, %" PRIu64 " flows were not written", p->options.store,
                     p->report.unwritten_all);
        p->store_failed = failed;
    }
    if (now - p->ticked >= 1000 || now < p->ticked) {
        collector_tick(p->collector, now);
        if (p->cache)
            cache_tick(p->cache, !p->store_failed && fvt_store_in_place(p->store));
        p->ticked = now;
        if (!p->store && p->publisher)
            report_tick(&p->report);
        automerge_tick(&p->merge, now);
        if (p->options.dump)
            fflush(stdout);
    }
    if (p->publisher && publisher_wants(p->publisher))
        give_books(p);
}

/* ---- start and end ---------------------------------------------------------------------- */

/* What is done with complete files. */
static int start_upkeep(struct program *p) {
    const struct cmdline *o = &p->options;
    if (!(p->hook = hook_new(o->hook, o->store)))
        return -1;
    fvt_store_on_closed(p->store, hook_file, p->hook);
    if (o->read)
        return 0;
    p->cache = cache_open(o->store, p->collector, store_warning, p);
    p->expiry = expire_start(o->store, &o->limits);
    p->merge = (struct automerge){
        .store = o->store, .rollups = o->rollups, .off = o->no_merge, .syslog = o->syslog};
    return 0;
}

/* As another user, if so wanted; what that one cannot write to is found out now. */
static int give_up_root(struct program *p) {
    const struct cmdline *o = &p->options;
    char message[4608], path[4096];
    bool good = !o->store || identity_give(&p->identity, o->store, message, sizeof message) == 0;
    good = good && identity_take(&p->identity, message, sizeof message) == 0;
    if (good && o->store && p->identity.name) {
        fvt_store_path(o->store, o->layout, now_ms() / 1000 / o->interval * o->interval * 1000,
                       o->interval, path, sizeof path);
        good = identity_may_write(&p->identity, o->store, path, message, sizeof message) == 0;
    }
    if (!good)
        log_line("%s", message);
    return good ? 0 : -1;
}

int program_open_store(struct program *p) {
    struct fvt_error error;
    if (!program_targets(p, &p->options) || give_up_root(p) != 0)
        return -1;
    program_start_repeater(p);
    if (!p->options.store) {
        report_attach(&p->report, p->collector, NULL);
        return 0;
    }
    if (fvt_store_open(p->options.store, p->options.interval, store_warning, p, &p->store,
                       &error) != FVT_OK) {
        log_line("%s", error.text);
        return -1;
    }
    (void)fvt_store_change(p->store, p->options.interval, p->options.layout);
    report_attach(&p->report, p->collector, p->store);
    p->report.more = program_say_more;
    p->report.more_arg = p;
    log_line("writing to %s, a file every %u s", p->options.store, p->options.interval);
    return start_upkeep(p);
}

int program_start_metrics(struct program *p) {
    const struct cmdline *o = &p->options;
    char message[512];
    if (o->read || (!o->metrics && !o->metrics_file))
        return 0;
    p->publisher = publisher_start(o->metrics, o->metrics_file, o->store, message, sizeof message);
    if (!p->publisher)
        log_line("%s", message);
    else if (o->metrics)
        log_line("metrics are at %s, /metrics", o->metrics);
    return p->publisher ? 0 : -1;
}

int program_close_store(struct program *p) {
    publisher_stop(p->publisher);
    cache_close(p->cache);
    expire_stop(p->expiry);
    automerge_stop(&p->merge);
    if (!p->store)
        return 0;
    /* The store is gone when it has failed, and its message with it: ask before. */
    int failed = fvt_store_flush(p->store) != FVT_OK;
    if (failed)
        log_line("%s", fvt_store_message(p->store));
    if (fvt_store_close(p->store) != FVT_OK && !failed) {
        log_line("%s: the last file could not be completed", p->options.store);
        failed = 1;
    }
    hook_finish(p->hook);
    return failed;
}
