/* SPDX-License-Identifier: MIT */
/*
** Options of flowcollect: one table, that getopt's strings, the names in a configuration file, the
** checks of values and the usage text are made of.
*/
#include "cmdline.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "decode.h"
#include "hook.h"
#include "log.h"
#include "multicast.h"
#include "publish.h"
#include "repeat.h"
#include "schema/layout.h"
#include "schema/version.h"
#include "sources.h"

enum kind {
    FLAG,   /* bool */
    TEXT,   /* const char * */
    LIST,   /* struct texts, up to high of them */
    NUMBER, /* unsigned, low to high */
    OCTETS, /* size_t, low to high */
    PORT,   /* another one of struct ports */
    DATE,   /* int64_t, begin of a day in ms */
    LIMITS, /* struct expire_limits */
    RATE,   /* another one of c->rates; low: instead of what is announced */
    /* Those that are looked for first. */
    CONFIG,
    HELP,
    VERSION,
};

static const struct option_line {
    char letter; /* 0: a long option alone */
    enum kind kind;
    const char *name, *argument;
    size_t at; /* in struct cmdline */
    unsigned long low, high;
    bool line_only; /* has no place in a configuration file */
    bool live;      /* can be changed while the program runs */
    /* Of a text: false with a sentence that says what would be right. */
    bool (*check)(const char *text, char *message, size_t size);
    const char *help;
} options[] = {
#define AT(member) .at = offsetof(struct cmdline, member)
    {'C', CONFIG, "config", "FILE", AT(config), .line_only = true,
     .help = "take options from FILE: lines of name = value; the command line goes first"},
    {'p', PORT, "port", "PORT", AT(ports), .low = 1, .high = 65535,
     .help = "UDP port to listen on; repeatable (default 9995, 2055, 4739 and 6343)"},
    {0, PORT, "tcp", "PORT", AT(tcp), .low = 1, .high = 65535,
     .help = "TCP port to listen on for IPFIX; repeatable (default: none)"},
    {'b', TEXT, "bind", "ADDR", AT(bind),
     .help = "address to listen on (default: all, IPv4 and IPv6)"},
    {'J', LIST, "join", "GROUP", AT(groups), .high = MULTICAST_MAX, .check = multicast_check,
     .help = "multicast group to join, GROUP%INTERFACE for one on that interface; repeatable"},
    {'n', LIST, "source", "SOURCE", AT(sources), .live = true, .high = SOURCES_MAX,
     .check = sources_check,
     .help = "IDENT,NETWORK[,NETWORK...]: these may send and are called so; repeatable "
             "(default: all, without a name)"},
    {'R', LIST, "repeat", "HOST[/PORT]", AT(targets), .live = true, .high = REPEAT_MAX,
     .check = repeat_check,
     .help = "send each datagram on to HOST (port 9995 unless given); up to 8 of them"},
    {'A', FLAG, "keep-source", NULL, AT(keep_source),
     .help = "with -R: from the address that it came from; as root, or with CAP_NET_RAW"},
    {'w', TEXT, "store", "STORE", AT(store), .help = "directory that flow files are written to"},
    {'t', NUMBER, "interval", "SECONDS", AT(interval), 1, 86400, .live = true,
     .help = "length of a flow file's interval, 1 to 86400 (default 300)"},
    {'S', NUMBER, "layout", "NUMBER", AT(layout), 0, LAYOUTS - 1, .live = true,
     .help =
         "directories of the store as nfcapd's -S: 0 none, 1 %Y/%m/%d (default), 2 %Y/%m/%d/%H, "
         "3 %Y/%W/%u, 4 and %H, 5 %Y/%j, 6 and %H, 7 %Y-%m-%d, 8 and %H"},
    {'r', TEXT, "read", "FILE", AT(read), .line_only = true,
     .help = "take the datagrams from a capture (pcap, pcapng; - is stdin), then exit"},
    {'B', OCTETS, "buffer", "BYTES", AT(buffer), 4096, 1ul << 30,
     .help = "socket buffer to ask the system for (default 33554432)"},
    {0, OCTETS, "queue", "BYTES", AT(queue), 1ul << 20, 1ul << 36,
     .help = "memory for datagrams that wait to be decoded (default 134217728)"},
    {0, NUMBER, "template-lifetime", "SECONDS", AT(template_lifetime), 0, 31536000, .live = true,
     .help = "how long a template holds that is not sent again; 0: for ever (default 5400)"},
    {'s', RATE, "sampling", "[NET=]RATE", .live = true,
     .help = "sampling rate of exporters that announce none, of all or of NET's; -RATE: override; "
             "repeatable"},
    {0, RATE, "sampling-override", "[NET=]RATE", .live = true, .low = 1,
     .help = "sampling rate instead of what exporters announce; repeatable"},
    {0, FLAG, "dump", NULL, AT(dump), .line_only = true,
     .help = "print every flow on stdout as field=value; -w is optional then"},
    {0, FLAG, "merge", NULL, AT(merge), .line_only = true,
     .help = "merge the files of each day that is over into one, then exit; -w may be in use"},
    {0, DATE, "before", "DATE", AT(before), .line_only = true,
     .help = "with --merge: only days before DATE, YYYY-MM-DD in UTC (default: today)"},
    {0, TEXT, "rollups", "SETS", AT(rollups), .live = true,
     .help =
         "when days are merged: columns to keep totals by, as in \"srcip srcip,dstip\", or none"},
    {'e', LIMITS, "limits", "LIMITS", AT(limits), .live = true,
     .help = "remove the oldest files beyond size=SIZE,age=TIME,free=SIZE or none "
             "(default free=5%,share=50%,keep=1d)"},
    {'x', TEXT, "exec", "CMD", AT(hook), .live = true, .check = hook_check,
     .help = "run CMD for each complete file: %d store, %f file, %t, %u its time; no shell"},
    {0, FLAG, "no-merge", NULL, AT(no_merge), .live = true,
     .help = "leave the files of days that are over as they are, until --merge"},
    {0, FLAG, "expire", NULL, AT(expire), .line_only = true,
     .help = "remove files beyond the limits now, then exit; -w may be in use"},
    {0, FLAG, "dry-run", NULL, AT(dry_run), .line_only = true,
     .help = "with --expire: say what would be removed"},
    {0, TEXT, "metrics", "[ADDR:]PORT", AT(metrics), .check = publish_check,
     .help = "answer GET /metrics there, for Prometheus (127.0.0.1 unless ADDR is given)"},
    {0, TEXT, "metrics-file", "FILE", AT(metrics_file),
     .help = "write the same to FILE every 15 s, for the node exporter's textfile collector"},
    {'D', FLAG, "daemon", NULL, AT(daemon),
     .help = "go on in the background once all is well, with --syslog"},
    {0, FLAG, "syslog", NULL, AT(syslog),
     .help = "messages go to the system's log once all is well, not to stderr"},
    {'P', TEXT, "pidfile", "FILE", AT(pidfile), .help = "write the process id to FILE"},
    {'u', TEXT, "user", "USER", AT(user),
     .help = "become USER, and its group, when the sockets are open; as root"},
    {'g', TEXT, "group", "GROUP", AT(group), .help = "become GROUP, likewise"},
    {'v', FLAG, "verbose", NULL, AT(verbose), .live = true,
     .help = "do not limit the rate of messages about malformed datagrams"},
    {'h', HELP, "help", NULL, .line_only = true, .help = "print this and exit"},
    {0, VERSION, "version", NULL, .line_only = true, .help = "print the version and exit"},
#undef AT
};
enum { NOPTIONS = sizeof options / sizeof *options, LONG = 256 };

/* Where a value is from, for messages. file is NULL on the command line. */
struct origin {
    const char *file;
    unsigned line;
};

static void usage(FILE *out) {
    fputs("usage: flowcollect -w STORE [options]\n"
          "Receives NetFlow v1, v5 to v9, IPFIX and sFlow v5 and writes flow files.\n",
          out);
    for (size_t i = 0; i < NOPTIONS; i++) {
        const struct option_line *o = &options[i];
        char left[64], letter[4] = "   ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c,", o->letter);
        snprintf(left, sizeof left, "%s --%s%s%s", letter, o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        fprintf(out, "  %-24s %s\n", left, o->help);
    }
}

/* ---- values ----------------------------------------------------------------------------- */

/* Always false. */
__attribute__((format(printf, 3, 4))) static bool
complain(const struct origin *from, const char *name, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (from->file)
        log_line("%s:%u: %s: %s", from->file, from->line, name, text);
    else
        log_line("--%s: %s", name, text);
    return false;
}

static bool number(const struct origin *from, const struct option_line *o, const char *text,
                   unsigned long *out) {
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && v >= o->low && v <= o->high) {
        *out = v;
        return true;
    }
    return complain(from, o->name, "'%s' is no number from %lu to %lu", text, o->low, o->high);
}

static bool date(const struct origin *from, const struct option_line *o, const char *text,
                 int64_t *out) {
    struct tm t = {0}, same;
    int n = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &n) == 3 && n == 10 &&
        text[n] == '\0') {
        t.tm_year -= 1900;
        t.tm_mon -= 1;
        same = t;
        *out = (int64_t)timegm(&same) * 1000;
        /* timegm() takes the 31st of February for a day in March. */
        if (same.tm_mon == t.tm_mon && same.tm_mday == t.tm_mday)
            return true;
    }
    return complain(from, o->name, "'%s' is no date: write YYYY-MM-DD", text);
}

/* text is NULL on the command line. */
static bool flag(const struct origin *from, const struct option_line *o, const char *text,
                 bool *out) {
    *out = !text || strcmp(text, "yes") == 0;
    return *out || strcmp(text, "no") == 0 ||
           complain(from, o->name, "'%s' is neither yes nor no", text);
}

static bool limits(const struct origin *from, const struct option_line *o, const char *text,
                   struct expire_limits *out) {
    char message[512];
    return expire_parse(text, out, message, sizeof message) ||
           complain(from, o->name, "%s", message);
}

static bool check_text(const struct origin *from, const struct option_line *o, const char *text) {
    char message[256];
    if (*text == '\0')
        return complain(from, o->name, "a value is missing: %s", o->argument);
    return !o->check || o->check(text, message, sizeof message) ||
           complain(from, o->name, "'%s': %s", text, message);
}

static bool add_rate(const struct origin *from, const struct option_line *o, const char *text,
                     struct rates *out) {
    char message[256];
    return rates_add(out, text, o->low != 0, message, sizeof message) ||
           complain(from, o->name, "%s", message);
}

static bool add_text(const struct origin *from, const struct option_line *o, const char *text,
                     struct texts *list) {
    if (!check_text(from, o, text))
        return false;
    if (list->n == o->high)
        return complain(from, o->name, "more than %lu of them", o->high);
    const char **grown = realloc(list->text, (list->n + 1) * sizeof *grown);
    if (!grown)
        return complain(from, o->name, "out of memory");
    list->text = grown;
    list->text[list->n++] = text;
    return true;
}

static bool add_port(const struct origin *from, const struct option_line *o, const char *text,
                     struct ports *out) {
    unsigned long v;
    if (!number(from, o, text, &v))
        return false;
    if (out->n == CMDLINE_PORTS)
        return complain(from, o->name, "more than %d ports", CMDLINE_PORTS);
    out->port[out->n++] = (uint16_t)v;
    return true;
}

static bool take(const struct origin *from, const struct option_line *o, const char *text,
                 struct cmdline *c) {
    void *at = (char *)c + o->at;
    unsigned long v = 0;
    bool good = true;
    switch (o->kind) {
    case FLAG:
        return flag(from, o, text, at);
    case TEXT:
    case CONFIG:
        *(const char **)at = text;
        return check_text(from, o, text);
    case LIST:
        return add_text(from, o, text, at);
    case NUMBER:
        good = number(from, o, text, &v);
        *(unsigned *)at = (unsigned)v;
        return good;
    case OCTETS:
        good = number(from, o, text, &v);
        *(size_t *)at = v;
        return good;
    case PORT:
        return add_port(from, o, text, at);
    case DATE:
        return date(from, o, text, at);
    case LIMITS:
        return limits(from, o, text, at);
    case RATE:
        return add_rate(from, o, text, &c->rates);
    case HELP:
    case VERSION:
        break;
    }
    return good;
}

/* ---- sources ---------------------------------------------------------------------------- */

struct parse {
    struct cmdline *out;
    const char *file;
};

static bool take_line(void *arg, unsigned line, const char *name, const char *value) {
    const struct parse *p = arg;
    const struct origin from = {p->file, line};
    for (size_t i = 0; i < NOPTIONS; i++)
        if (strcmp(options[i].name, name) == 0)
            return options[i].line_only
                       ? complain(&from, name, "is for the command line alone: leave it out")
                       : take(&from, &options[i], value, p->out);
    return complain(&from, name, "no such option: flowcollect --help lists them");
}

static bool read_config(struct cmdline *c) {
    struct parse p = {c, c->config};
    if (c->config)
        c->text = config_read(c->config, take_line, &p);
    return !c->config || c->text;
}

static const struct option_line *find(int letter) {
    for (size_t i = 0; i < NOPTIONS && letter < LONG; i++)
        if (options[i].letter == letter)
            return &options[i];
    return &options[letter - LONG];
}

/* The next option on the command line, its value in optarg. */
static enum cmdline_result next(int argc, char **argv, const struct option_line **out) {
    struct option longs[NOPTIONS + 1] = {{0}};
    char shorts[2 * NOPTIONS + 2], *s = shorts;
    *s++ = ':'; /* errors are ours to print */
    opterr = 0;
    for (size_t i = 0; i < NOPTIONS; i++) {
        bool has = options[i].argument != NULL;
        longs[i] = (struct option){options[i].name, has, NULL, LONG + (int)i};
        if (!options[i].letter)
            continue;
        *s++ = options[i].letter;
        if (has)
            *s++ = ':';
    }
    *s = '\0';
    int letter = getopt_long(argc, argv, shorts, longs, NULL);
    *out = NULL;
    if (letter == ':')
        log_line("%s: a value is missing: --help lists the options", argv[optind - 1]);
    else if (letter == '?')
        log_line("%s: no such option: --help lists them", argv[optind - 1]);
    else if (letter != -1)
        *out = find(letter);
    return letter == ':' || letter == '?' ? CMDLINE_ERROR : CMDLINE_RUN;
}

/* What has to be known before anything else. */
static enum cmdline_result look(int argc, char **argv, struct cmdline *c) {
    static const struct origin line = {NULL, 0};
    const struct option_line *o;
    enum cmdline_result result;
    optind = 0; /* from the start */
    while ((result = next(argc, argv, &o)) == CMDLINE_RUN && o) {
        if (o->kind == CONFIG && !take(&line, o, optarg, c))
            return CMDLINE_ERROR;
        if (o->kind == HELP)
            usage(stdout);
        if (o->kind == VERSION)
            puts("flowcollect " FLOWVT_VERSION);
        if (o->kind == HELP || o->kind == VERSION)
            return CMDLINE_DONE;
    }
    if (result == CMDLINE_RUN && optind < argc) {
        log_line("%s: not an option: --help lists them", argv[optind]);
        result = CMDLINE_ERROR;
    }
    return result;
}

/* What can be repeated is on the command line instead of that in the file. */
static void forget(const struct option_line *o, struct cmdline *c) {
    if (o->kind == PORT)
        ((struct ports *)((char *)c + o->at))->n = 0;
    else if (o->kind == RATE)
        rates_free(&c->rates);
    else if (o->kind == LIST)
        ((struct texts *)((char *)c + o->at))->n = 0;
}

static bool read_line(int argc, char **argv, struct cmdline *c) {
    static const struct origin line = {NULL, 0};
    const struct option_line *o;
    bool seen[NOPTIONS] = {false}, good = true;
    optind = 0;
    while (good && next(argc, argv, &o) == CMDLINE_RUN && o) {
        const struct option_line *first = options; /* of those that fill the same list */
        while (first->kind != o->kind || first->at != o->at)
            first++;
        if (!seen[first - options])
            forget(o, c);
        seen[first - options] = true;
        good = o->kind >= CONFIG || take(&line, o, optarg, c);
    }
    return good;
}

static enum cmdline_result check(const struct cmdline *c) {
    if (!c->merge && c->before != INT64_MAX) {
        log_line("--before says how to merge: give --merge with it");
        return CMDLINE_ERROR;
    }
    if ((c->merge || c->expire) && (c->read || c->dump)) {
        log_line("--%s works on what is in the store: leave out -r and --dump",
                 c->merge ? "merge" : "expire");
        return CMDLINE_ERROR;
    }
    if (c->merge && c->expire) {
        log_line("--merge and --expire: one after the other");
        return CMDLINE_ERROR;
    }
    if (c->dry_run && !c->expire) {
        log_line("--dry-run is for --expire: give it as well");
        return CMDLINE_ERROR;
    }
    if (c->groups.n && c->bind) {
        log_line("--join: what is sent to a group does not come to -b %s: leave that out", c->bind);
        return CMDLINE_ERROR;
    }
    if (!c->store && !c->dump) {
        log_line("-w is missing: the directory to write flow files to");
        return CMDLINE_ERROR;
    }
    return CMDLINE_RUN;
}

/* nfcapd's, NetFlow's as most routers have it, IPFIX's and sFlow's of IANA. */
static const uint16_t usual_ports[] = {9995, 2055, 4739, 6343};

enum cmdline_result cmdline_parse(int argc, char **argv, struct cmdline *out) {
    *out = (struct cmdline){
        .interval = 300,
        .layout = LAYOUT_USUAL,
        .buffer = 32u << 20,
        .queue = 128u << 20,
        .template_lifetime = (unsigned)(collector_defaults.template_ms / 1000),
        .before = INT64_MAX,
        .limits = expire_defaults,
    };
    enum cmdline_result result = look(argc, argv, out);
    if (result == CMDLINE_RUN && (!read_config(out) || !read_line(argc, argv, out)))
        result = CMDLINE_ERROR;
    out->syslog |= out->daemon;
    out->usual_ports = out->ports.n == 0;
    if (out->usual_ports) {
        memcpy(out->ports.port, usual_ports, sizeof usual_ports);
        out->ports.n = sizeof usual_ports / sizeof *usual_ports;
    }
    return result == CMDLINE_RUN ? check(out) : result;
}

/* ---- changes ---------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(const struct texts *a, const struct texts *b) {
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = same_text(a->text[i], b->text[i]);
    return same;
}

static bool same(const struct option_line *o, const struct cmdline *x, const struct cmdline *y) {
    const void *a = (const char *)x + o->at, *b = (const char *)y + o->at;
    switch (o->kind) {
    case FLAG:
        return *(const bool *)a == *(const bool *)b;
    case TEXT:
        return same_text(*(const char *const *)a, *(const char *const *)b);
    case LIST:
        return same_list(a, b);
    case NUMBER:
        return *(const unsigned *)a == *(const unsigned *)b;
    case OCTETS:
        return *(const size_t *)a == *(const size_t *)b;
    case PORT:
        return memcmp(a, b, sizeof(struct ports)) == 0;
    default:
        return true;
    }
}

void cmdline_say_fixed(const struct cmdline *is, const struct cmdline *wanted) {
    for (size_t i = 0; i < NOPTIONS; i++)
        if (!options[i].live && !options[i].line_only && !same(&options[i], is, wanted))
            log_line("%s: %s: stays as it was until the next start", is->config, options[i].name);
}

void cmdline_free(struct cmdline *c) {
    for (size_t i = 0; i < NOPTIONS; i++)
        if (options[i].kind == LIST)
            free(((struct texts *)((char *)c + options[i].at))->text);
    rates_free(&c->rates);
    free(c->text);
    *c = (struct cmdline){0};
}
