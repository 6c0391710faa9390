/* SPDX-License-Identifier: MIT */
/*
** The option table, from which getopt's lists and the usage are made, and one small function for
** each
** option. A value that is wrong is quoted together with what would be right.
*/
#include "options.h"

#include "engine.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef FLOWVT_VERSION
#define FLOWVT_VERSION "0.1"
#endif

enum {
    SNAPLEN_HEADERS = 256,
    SNAPLEN_PAYLOAD = 2048, /* with the payload of a packet that no segmentation offload made */
};

static const int64_t SECOND = 1000000;
static const int64_t DURATION_MAX = INT64_C(366) * 86400 * 1000000; /* keeps sums of times small */

static bool wrong(const char *option, const char *value, const char *right) {
    fprintf(stderr, "flowprobe: %s: '%s' cannot be: %s\n", option, value, right);
    return false;
}

static bool number(const char *option, const char *value, unsigned long least, unsigned long most,
                   unsigned long *out) {
    char *end, right[80];
    errno = 0;
    *out = strtoul(value, &end, 10);
    if (*value >= '0' && *value <= '9' && *end == '\0' && errno == 0 && *out >= least &&
        *out <= most)
        return true;
    snprintf(right, sizeof right, "a number from %lu to %lu", least, most);
    return wrong(option, value, right);
}

int64_t options_duration(const char *text) {
    static const struct {
        char unit;
        int seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    int64_t total = 0;
    if (*text == '\0')
        return -1;
    while (*text != '\0') {
        char *end;
        errno = 0;
        long n = strtol(text, &end, 10);
        if (*text < '0' || *text > '9' || errno != 0)
            return -1;
        int seconds = *end == '\0' ? 1 : 0;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (units[i].unit == *end)
                seconds = units[i].seconds;
        if (seconds == 0 || n > DURATION_MAX / SECOND / seconds)
            return -1;
        total += n * seconds * SECOND;
        if (total > DURATION_MAX)
            return -1;
        text = *end == '\0' ? end : end + 1;
    }
    return total;
}

/* ---- what each option does --------------------------------------------------------------- */

static bool take_file(struct options *o, char *value) {
    o->file = value;
    return true;
}

static bool take_interface(struct options *o, char *value) {
    if (o->ninterfaces == OPTIONS_MAX)
        return wrong("-i", value, "at most 64 interfaces");
    o->interfaces[o->ninterfaces++] = value;
    return true;
}

/* "a" or "a,b", as softflowd has it. */
static bool take_target(struct options *o, char *value) {
    char *rest = NULL;
    for (char *t = strtok_r(value, ",", &rest); t; t = strtok_r(NULL, ",", &rest)) {
        if (o->ntargets == OPTIONS_MAX)
            return wrong("-n", t, "at most 64 targets");
        o->targets[o->ntargets++] = t;
    }
    return true;
}

static bool take_store(struct options *o, char *value) {
    o->store = value;
    return true;
}

static bool take_control(struct options *o, char *value) {
    o->control = value;
    return true;
}

static bool take_version(struct options *o, char *value) {
    if (strcmp(value, "5") != 0 && strcmp(value, "9") != 0 && strcmp(value, "10") != 0)
        return wrong("-v", value, "5, 9 or 10 (IPFIX)");
    o->version = (unsigned)atoi(value);
    return true;
}

/* "name=duration", or a plain duration for the interval of the store's files. */
static bool take_time(struct options *o, char *value) {
    const struct {
        const char *name;
        int64_t *timeout;
    } names[] = {
        {"general", &o->timeouts.general}, {"tcp", &o->timeouts.tcp},
        {"tcp.rst", &o->timeouts.tcp_rst}, {"tcp.fin", &o->timeouts.tcp_fin},
        {"udp", &o->timeouts.udp},         {"icmp", &o->timeouts.icmp},
        {"maxlife", &o->timeouts.maxlife}, {"expint", &o->expint},
    };
    const char *equals = strchr(value, '=');
    int64_t duration = options_duration(equals ? equals + 1 : value);
    if (duration < 0)
        return wrong("-t", value, "a time is like 60s, 1h30m or 1d, at most 366 days");
    if (!equals) {
        if (duration < SECOND || duration > 86400 * SECOND)
            return wrong("-t", value, "the interval of files is 1s to 1d");
        o->interval = (unsigned)(duration / SECOND);
        return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) == (size_t)(equals - value) &&
            strncmp(names[i].name, value, (size_t)(equals - value)) == 0) {
            *names[i].timeout = duration;
            return true;
        }
    }
    return wrong("-t", value,
                 "timeouts are general, tcp, tcp.rst, tcp.fin, udp, icmp, maxlife, expint");
}

static bool take_flows(struct options *o, char *value) {
    unsigned long n;
    if (!number("-m", value, 1, 1ul << 26, &n))
        return false;
    o->flows = (uint32_t)n;
    return true;
}

static bool take_odid(struct options *o, char *value) {
    unsigned long n;
    if (!number("--odid", value, 0, UINT32_MAX, &n))
        return false;
    o->odid = (uint32_t)n;
    return true;
}

/* "100", "random:100" */
static bool take_sampling(struct options *o, char *value) {
    static const char prefix[] = "random:";
    unsigned long n;
    o->sampling.random = strncmp(value, prefix, sizeof prefix - 1) == 0;
    if (!number("-s", o->sampling.random ? value + sizeof prefix - 1 : value, 1, SAMPLING_MAX, &n))
        return false;
    o->sampling.n = (uint32_t)n;
    return true;
}

static bool take_snaplen(struct options *o, char *value) {
    unsigned long n;
    if (!number("-C", value, 64, 262144, &n))
        return false;
    o->snaplen = (unsigned)n;
    return true;
}

static bool take_buffer(struct options *o, char *value) {
    unsigned long n;
    if (!number("-B", value, 64, 2097151, &n))
        return false;
    o->buffer = (unsigned)n;
    return true;
}

static bool take_no_promiscuous(struct options *o, char *value) {
    (void)value;
    o->promiscuous = false;
    return true;
}

static bool take_time_format(struct options *o, char *value) {
    static const char *const names[TIME_NFORMATS] = {"milli", "sec", "micro", "nano"};
    for (int i = 0; i < TIME_NFORMATS; i++) {
        if (strcmp(value, names[i]) == 0) {
            o->time_format = (enum time_format)i;
            return true;
        }
    }
    return wrong("-A", value, "sec, milli, micro or nano");
}

static bool take_track(struct options *o, char *value) {
    if (strcmp(value, "port") == 0) /* softflowd's other name for it */
        value = "full";
    for (int i = 0; i < TRACK_NLEVELS; i++) {
        if (strcmp(value, track_names[i]) == 0) {
            o->track = (enum track)i;
            return true;
        }
    }
    return wrong("-T", value, "full (or port), proto, ip, vlan or ether");
}

static bool take_tunnels(struct options *o, char *value) {
    for (int i = 0; i < TUNNELS_N; i++) {
        if (strcmp(value, tunnels_names[i]) == 0) {
            o->tunnels = (enum tunnels)i;
            return true;
        }
    }
    return wrong("-e", value, "outer, inner or both");
}

static bool take_each_sight(struct options *o, char *value) {
    (void)value;
    o->each_sight = true;
    return true;
}

static bool take_source(struct options *o, char *value) {
    o->source = value;
    return true;
}

static bool take_hops(struct options *o, char *value) {
    unsigned long n;
    if (!number("-L", value, 1, 255, &n))
        return false;
    o->hops = (unsigned)n;
    return true;
}

static bool take_transport(struct options *o, char *value) {
    o->stream = strcmp(value, "tcp") == 0;
    return o->stream || strcmp(value, "udp") == 0 || wrong("-P", value, "udp or tcp");
}

static bool take_biflows(struct options *o, char *value) {
    (void)value;
    o->biflows = true;
    return true;
}

static bool take_applications(struct options *o, char *value) {
    (void)value;
    o->applications = true;
    return true;
}

static bool take_balance(struct options *o, char *value) {
    (void)value;
    o->balance = true;
    return true;
}

static bool take_adjust(struct options *o, char *value) {
    (void)value;
    o->adjust = true;
    return true;
}

static bool take_direction(struct options *o, char *value) {
    static const char *const words[] = {"inout", "in", "out"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(value, words[i]) == 0) {
            o->direction = i;
            return true;
        }
    }
    return wrong("-Q", value, "in, out or inout");
}

static bool take_daemon(struct options *o, char *value) {
    (void)value;
    o->daemon = true;
    return true;
}

static bool take_foreground(struct options *o, char *value) {
    (void)value;
    o->daemon = false;
    return true;
}

static bool take_pidfile(struct options *o, char *value) {
    o->pidfile = value;
    return true;
}

static bool take_user(struct options *o, char *value) {
    o->user = value;
    return true;
}

static bool take_group(struct options *o, char *value) {
    o->group = value;
    return true;
}

static bool take_quiet(struct options *o, char *value) {
    (void)value;
    o->quiet = true;
    return true;
}

static const struct option_row {
    int letter; /* below 256: also the short option */
    const char *name, *argument, *meaning;
    bool (*take)(struct options *o, char *value);
} table[] = {
    {'r', "read", "FILE", "read packets from a pcap or pcapng file, - for standard input",
     take_file},
    {'i', "interface", "IFACE",
     "capture on an interface; may be repeated; any: on all; nflog:GROUP", take_interface},
    {'n', "target", "HOST:PORT", "send flows there ([v6]:PORT); may be repeated, each gets all",
     take_target},
    {'v', "export", "VERSION", "5, 9 or 10: NetFlow v5, v9 or IPFIX (default 10)", take_version},
    {'w', "write", "STORE", "write flow files into this directory, no collector needed",
     take_store},
    {'t', "time", "NAME=TIME",
     "timeouts: general, tcp, tcp.rst, tcp.fin, udp, icmp, maxlife, expint", take_time},
    {'m', "flows", "N", "most flows at a time; more end the oldest (default 1048576)", take_flows},
    {'O', "odid", "N", "observation domain or source id (default 0)", take_odid},
    {'T', "track", "LEVEL", "what makes a flow: full (default), proto, ip, vlan, ether",
     take_track},
    {'b', "biflows", NULL, "both directions in one record (RFC 5103), in IPFIX and with -w",
     take_biflows},
    {'e', "tunnels", "HEADERS", "of tunnels: flows of the outer (default), inner or both headers",
     take_tunnels},
    {'f', "each-sight", NULL, "do not count what is forwarded once, but each time it is seen",
     take_each_sight},
    {'k', "applications", NULL, "recognise what application a flow is of (nDPI)",
     take_applications},
    {'s', "sampling", "[random:]N", "meter every N-th packet, or a random one of each N",
     take_sampling},
    {'C', "snaplen", "OCTETS", "octets to capture of each packet (default 256, with -k 2048)",
     take_snaplen},
    {'B', "buffer", "KIB", "capture buffer of each interface (default 16384)", take_buffer},
    {'N', "no-promiscuous", NULL, "do not put interfaces into promiscuous mode",
     take_no_promiscuous},
    {'c', "control", "SOCKET", "answer flowprobectl on this Unix socket", take_control},
    {'A', "time-format", "UNIT", "times in IPFIX: sec, milli (default), micro, nano",
     take_time_format},
    {'P', "transport", "udp|tcp", "send over UDP (default), or IPFIX over TCP", take_transport},
    {'l', "balance", NULL, "deal flows out to the targets, instead of all to each", take_balance},
    {'S', "source", "ADDRESS", "send from this address, or through this interface", take_source},
    {'L', "hops", "N", "hop limit (TTL) of what is sent", take_hops},
    {'a', "adjust", NULL, "-r: as if the first packet came now", take_adjust},
    {'Q', "direction", "in|out", "meter only what comes in, or only what goes out", take_direction},
    {'D', "daemon", NULL, "go to the background when all is open; messages to the system's log",
     take_daemon},
    {'d', "foreground", NULL, "do not (the default)", take_foreground},
    {'p', "pidfile", "FILE", "write the process id there", take_pidfile},
    {'u', "user", "USER", "become that user when interfaces and sockets are open", take_user},
    {'g', "group", "GROUP", "and that group", take_group},
    {'q', "quiet", NULL, "no summary at the end", take_quiet},
    {'h', "help", NULL, "print this", NULL},
    {'V', "version", NULL, "print the version", NULL},
};
enum { ROWS = sizeof table / sizeof *table };

static void usage(void) {
    printf("usage: flowprobe -r FILE | -i IFACE ... [-n HOST:PORT ...] [-w STORE] [option ...] "
           "[filter]\n"
           "Meters packets into flows and exports them. The filter is a tcpdump expression.\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char head[48];
        snprintf(head, sizeof head, "-%c, --%s%s%s", table[i].letter, table[i].name,
                 table[i].argument ? " " : "", table[i].argument ? table[i].argument : "");
        printf("  %-26s %s\n", head, table[i].meaning);
    }
    printf(
        "\nA TIME is like 60s, 1h30m or 1d. Defaults: general, tcp, udp and icmp (no packet) 15s, "
        "tcp.rst and\ntcp.fin (after the connection's end) 5s, maxlife (active) 300s, expint "
        "(longest "
        "wait of an\nended flow for its datagram) 1s. -t TIME alone is the interval of -w's "
        "files (default 300s).\n");
}

static void print_version(void) {
    const char *engine = engine_version();
    printf("flowprobe (flowvt) %s%s%s\n", FLOWVT_VERSION, engine ? " with nDPI " : "",
           engine ? engine : "");
}

static void defaults(struct options *o) {
    *o = (struct options){
        .version = 10,
        .flows = 1 << 20,
        .interval = 300,
        .expint = SECOND,
        .buffer = 16384,
        .promiscuous = true,
        .timeouts = {.general = 15 * SECOND,
                     .tcp = 15 * SECOND,
                     .tcp_rst = 5 * SECOND,
                     .tcp_fin = 5 * SECOND,
                     .udp = 15 * SECOND,
                     .icmp = 15 * SECOND,
                     .maxlife = 300 * SECOND},
    };
}

/* The words of the filter joined by blanks, as tcpdump does. */
static char *join(char **words, int n) {
    size_t size = 1;
    for (int i = 0; i < n; i++)
        size += strlen(words[i]) + 1;
    char *text = calloc(1, size);
    for (int i = 0; text && i < n; i++) {
        if (i > 0)
            strcat(text, " ");
        strcat(text, words[i]);
    }
    return text;
}

static enum options_result check(const struct options *o) {
    const char *what = NULL;
    if ((o->file != NULL) + (o->ninterfaces > 0) != 1)
        what = "either -r FILE or -i IFACE is needed: see --help";
    else if (o->control && o->file)
        what = "-c: a control socket is for -i IFACE alone";
    else if (o->version == 5 && o->sampling.n > SAMPLING_MAX_V5)
        what = "-s: NetFlow v5 can tell of one in 16383 at most: use -v 9 or 10";
    else if (o->time_format != TIME_MILLI && o->version != 10)
        what = "-A: only IPFIX has a choice: use -v 10";
    else if (o->stream && o->version != 10)
        what = "-P tcp: only IPFIX goes over TCP: use -v 10";
    else if (o->biflows && o->version != 10)
        what = "-b: only IPFIX has both directions in one record: use -v 10";
    else if (o->applications && !engine_version())
        what = "-k: this flowprobe was built without nDPI: build it with `make WITH_NDPI=1`";
    else if (o->applications && (o->track == TRACK_IP || o->track == TRACK_PROTO))
        what = "-k: applications are of connections, which have ports: use -T full";
    else if (o->applications && o->version == 5 && o->ntargets > 0)
        what = "-k: NetFlow v5 has no applications: use -v 9 or 10";
    else if (o->adjust && !o->file)
        what = "-a: it is about the time in a file: use it with -r";
    else if (o->direction && !o->ninterfaces)
        what = "-Q: it is about interfaces: use it with -i";
    else if (o->timeouts.maxlife == 0)
        what = "-t maxlife: '0' cannot be: at least 1s";
    if (what)
        fprintf(stderr, "flowprobe: %s\n", what);
    return what ? OPTIONS_WRONG : OPTIONS_RUN;
}

enum options_result options_parse(struct options *o, int argc, char **argv) {
    struct option longs[ROWS + 1] = {{0}};
    char shorts[2 * ROWS + 2] = "+";
    for (size_t i = 0; i < ROWS; i++) {
        longs[i].name = table[i].name;
        longs[i].has_arg = table[i].argument ? required_argument : no_argument;
        longs[i].val = table[i].letter;
        char one[3] = {(char)table[i].letter, table[i].argument ? ':' : '\0', '\0'};
        strcat(shorts, one);
    }
    defaults(o);
    for (int c; (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (c == '?')
            return OPTIONS_WRONG;
        if (c == 'h' || c == 'V') {
            if (c == 'h')
                usage();
            else
                print_version();
            return OPTIONS_DONE;
        }
        for (size_t i = 0; i < ROWS; i++)
            if (table[i].letter == c && !table[i].take(o, optarg))
                return OPTIONS_WRONG;
    }
    if (check(o) != OPTIONS_RUN)
        return OPTIONS_WRONG;
    if (o->snaplen == 0)
        o->snaplen = o->applications ? SNAPLEN_PAYLOAD : SNAPLEN_HEADERS;
    if (optind < argc && !(o->filter = join(argv + optind, argc - optind))) {
        fprintf(stderr, "flowprobe: out of memory\n");
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
