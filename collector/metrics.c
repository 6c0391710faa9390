/* SPDX-License-Identifier: MIT */
/*
** Writes metrics by tables: one for those of an exporter, one for those of a socket, one for the rest.
*/
#include "metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "schema/version.h"

void books_clear(struct books *b) {
    free(b->exporter);
    free(b->socket);
    *b = (struct books){0};
}

enum type { COUNTER, GAUGE };

static void head(FILE *out, const char *name, enum type type, const char *help) {
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
            type == COUNTER ? "counter" : "gauge");
}

/* ---- exporters -------------------------------------------------------------------------- */

static uint64_t at(const void *of, size_t offset) {
    uint64_t v;
    memcpy(&v, (const char *)of + offset, sizeof v);
    return v;
}

#define COUNTED(member) offsetof(struct books_exporter, counted.member)

static const struct exporter_metric {
    const char *name, *help;
    size_t offset;
} exporter_metrics[] = {
    {"flowvt_collector_datagrams_total", "Export datagrams received.", COUNTED(datagrams)},
    {"flowvt_collector_flows_total", "Flow records stored.", COUNTED(flows)},
    {"flowvt_collector_packets_total",
     "Packets of these flows, as exported: not times the sampling rate.", COUNTED(packets)},
    {"flowvt_collector_bytes_total",
     "Octets of these flows, as exported: not times the sampling rate.", COUNTED(bytes)},
    {"flowvt_collector_options_total", "Options data records received.", COUNTED(options)},
    {"flowvt_sequence_recovered_total", "Of flowvt_sequence_lost_total, what came late after all.",
     offsetof(struct books_exporter, recovered)},
    {"flowvt_template_missing_total", "Data sets given up because their template never came.",
     COUNTED(no_template)},
    {"flowvt_template_missing_bytes_total", "Octets of these data sets.",
     COUNTED(no_template_octets)},
    {"flowvt_sampling_rounded_total", "Flows whose sampling rate was no whole number.",
     COUNTED(sampling_rounded)},
};

/* {exporter="192.0.2.1",odid="0",version="v9" without what ends it. */
static void exporter_labels(FILE *out, const char *name, const struct fvt_exporter *e) {
    char ip[FLOW_IP_TEXT];
    flow_ip_text(&e->exporter, ip);
    fprintf(out, "%s{exporter=\"%s\",odid=\"%" PRIu32 "\",version=\"%s\"", name, ip, e->odid,
            e->version);
}

static void put_lost(FILE *out, const struct books *b) {
    static const char name[] = "flowvt_sequence_lost_total";
    head(out, name, COUNTER,
         "Missing between sequence numbers: flow records (v5 to v8, ipfix), or datagrams (v9, "
         "sflow).");
    for (size_t i = 0; i < b->nexporters; i++) {
        exporter_labels(out, name, &b->exporter[i].counted);
        fprintf(out, "} %" PRId64 "\n",
                b->exporter[i].counted.lost + (int64_t)b->exporter[i].recovered);
    }
}

static void put_malformed(FILE *out, const struct books *b, const char *name, const char *help,
                          size_t offset) {
    head(out, name, COUNTER, help);
    for (size_t i = 0; i < b->nexporters; i++)
        for (size_t k = 0; k < FVT_NBAD; k++) {
            exporter_labels(out, name, &b->exporter[i].counted);
            fprintf(out, ",cause=\"%s\"} %" PRIu64 "\n", fvt_malformed_names[k],
                    at(&b->exporter[i], offset + k * sizeof(uint64_t)));
        }
}

static void put_sampling(FILE *out, const struct books *b) {
    static const char name[] = "flowvt_sampling_rate";
    head(out, name, GAUGE,
         "Packets that one sampled packet stands for, as last told, and where it was told.");
    for (size_t i = 0; i < b->nexporters; i++) {
        const struct fvt_exporter *e = &b->exporter[i].counted;
        if (!e->sampling)
            continue;
        const char *origin = e->sampling_origin < FVT_NSAMPLING && e->sampling_origin
                                 ? fvt_sampling_names[e->sampling_origin]
                                 : "unknown";
        exporter_labels(out, name, e);
        fprintf(out, ",origin=\"%s\"} %" PRIu64 "\n", origin, e->sampling);
    }
}

static void put_exporters(FILE *out, const struct books *b) {
    for (size_t m = 0; m < sizeof exporter_metrics / sizeof *exporter_metrics; m++) {
        const struct exporter_metric *x = &exporter_metrics[m];
        head(out, x->name, COUNTER, x->help);
        for (size_t i = 0; i < b->nexporters; i++) {
            exporter_labels(out, x->name, &b->exporter[i].counted);
            fprintf(out, "} %" PRIu64 "\n", at(&b->exporter[i], x->offset));
        }
    }
    put_lost(out, b);
    put_malformed(out, b, "flowvt_malformed_total", "Datagrams that could not be decoded wholly.",
                  COUNTED(malformed));
    put_malformed(out, b, "flowvt_malformed_bytes_total", "Octets of them that could not be used.",
                  COUNTED(malformed_octets));
    put_sampling(out, b);
}

/* ---- sockets ---------------------------------------------------------------------------- */

static const struct socket_metric {
    const char *name, *help, *by; /* by: what the label of that name says, NULL for none */
    enum type type;
    size_t offset;
} socket_metrics[] = {
    {"flowvt_socket_datagrams_total", "Datagrams received, of whatever content.", NULL, COUNTER,
     offsetof(struct fvt_socket, datagrams)},
    {"flowvt_socket_bytes_total", "Octets of these datagrams.", NULL, COUNTER,
     offsetof(struct fvt_socket, octets)},
    {"flowvt_udp_drops_total", "Datagrams that came and were dropped for want of room.", "kernel",
     COUNTER, offsetof(struct fvt_socket, drops)},
    {"flowvt_udp_drops_total", NULL, "collector", COUNTER, offsetof(struct fvt_socket, ring_drops)},
    {"flowvt_socket_buffer_bytes", "Receive buffer that the system granted.", NULL, GAUGE,
     offsetof(struct fvt_socket, buffer)},
};

static void put_sockets(FILE *out, const struct books *b) {
    enum { TCP = 6 };
    for (size_t m = 0; m < sizeof socket_metrics / sizeof *socket_metrics; m++) {
        const struct socket_metric *x = &socket_metrics[m];
        if (x->help)
            head(out, x->name, x->type, x->help);
        for (size_t i = 0; i < b->nsockets; i++) {
            const struct fvt_socket *s = &b->socket[i];
            char ip[FLOW_IP_TEXT] = "*";
            if (s->address.family)
                flow_ip_text(&s->address, ip);
            fprintf(out, "%s{address=\"%s\",port=\"%u\",protocol=\"%s\"%s%s%s} %" PRIu64 "\n",
                    x->name, ip, s->port, s->protocol == TCP ? "tcp" : "udp", x->by ? ",by=\"" : "",
                    x->by ? x->by : "", x->by ? "\"" : "", at(s, x->offset));
        }
    }
}

/* ---- the collector ---------------------------------------------------------------------- */

#define IN_BOOKS(member) offsetof(struct books, member)

static const struct metric {
    const char *name, *help;
    enum type type;
    size_t offset;
} metrics[] = {
    {"flowvt_unwritten_flows_total", "Flows that the store did not take.", COUNTER,
     IN_BOOKS(unwritten)},
    {"flowvt_stranger_datagrams_total", "Datagrams dropped because their senders are no sources.",
     COUNTER, IN_BOOKS(strangers)},
    {"flowvt_expired_files_total", "Flow files removed by the limits.", COUNTER,
     IN_BOOKS(expired_files)},
    {"flowvt_expired_bytes_total", "Octets of these files.", COUNTER, IN_BOOKS(expired_octets)},
    {"flowvt_merge_failures_total", "Merges of days that left something undone.", COUNTER,
     IN_BOOKS(merge_failures)},
    {"flowvt_evicted_exporters_total", "Exporters forgotten to make room for others.", COUNTER,
     IN_BOOKS(evicted_exporters)},
    {"flowvt_evicted_templates_total", "Templates forgotten to make room for others.", COUNTER,
     IN_BOOKS(evicted_templates)},
    {"flowvt_expired_templates_total", "Templates that were not announced again in time.", COUNTER,
     IN_BOOKS(expired_templates)},
    {"flowvt_repeat_left_out_total", "Datagrams repeated to no target, since they take too long.",
     COUNTER, IN_BOOKS(repeated.left_out)},
    {"flowvt_tcp_connections", "Connections of exporters that are open.", GAUGE,
     IN_BOOKS(connections)},
    {"flowvt_exporters", "Exporters that are remembered.", GAUGE, IN_BOOKS(exporters)},
    {"flowvt_template_bytes", "Memory that templates take.", GAUGE, IN_BOOKS(template_octets)},
    {"flowvt_pending_bytes", "Memory of data sets that wait for their template.", GAUGE,
     IN_BOOKS(pending_octets)},
    {"flowvt_file_bytes", "Size of the flow file being written.", GAUGE, IN_BOOKS(file_octets)},
    {"flowvt_files_waiting", "Flow files that wait to be synced or closed.", GAUGE,
     IN_BOOKS(files_to_sync)},
    {"flowvt_files_late", "Flow files of past intervals whose last rows the disk did not take yet.",
     GAUGE, IN_BOOKS(files_late)},
    {"flowvt_exec_waiting", "Flow files that the command of --exec is to be run for.", GAUGE,
     IN_BOOKS(files_to_exec)},
    {"flowvt_merge_running", "1 while days are merged.", GAUGE, IN_BOOKS(merging)},
};

/* Milliseconds, shown as seconds. */
static const struct metric times[] = {
    {"flowvt_rotation_timestamp_seconds", "When a flow file was completed last; 0: not yet.", GAUGE,
     IN_BOOKS(rotated)},
    {"flowvt_merge_timestamp_seconds", "When all days that were over were merged last; 0: not yet.",
     GAUGE, IN_BOOKS(merged)},
};

static void put_books(FILE *out, const struct books *b) {
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        head(out, metrics[m].name, metrics[m].type, metrics[m].help);
        fprintf(out, "%s %" PRIu64 "\n", metrics[m].name, at(b, metrics[m].offset));
    }
    for (size_t m = 0; m < sizeof times / sizeof *times; m++) {
        uint64_t ms = at(b, times[m].offset);
        head(out, times[m].name, times[m].type, times[m].help);
        fprintf(out, "%s %" PRIu64 ".%03" PRIu64 "\n", times[m].name, ms / 1000, ms % 1000);
    }
}

static void put_connections(FILE *out, const struct books *b) {
    static const char name[] = "flowvt_tcp_ended_total";
    head(out, name, COUNTER, "Connections of exporters that ended, or were refused, and how.");
    for (size_t how = 0; how < TCP_ENDS; how++)
        fprintf(out, "%s{how=\"%s\"} %" PRIu64 "\n", name, tcp_end_names[how],
                b->connections_ended[how]);
}

/* Of all targets of the name of target i, or false when it was shown before: a target may be given twice. */
static bool of_name(const struct repeater_counts *r, size_t i, size_t offset, uint64_t *sum) {
    *sum = 0;
    for (size_t k = 0; k < r->n; k++) {
        if (strcmp(r->target[k].name, r->target[i].name) != 0)
            continue;
        if (k < i)
            return false;
        *sum += at(&r->target[k], offset);
    }
    return true;
}

static void put_repeated(FILE *out, const struct books *b) {
    static const struct metric of_target[] = {
        {"flowvt_repeated_datagrams_total", "Datagrams sent on to a target of --repeat.", COUNTER,
         offsetof(struct repeater_count, sent)},
        {"flowvt_repeat_failed_total", "Datagrams that could not be sent on to it.", COUNTER,
         offsetof(struct repeater_count, failed)},
    };
    uint64_t n;
    for (size_t m = 0; m < sizeof of_target / sizeof *of_target && b->repeated.n; m++) {
        const struct metric *x = &of_target[m];
        head(out, x->name, x->type, x->help);
        for (size_t i = 0; i < b->repeated.n; i++)
            if (of_name(&b->repeated, i, x->offset, &n))
                fprintf(out, "%s{target=\"%s\"} %" PRIu64 "\n", x->name, b->repeated.target[i].name,
                        n);
    }
}

static void put_value(FILE *out, const char *name, enum type type, const char *help, double value) {
    head(out, name, type, help);
    fprintf(out, "%s %.17g\n", name, value);
}

static void put_store(FILE *out, const struct metrics_system *s) {
    if (!s->has_store)
        return;
    put_value(out, "flowvt_store_bytes", GAUGE, "Octets of all flow files; at most a minute old.",
              (double)s->store_octets);
    put_value(out, "flowvt_store_files", GAUGE, "Flow files; likewise.", (double)s->store_files);
    put_value(out, "flowvt_store_free_bytes", GAUGE, "Room left on the store's file system.",
              (double)s->free_octets);
}

/* ---- the process ------------------------------------------------------------------------ */

static unsigned open_files(void) {
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", "..", and the directory's own */
}

/* The names that all exporters of Prometheus have. */
static void put_process(FILE *out) {
    struct rusage used;
    struct rlimit limit;
    unsigned long long started = 0;
    long pages = 0;
    FILE *stat = fopen("/proc/self/stat", "re");
    char line[1024], *behind;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        put_value(out, "process_cpu_seconds_total", COUNTER, "User and system CPU time.",
                  (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
                      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    put_value(out, "process_open_fds", GAUGE, "Open file descriptors.", open_files());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put_value(out, "process_max_fds", GAUGE, "Most of them that may be open.",
                  (double)limit.rlim_cur);
    /* Fields 22 and 24 of proc(5), counted from the end of the name, which may have blanks. */
    if (stat && fgets(line, sizeof line, stat) && (behind = strrchr(line, ')')) &&
        sscanf(behind + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu "
               "%*u %ld",
               &started, &pages) == 2) {
        struct timespec now, up;
        clock_gettime(CLOCK_REALTIME, &now);
        clock_gettime(CLOCK_BOOTTIME, &up);
        double boot =
            (double)now.tv_sec - (double)up.tv_sec + (double)(now.tv_nsec - up.tv_nsec) / 1e9;
        put_value(out, "process_start_time_seconds", GAUGE, "When the process began.",
                  boot + (double)started / (double)sysconf(_SC_CLK_TCK));
        put_value(out, "process_resident_memory_bytes", GAUGE, "Memory in use.",
                  (double)pages * (double)sysconf(_SC_PAGESIZE));
    }
    if (stat)
        fclose(stat);
}

char *metrics_text(const struct books *b, const struct metrics_system *s, size_t *n) {
    char *text = NULL;
    FILE *out = open_memstream(&text, n);
    if (!out)
        return NULL;
    head(out, "flowvt_build_info", GAUGE, "1; the version is in the label.");
    fprintf(out, "flowvt_build_info{version=\"%s\"} 1\n", FLOWVT_VERSION);
    put_exporters(out, b);
    put_sockets(out, b);
    put_books(out, b);
    put_connections(out, b);
    put_repeated(out, b);
    put_store(out, s);
    put_process(out);
    bool failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}
