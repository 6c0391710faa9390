/* SPDX-License-Identifier: MIT */
/*
** Options of flowcollect: one table, that getopt's strings and the usage text are made of.
*/
#include "cmdline.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/version.h"

enum { LONG_VERSION = 256, LONG_DUMP, LONG_MERGE, LONG_BEFORE, LONG_ROLLUPS };

static const struct option_line {
    int letter; /* over 255: a long option alone */
    const char *name, *argument, *help;
} options[] = {
    {'p', "port", "PORT", "UDP port to listen on; repeatable (default 9995)"},
    {'b', "bind", "ADDR", "address to listen on (default: all, IPv4 and IPv6)"},
    {'w', "store", "STORE", "directory that flow files are written to"},
    {'t', "interval", "SECONDS", "length of a flow file's interval, 1 to 86400 (default 300)"},
    {'r', "read", "FILE",
     "take the datagrams from a capture (pcap, pcapng; - is stdin), then exit"},
    {'B', "buffer", "BYTES", "socket buffer to ask the system for (default 33554432)"},
    {LONG_DUMP, "dump", NULL, "print every flow on stdout as field=value; -w is optional then"},
    {LONG_MERGE, "merge", NULL,
     "merge the files of each day that is over into one, then exit; -w may be in use"},
    {LONG_BEFORE, "before", "DATE",
     "with --merge: only days before DATE, YYYY-MM-DD in UTC (default: today)"},
    {LONG_ROLLUPS, "rollups", "SETS",
     "with --merge: columns to keep totals by, as in \"srcip srcip,dstip\", or none"},
    {'v', "verbose", NULL, "do not limit the rate of messages about malformed datagrams"},
    {'h', "help", NULL, "print this and exit"},
    {LONG_VERSION, "version", NULL, "print the version and exit"},
};
enum { NOPTIONS = sizeof options / sizeof *options };

static void usage(FILE *out) {
    fputs("usage: flowcollect -w STORE [options]\n"
          "Receives NetFlow v1, v5 to v9 and IPFIX and writes flow files.\n",
          out);
    for (size_t i = 0; i < NOPTIONS; i++) {
        char left[64], letter[4] = "   ";
        if (options[i].letter < 256)
            snprintf(letter, sizeof letter, "-%c,", options[i].letter);
        snprintf(left, sizeof left, "%s --%s%s%s", letter, options[i].name,
                 options[i].argument ? " " : "", options[i].argument ? options[i].argument : "");
        fprintf(out, "  %-24s %s\n", left, options[i].help);
    }
}

static bool number(const char *option, const char *text, unsigned long low, unsigned long high,
                   unsigned long *out) {
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && v >= low && v <= high) {
        *out = v;
        return true;
    }
    fprintf(stderr, "flowcollect: --%s: '%s' is no number from %lu to %lu\n", option, text, low,
            high);
    return false;
}

/* Begin of a day, ms. */
static bool date(const char *option, const char *text, int64_t *out) {
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
    fprintf(stderr, "flowcollect: --%s: '%s' is no date: write YYYY-MM-DD\n", option, text);
    return false;
}

static bool add_port(struct cmdline *c, const char *text) {
    unsigned long v;
    if (!number("port", text, 1, 65535, &v))
        return false;
    if (c->nports == CMDLINE_PORTS) {
        fprintf(stderr, "flowcollect: --port: more than %d ports\n", CMDLINE_PORTS);
        return false;
    }
    c->ports[c->nports++] = (uint16_t)v;
    return true;
}

/* Take one option. Returns CMDLINE_RUN to go on. */
static enum cmdline_result take(struct cmdline *c, int letter, const char *text) {
    unsigned long v = 0;
    bool good = true;
    switch (letter) {
    case 'p':
        good = add_port(c, text);
        break;
    case 'b':
        c->bind = text;
        break;
    case 'w':
        c->store = text;
        break;
    case 'r':
        c->read = text;
        break;
    case 't':
        good = number("interval", text, 1, 86400, &v), c->interval = (unsigned)v;
        break;
    case 'B':
        good = number("buffer", text, 4096, 1ul << 30, &v), c->buffer = v;
        break;
    case 'v':
        c->verbose++;
        break;
    case LONG_DUMP:
        c->dump = true;
        break;
    case LONG_MERGE:
        c->merge = true;
        break;
    case LONG_BEFORE:
        good = date("before", text, &c->before);
        break;
    case LONG_ROLLUPS:
        c->rollups = text;
        break;
    case 'h':
        usage(stdout);
        return CMDLINE_DONE;
    case LONG_VERSION:
        puts("flowcollect " FLOWVT_VERSION);
        return CMDLINE_DONE;
    case ':':
        fprintf(stderr, "flowcollect: %s: a value is missing: --help lists the options\n", text);
        return CMDLINE_ERROR;
    default:
        fprintf(stderr, "flowcollect: %s: no such option: --help lists them\n", text);
        return CMDLINE_ERROR;
    }
    return good ? CMDLINE_RUN : CMDLINE_ERROR;
}

static enum cmdline_result check(int argc, char **argv, const struct cmdline *c) {
    if (optind < argc) {
        fprintf(stderr, "flowcollect: %s: not an option: --help lists them\n", argv[optind]);
        return CMDLINE_ERROR;
    }
    if (!c->merge && (c->before != INT64_MAX || c->rollups)) {
        fprintf(stderr, "flowcollect: --%s says how to merge: give --merge with it\n",
                c->rollups ? "rollups" : "before");
        return CMDLINE_ERROR;
    }
    if (c->merge && (c->read || c->dump)) {
        fputs("flowcollect: --merge works on what is in the store: leave out -r and --dump\n",
              stderr);
        return CMDLINE_ERROR;
    }
    if (!c->store && !c->dump) {
        fputs("flowcollect: -w is missing: the directory to write flow files to\n", stderr);
        return CMDLINE_ERROR;
    }
    return CMDLINE_RUN;
}

enum cmdline_result cmdline_parse(int argc, char **argv, struct cmdline *out) {
    struct option longs[NOPTIONS + 1] = {{0}};
    char shorts[2 * NOPTIONS + 2], *s = shorts;
    *s++ = ':'; /* errors are ours to print */
    opterr = 0;
    for (size_t i = 0; i < NOPTIONS; i++) {
        bool has = options[i].argument != NULL;
        longs[i] = (struct option){options[i].name, has, NULL, options[i].letter};
        if (options[i].letter > 255)
            continue;
        *s++ = (char)options[i].letter;
        if (has)
            *s++ = ':';
    }
    *s = '\0';
    *out = (struct cmdline){.interval = 300, .buffer = 32u << 20, .before = INT64_MAX};
    int letter;
    while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        bool bad = letter == '?' || letter == ':';
        enum cmdline_result result = take(out, letter, bad ? argv[optind - 1] : optarg);
        if (result != CMDLINE_RUN)
            return result;
    }
    if (out->nports == 0)
        out->ports[out->nports++] = 9995;
    return check(argc, argv, out);
}
