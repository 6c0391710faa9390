/* SPDX-License-Identifier: MIT */
/*
** Patterns. Of times and MAC addresses, whose texts are not stored, it is the beginning that is looked
** for; dictionaries are compared entry by entry (predicate_codes.c), of addresses those alone that the first
** octets of the pattern leave.
*/
#include "pattern.h"
#include "window.h"

#include <ctype.h>

enum { LONGEST = 50000 }; /* SQLITE_MAX_LIKE_PATTERN_LENGTH */

static bool add_range(struct predicate *p, int64_t lo, int64_t hi) {
    return filter_values_range(&p->values, lo, hi) == 0;
}

/* Octets of the pattern before its first wildcard. */
static size_t literal(const char *pattern, bool glob) {
    return strcspn(pattern, glob ? "*?[" : "%_");
}

/* Times whose text begins so: no octet of a time is above '~'. */
static bool add_times(struct predicate *p, const char *text, size_t n) {
    char beyond[FLOW_TIME_TEXT + 1];
    int64_t first, last, ignored;
    if (n >= FLOW_TIME_TEXT)
        return true;
    memcpy(beyond, text, n);
    beyond[n] = '~';
    window_text_bound(WINDOW_GE, text, n, &first, &ignored);
    window_text_bound(WINDOW_LT, beyond, n + 1, &ignored, &last);
    return first > last || add_range(p, first, last);
}

/* MAC addresses whose text begins so. */
static bool add_macs(struct predicate *p, const char *text, size_t n) {
    char first[] = "00:00:00:00:00:00", last[] = "ff:ff:ff:ff:ff:ff";
    uint64_t lo, hi;
    if (n >= sizeof first)
        return true;
    for (size_t i = 0; i < n; i++)
        first[i] = last[i] = (char)tolower((unsigned char)text[i]);
    if (flow_mac_parse(first, sizeof first - 1, &lo) != 0 ||
        flow_mac_parse(last, sizeof last - 1, &hi) != 0)
        return true;
    return add_range(p, (int64_t)lo, (int64_t)hi);
}

/* Where whole octets of an IPv4 address begin the pattern, the network they leave. */
static bool add_net(struct predicate *p, const char *text, size_t n) {
    char octets[sizeof "255.255.255."], net[sizeof octets + sizeof "0.0.0/24"];
    struct flow_ip first, last;
    unsigned dots = 0;
    size_t whole = 0;
    for (size_t i = 0;
         i < n && i + 1 < sizeof octets && (isdigit((unsigned char)text[i]) || text[i] == '.'); i++)
        if (text[i] == '.') {
            dots++;
            whole = i + 1;
        }
    if (dots < 1 || dots > 3)
        return true;
    memcpy(net, text, whole);
    strcpy(net + whole, dots == 1 ? "0.0.0/8" : dots == 2 ? "0.0/16" : "0/24");
    /* What is no network is the beginning of no address. */
    return flow_net_parse(net, strlen(net), &first, &last) != 0 ||
           filter_values_net(&p->values, &first, &last) == 0;
}

struct predicate *pattern_test(int column, bool glob, const char *pattern) {
    enum flow_class class = flow_fields[scan_field(column)].class;
    size_t n = literal(pattern, glob);
    if (strlen(pattern) > LONGEST || ((class == FLOW_TIME || class == FLOW_MAC) && n == 0))
        return predicate_new(PREDICATE_NOTNULL, column);
    bool text = class == FLOW_IP || class == FLOW_TEXT;
    struct predicate *p = predicate_new(text ? PREDICATE_TEXT : PREDICATE_RANGES, column);
    bool ok = p != NULL;
    if (ok && text) {
        p->text_op = glob ? TEXT_GLOB : TEXT_LIKE;
        ok = filter_values_text(&p->values, pattern, strlen(pattern)) == 0 &&
             (class != FLOW_IP || add_net(p, pattern, n));
    } else if (ok) {
        ok = class == FLOW_TIME ? add_times(p, pattern, n) : add_macs(p, pattern, n);
    }
    if (ok)
        return p;
    predicate_free(p);
    return NULL;
}

int pattern_next_net(const char **list, struct flow_ip *first, struct flow_ip *last) {
    const char *text = *list + strspn(*list, ", \t\n");
    size_t n = strcspn(text, ", \t\n");
    if (n > 0 && flow_net_parse(text, n, first, last) != 0)
        return -1;
    *list = text + n;
    return n > 0;
}
