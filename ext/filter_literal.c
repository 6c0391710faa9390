/* SPDX-License-Identifier: MIT */
/*
** The values of the filter language: numbers and their names, addresses and networks, MAC
** addresses, times, texts.
*/
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../schema/sysid.h"
#include "filter_parser.h"
#include "geo.h"
#include "protocols.h"
#include "window.h"

/* ---- numbers ---------------------------------------------------------------------------- */

/* Names for values of some fields, as nfdump has them: forwarding status (RFC 7270 4.12), firewall
** events (IANA IPFIX 233, and Cisco's extended ones), NAT events (RFC 8158 4.3). */
static const struct {
    int field;
    const char *name;
    int64_t value;
} value_names[] = {
    {FLOW_direction, "ingress", 0},     {FLOW_direction, "egress", 1},
    {FLOW_fwdstat, "ukwn", 0},          {FLOW_fwdstat, "forw", 1},
    {FLOW_fwdstat, "frag", 2},          {FLOW_fwdstat, "drop", 16},
    {FLOW_fwdstat, "dacld", 17},        {FLOW_fwdstat, "daclp", 18},
    {FLOW_fwdstat, "noroute", 19},      {FLOW_fwdstat, "dadj", 20},
    {FLOW_fwdstat, "dfrag", 21},        {FLOW_fwdstat, "dbadh", 22},
    {FLOW_fwdstat, "dbadtlen", 23},     {FLOW_fwdstat, "dbadhlen", 24},
    {FLOW_fwdstat, "dbadttl", 25},      {FLOW_fwdstat, "dpolicy", 26},
    {FLOW_fwdstat, "dwred", 27},        {FLOW_fwdstat, "drpf", 28},
    {FLOW_fwdstat, "dforus", 29},       {FLOW_fwdstat, "dbadof", 30},
    {FLOW_fwdstat, "dhw", 31},          {FLOW_fwdstat, "term", 128},
    {FLOW_fwdstat, "tadj", 129},        {FLOW_fwdstat, "tincadj", 130},
    {FLOW_fwdstat, "tforus", 131},      {FLOW_fwevent, "ignore", 0},
    {FLOW_fwevent, "create", 1},        {FLOW_fwevent, "delete", 2},
    {FLOW_fwevent, "term", 2},          {FLOW_fwevent, "deny", 3},
    {FLOW_fwevent, "denied", 3},        {FLOW_fwevent, "alert", 4},
    {FLOW_fwevent, "update", 5},        {FLOW_fwxevent, "ignore", 0},
    {FLOW_fwxevent, "i-acl", 1001},     {FLOW_fwxevent, "ingress", 1001},
    {FLOW_fwxevent, "e-acl", 1002},     {FLOW_fwxevent, "egress", 1002},
    {FLOW_fwxevent, "deny", 1003},      {FLOW_fwxevent, "access", 1003},
    {FLOW_fwxevent, "interface", 1003}, {FLOW_fwxevent, "nosyn", 1004},
    {FLOW_natevent, "invalid", 0},      {FLOW_natevent, "add", 1},
    {FLOW_natevent, "delete", 2},       {FLOW_natevent, "exhaust", 3},
    {FLOW_natevent, "add44", 4},        {FLOW_natevent, "del44", 5},
    {FLOW_natevent, "add64", 6},        {FLOW_natevent, "del64", 7},
    {FLOW_natevent, "add44bib", 8},     {FLOW_natevent, "del44bib", 9},
    {FLOW_natevent, "add64bib", 10},    {FLOW_natevent, "del64bib", 11},
    {FLOW_natevent, "pexhaust", 12},    {FLOW_natevent, "quotaexh", 13},
    {FLOW_natevent, "addaddr", 14},     {FLOW_natevent, "deladdr", 15},
    {FLOW_natevent, "addpblk", 16},     {FLOW_natevent, "delpblk", 17},
    {FLOW_natevent, "threshld", 18},
};
enum { NVALUE_NAMES = sizeof value_names / sizeof *value_names };

static bool is_protocol(int field) {
    return field == FLOW_proto || field == FLOW_tunproto || field == FLOW_innerproto;
}

static int64_t named_value(int field, const struct filter_token *token) {
    if (is_protocol(field))
        return protocols_number(token->p, token->n);
    for (int i = 0; i < NVALUE_NAMES; i++)
        if (value_names[i].field == field && filter_token_is(token, value_names[i].name))
            return value_names[i].value;
    return -1;
}

static int digit_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

/* Decimal or 0x hexadecimal, the former with a suffix. */
int64_t filter_number(const char *text, size_t n) {
    bool hex = n > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    int base = hex ? 16 : 10;
    size_t i = hex ? 2 : 0;
    int64_t v = 0;
    if (i >= n || digit_value(text[i]) >= base)
        return -1;
    for (; i < n && digit_value(text[i]) < base; i++) {
        if (v > (INT64_MAX - digit_value(text[i])) / base)
            return -1;
        v = v * base + digit_value(text[i]);
    }
    static const char suffixes[] = "kmgtKMGT";
    const char *suffix = i + 1 == n && !hex && text[i] ? strchr(suffixes, text[i]) : NULL;
    if (i < n && !suffix)
        return -1;
    for (int times = suffix ? (int)((suffix - suffixes) % 4) + 1 : 0; times > 0; times--) {
        if (v > INT64_MAX / 1000)
            return -1;
        v *= 1000;
    }
    return v;
}

/* The greatest value a field can have, by the octets it is exported with. */
static int64_t field_limit(int field) {
    unsigned octets = field == FLOW_tcpflags ? 2 : flow_fields[field].octets;
    return octets == 0 || octets >= 8 ? INT64_MAX : (INT64_C(1) << octets * 8) - 1;
}

static int64_t limit_of(const struct filter_subject *subject) {
    if (subject->phrase->n)
        return field_limit(subject->phrase->field[0]);
    if (subject->phrase->own)
        return INT64_MAX;
    switch (subject->phrase->computed) {
    case COMPUTED_dscp:
        return 63;
    case COMPUTED_sysid:
        return SYSID_MAX;
    default:
        return INT64_MAX;
    }
}

static void *fail_number(struct filter_parser *p, const struct filter_subject *subject,
                         const struct filter_token *at) {
    int field = subject->phrase->n ? subject->phrase->field[0] : -1;
    char names[256] = "";
    if (is_protocol(field))
        return filter_fail(p, at,
                           "expected a protocol: a number from 0 to 255, or a name such as tcp");
    for (int i = 0; i < NVALUE_NAMES && field >= 0; i++)
        if (value_names[i].field == field)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                     *names ? ", " : " or one of ", value_names[i].name);
    if (limit_of(subject) == INT64_MAX)
        return filter_fail(p, at, "expected a number%s for %s", names, subject->name);
    return filter_fail(p, at, "expected a number from 0 to %lld%s for %s",
                       (long long)limit_of(subject), names, subject->name);
}

/* The number or name of a value that octets from to to of the token are, -1 and a message if they
** are none. */
static int64_t value_of(struct filter_parser *p, const struct filter_subject *subject,
                        const struct filter_token *token, size_t from, size_t to) {
    struct filter_token part = *token;
    part.p += from;
    part.n = to - from;
    int64_t v = subject->phrase->n ? named_value(subject->phrase->field[0], &part) : -1;
    if (v < 0)
        v = filter_number(part.p, part.n);
    if (v < 0 || v > limit_of(subject)) {
        fail_number(p, subject, token);
        return -1;
    }
    return v;
}

/* A number N, or numbers N-M where a comparator does not forbid it. */
static bool take_numbers(struct filter_parser *p, const struct filter_subject *subject,
                         enum filter_token_kind comparator, int64_t *lo, int64_t *hi) {
    struct filter_token token = p->token;
    if (token.kind != TOKEN_WORD)
        return fail_number(p, subject, &token);
    const char *dash = memchr(token.p, '-', token.n);
    size_t head = dash ? (size_t)(dash - token.p) : token.n;
    bool range = dash && comparator == TOKEN_EQ && filter_number(token.p, head) >= 0;
    *lo = value_of(p, subject, &token, 0, range ? head : token.n);
    *hi = range && *lo >= 0 ? value_of(p, subject, &token, head + 1, token.n) : *lo;
    if (*lo < 0 || *hi < 0)
        return false;
    if (*lo > *hi)
        return filter_fail(p, &token, "expected the smaller number first");
    filter_advance(p);
    return true;
}

/* The integers that compare so with lo..hi (the same, unless the comparator is =), none of them
** below least. */
static bool add_compared(struct filter_parser *p, enum filter_token_kind comparator, int64_t least,
                         int64_t lo, int64_t hi, struct filter_values *values) {
    bool none =
        (comparator == TOKEN_LT && lo == least) || (comparator == TOKEN_GT && hi == INT64_MAX);
    if (comparator == TOKEN_LT)
        hi = none ? hi : lo - 1;
    if (comparator == TOKEN_GT)
        lo = none ? lo : hi + 1;
    if (comparator == TOKEN_LT || comparator == TOKEN_LE)
        lo = least;
    if (comparator == TOKEN_GT || comparator == TOKEN_GE)
        hi = INT64_MAX;
    if (none)
        lo = 1, hi = 0;
    return filter_values_range(values, lo, hi) == 0 || filter_fail_memory(p);
}

static bool add_number(struct filter_parser *p, const struct filter_subject *subject,
                       enum filter_token_kind comparator, struct filter_values *values) {
    struct filter_token token = p->token;
    int64_t lo, hi;
    int64_t least = subject->phrase->own ? INT64_MIN : 0;
    bool minus = least && token.kind == TOKEN_WORD && token.n > 1 && *token.p == '-';
    if (minus && (lo = filter_number(token.p + 1, token.n - 1)) >= 0) {
        filter_advance(p);
        return add_compared(p, comparator, least, -lo, -lo, values);
    }
    return take_numbers(p, subject, comparator, &lo, &hi) &&
           add_compared(p, comparator, least, lo, hi, values);
}

/* ---- numbers with a fraction ------------------------------------------------------------ */

double filter_real_from(int64_t v, bool up) {
    double d = (double)v;
    if (d >= 0x1p63)
        return up ? d : nextafter(d, 0);
    if (up ? (int64_t)d < v : (int64_t)d > v)
        d = nextafter(d, up ? INFINITY : -INFINITY);
    return d;
}

/* The numbers that compare so with first..last, as filter_values_compared() has these. */
static bool add_compared_reals(struct filter_parser *p, enum filter_token_kind comparator,
                               double first, double last, struct filter_values *values) {
    bool less = comparator == TOKEN_LT || comparator == TOKEN_LE;
    bool greater = comparator == TOKEN_GT || comparator == TOKEN_GE;
    bool equal = comparator != TOKEN_LT && comparator != TOKEN_GT;
    return filter_values_compared(values, less, equal, greater, first, last) == 0 ||
           filter_fail_memory(p);
}

static bool add_real(struct filter_parser *p, const struct filter_subject *subject,
                     enum filter_token_kind comparator, struct filter_values *values) {
    int64_t first, last;
    if (!take_numbers(p, subject, comparator, &first, &last))
        return false;
    return add_compared_reals(p, comparator, filter_real_from(first, true),
                              filter_real_from(last, false), values);
}

/* Of a column of the site's: any number as C has it. */
static bool add_fraction(struct filter_parser *p, const struct filter_subject *subject,
                         enum filter_token_kind comparator, struct filter_values *values) {
    struct filter_token token = p->token;
    char text[64] = "", *end = text;
    if (token.kind == TOKEN_WORD && token.n < sizeof text)
        memcpy(text, token.p, token.n);
    double v = strtod(text, &end);
    if (!*text || *end || isnan(v))
        return filter_fail(p, &token, "expected a number for %s", subject->name);
    filter_advance(p);
    return add_compared_reals(p, comparator, v, v, values);
}

/* ---- the others ------------------------------------------------------------------------- */

static bool add_mac(struct filter_parser *p, const struct filter_subject *subject,
                    struct filter_values *values) {
    uint64_t mac;
    if (p->token.kind != TOKEN_WORD || flow_mac_parse(p->token.p, p->token.n, &mac) != 0)
        return filter_fail(p, &p->token, "expected a MAC address for %s, as 00:11:22:aa:bb:cc",
                           subject->name);
    filter_advance(p);
    return filter_values_range(values, (int64_t)mac, (int64_t)mac) == 0 || filter_fail_memory(p);
}

/* Four digits are a year, as nfdump reads them. */
static bool read_time(const struct filter_parser *p, const struct filter_token *token,
                      int64_t *ms) {
    char year[] = "YYYY-01-01", err[512];
    struct window_value value = {WINDOW_TEXT, 0, 0, token->p, token->n};
    struct window w;
    size_t digits = 0;
    while (digits < token->n && token->p[digits] >= '0' && token->p[digits] <= '9')
        digits++;
    if (digits == 4 && token->n == 4) {
        memcpy(year, token->p, 4);
        value.text = year;
        value.n = sizeof year - 1;
    }
    if (window_parse(&value, NULL, p->now_ms, &w, err, sizeof err) != 0)
        return false;
    *ms = w.since;
    return true;
}

static bool add_time(struct filter_parser *p, const struct filter_subject *subject,
                     enum filter_token_kind comparator, struct filter_values *values) {
    struct filter_token token = p->token;
    int64_t ms;
    if ((token.kind != TOKEN_WORD && token.kind != TOKEN_QUOTED) || !read_time(p, &token, &ms))
        return filter_fail(p, &token,
                           "expected a time for %s: 2014-12-04T12:30:00, 2014/12/04.12:30, "
                           "'2014-12-04 12:30'",
                           subject->name);
    filter_advance(p);
    return add_compared(p, comparator, INT64_MIN, ms, ms, values);
}

static bool add_text(struct filter_parser *p, const struct filter_subject *subject,
                     struct filter_values *values) {
    struct filter_token token = p->token;
    if (token.kind != TOKEN_WORD && token.kind != TOKEN_QUOTED)
        return filter_fail(p, &token, "expected a text for %s, in quotes if it is more than a word",
                           subject->name);
    filter_advance(p);
    return filter_values_text(values, token.p, token.n) == 0 || filter_fail_memory(p);
}

/* The prefix length of a netmask, or -1 if its ones are not all in front. */
static int mask_length(const struct flow_ip *mask) {
    int length = 0;
    while (length < 32 && (mask->addr[length / 8] >> (7 - length % 8) & 1))
        length++;
    struct flow_ip same = flow_ip_mask(mask, (unsigned)length);
    return flow_ip_cmp(mask, &same) == 0 ? length : -1;
}

/* "network netmask": the parser is at the netmask. */
static bool take_mask(struct filter_parser *p, struct flow_ip *lo, struct flow_ip *hi) {
    struct flow_ip mask;
    if (lo->family != 4 || p->token.kind != TOKEN_WORD ||
        flow_ip_parse(p->token.p, p->token.n, &mask) != 0 || mask.family != 4)
        return filter_fail(p, &p->token, "expected the length of the network, as in %s",
                           lo->family == 4 ? "10.0.0.0/8, or its netmask, as in 10.0.0.0 255.0.0.0"
                                           : "2001:db8::/32");
    int length = mask_length(&mask);
    if (length < 0)
        return filter_fail(p, &p->token, "expected a netmask, whose ones are all in front");
    filter_advance(p);
    *lo = flow_ip_mask(lo, (unsigned)length);
    *hi = *lo;
    for (int i = 0; i < 4; i++)
        hi->addr[i] |= (uint8_t)~mask.addr[i];
    return true;
}

/* An address; a network; an address and a netmask. Which of them is told by network and list. */
static bool add_net(struct filter_parser *p, bool network, bool list,
                    struct filter_values *values) {
    struct filter_token token = p->token;
    struct flow_ip lo, hi;
    bool word = token.kind == TOKEN_WORD;
    bool slash = word && memchr(token.p, '/', token.n);
    if (!word || flow_net_parse(token.p, token.n, &lo, &hi) != 0)
        return filter_fail(p, &token, "expected %s",
                           network || slash
                               ? "a network: 192.168.1.0/24, 10/8, 2001:db8::/32"
                               : "an address: 192.0.2.1, 2001:db8::1; names are not looked up");
    filter_advance(p);
    if (network && !list && !slash && !take_mask(p, &lo, &hi))
        return false;
    return filter_values_net(values, &lo, &hi) == 0 || filter_fail_memory(p);
}

bool filter_is_country(const struct filter_token *token) {
    bool word = token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED ||
                (token->kind >= TOKEN_LT && token->kind <= TOKEN_GE);
    return word && token->n == 2 && isalpha((unsigned char)token->p[0]) &&
           isalpha((unsigned char)token->p[1]);
}

/* Its networks are looked up when all countries are known. */
static bool add_country(struct filter_parser *p, struct filter_values *values) {
    struct filter_token token = p->token;
    if (!filter_is_country(&token))
        return filter_fail(p, &token, "expected a country, by its two letters in ISO 3166");
    filter_advance(p);
    return filter_values_text(values, token.p, token.n) == 0 || filter_fail_memory(p);
}

/* Countries to networks. at: where the first one stands. */
static bool find_countries(struct filter_parser *p, const struct filter_token *at,
                           struct filter_values *values) {
    char err[512];
    const char *why = geo_networks(p->geodb, values, err, sizeof err);
    return !why || filter_fail(p, at, "%s", why);
}

/* ---- by what is compared ---------------------------------------------------------------- */

/* Is octets p[0..n) a word that tells fields apart, and so no part of the name of several? */
static bool is_direction(const char *p, size_t n) {
    struct filter_token word = {.kind = TOKEN_WORD, .p = p, .n = n};
    return filter_is_direction(&word);
}

/* The spelling without src, dst, in, ... */
static void undirected(char *out, size_t size, const char *spelling) {
    size_t at = 0;
    *out = '\0';
    for (const char *word = spelling; *word; word += strspn(word, " ")) {
        size_t n = strcspn(word, " ");
        if (!is_direction(word, n))
            at += (size_t)snprintf(out + at, size - at, "%s%.*s", at ? " " : "", (int)n, word);
        word += n;
    }
}

struct filter_subject filter_subject_of(const struct filter_phrase *phrase) {
    struct filter_subject s = {phrase, ""};
    const char *name = "ttl";
    if (phrase->own) {
        name = phrase->own->name;
    } else if (phrase->n) {
        const struct flow_field_def *def = &flow_fields[phrase->field[0]];
        name = *def->filter ? def->filter : def->name;
    } else {
        static const char *const names[] = {[COMPUTED_pps] = "pps",
                                            [COMPUTED_bps] = "bps",
                                            [COMPUTED_bpp] = "bpp",
                                            [COMPUTED_dscp] = "dscp",
                                            [COMPUTED_milliseconds] = "duration (milliseconds)",
                                            [COMPUTED_hops] = "ttl",
                                            [COMPUTED_client_ms] = "client latency (milliseconds)",
                                            [COMPUTED_server_ms] = "server latency (milliseconds)",
                                            [COMPUTED_app_ms] = "app latency (milliseconds)",
                                            [COMPUTED_sysid] = "exporter id",
                                            [COMPUTED_count] = "count"};
        name = names[phrase->computed];
    }
    if (phrase->n > 1)
        undirected(s.name, sizeof s.name, name);
    else
        snprintf(s.name, sizeof s.name, "%s", name);
    return s;
}

enum flow_class filter_phrase_class(const struct filter_phrase *phrase) {
    static const enum flow_class classes[] = {
        [OWN_MAC] = FLOW_MAC,   [OWN_IP] = FLOW_IP,        [OWN_TIME] = FLOW_TIME,
        [OWN_TEXT] = FLOW_TEXT, [OWN_INTEGER] = FLOW_UINT, [OWN_REAL] = FLOW_UINT};
    if (phrase->own)
        return classes[own_type_kind(phrase->own->type)];
    return phrase->n ? flow_fields[phrase->field[0]].class : FLOW_UINT;
}

/* Is what is compared a number with a fraction? */
static bool filter_phrase_is_real(const struct filter_phrase *phrase) {
    return phrase->own ? own_type_kind(phrase->own->type) == OWN_REAL : phrase->n == 0;
}

static bool add(struct filter_parser *p, const struct filter_subject *subject,
                enum filter_token_kind comparator, bool list, struct filter_values *values) {
    if (subject->phrase->own && filter_phrase_is_real(subject->phrase))
        return add_fraction(p, subject, comparator, values);
    if (filter_phrase_is_real(subject->phrase))
        return add_real(p, subject, comparator, values);
    switch (filter_phrase_class(subject->phrase)) {
    case FLOW_IP:
        return subject->phrase->spelling == FILTER_COUNTRY
                   ? add_country(p, values)
                   : add_net(p, subject->phrase->spelling == FILTER_NETWORK, list, values);
    case FLOW_MAC:
        return add_mac(p, subject, values);
    case FLOW_TEXT:
        return add_text(p, subject, values);
    case FLOW_TIME:
        return add_time(p, subject, comparator, values);
    case FLOW_UINT:
        break;
    }
    return add_number(p, subject, comparator, values);
}

bool filter_add_value(struct filter_parser *p, const struct filter_subject *subject,
                      enum filter_token_kind comparator, struct filter_values *values) {
    struct filter_token at = p->token;
    return add(p, subject, comparator, false, values) &&
           (subject->phrase->spelling != FILTER_COUNTRY || find_countries(p, &at, values));
}

bool filter_add_list(struct filter_parser *p, const struct filter_subject *subject,
                     struct filter_values *values) {
    struct filter_token at = p->token;
    if (!filter_take(p, TOKEN_LIST))
        return filter_fail(p, &p->token, "expected a list: [ ... ]");
    do {
        if (!add(p, subject, TOKEN_EQ, true, values))
            return false;
        filter_take(p, TOKEN_COMMA);
    } while (!filter_take(p, TOKEN_LIST_END));
    return subject->phrase->spelling != FILTER_COUNTRY || find_countries(p, &at, values);
}
