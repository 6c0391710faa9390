/* SPDX-License-Identifier: MIT */
/*
** The SQL functions listed in functions.h, and the table that registers them.
*/
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3

#include "functions.h"
#include "pattern.h"

#include <lz4.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <xxhash.h>

#include "../schema/mpls.h"
#include "../schema/value.h"
#include "protocols.h"
#include "vtab.h"

/* The address in a value. Returns 0, or -1 if it is none (NULL, for one). */
static int address_of(sqlite3_value *value, struct flow_ip *ip) {
    const char *text = (const char *)sqlite3_value_text(value);
    return text ? flow_ip_parse(text, (size_t)sqlite3_value_bytes(value), ip) : -1;
}

/* ---- addresses -------------------------------------------------------------------------- */

struct net {
    struct flow_ip first, last;
};

/* The network in argument 1, parsed once a statement where it is a constant. NULL after an
** error. local keeps it for this call. */
static const struct net *net_argument(sqlite3_context *ctx, sqlite3_value *value,
                                      struct net *local) {
    const struct net *kept = sqlite3_get_auxdata(ctx, 1);
    if (kept)
        return kept;
    const char *text = (const char *)sqlite3_value_text(value);
    size_t n = (size_t)sqlite3_value_bytes(value);
    if (!text || flow_net_parse(text, n, &local->first, &local->last) != 0) {
        result_failure(
            ctx, "ip_in: '%s' is no network: give '192.168.1.0/24', '2001:db8::/32' or one address",
            text ? text : "");
        return NULL;
    }
    struct net *copy = sqlite3_malloc(sizeof *copy);
    if (copy) {
        *copy = *local;
        sqlite3_set_auxdata(ctx, 1, copy, sqlite3_free);
    }
    return local;
}

void functions_ip_in(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    struct flow_ip ip;
    struct net local;
    if (value_is_null(argv[0]) || value_is_null(argv[1]))
        return;
    const struct net *net = net_argument(ctx, argv[1], &local);
    if (!net)
        return;
    int in = address_of(argv[0], &ip) == 0 && flow_ip_cmp(&ip, &net->first) >= 0 &&
             flow_ip_cmp(&ip, &net->last) <= 0;
    sqlite3_result_int(ctx, in);
}

void functions_match(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    struct flow_ip ip, first, last;
    const char *list = (const char *)sqlite3_value_text(argv[0]);
    if (!list || value_is_null(argv[1]))
        return;
    if (address_of(argv[1], &ip) != 0) {
        result_failure(ctx,
                       "MATCH: '%s' is no address: it is for columns of addresses, and for filter",
                       (const char *)sqlite3_value_text(argv[1]));
        return;
    }
    int more, in = 0;
    while ((more = pattern_next_net(&list, &first, &last)) > 0)
        in |= flow_ip_cmp(&ip, &first) >= 0 && flow_ip_cmp(&ip, &last) <= 0;
    if (more < 0)
        result_failure(ctx, "MATCH: '%s' is no list of networks: " PATTERN_NETS, list);
    else
        sqlite3_result_int(ctx, in);
}

/* A prefix length up to limit, or -1 after an error. */
static int length_argument(sqlite3_context *ctx, sqlite3_value *value, int limit) {
    sqlite3_int64 length = sqlite3_value_int64(value);
    if (sqlite3_value_numeric_type(value) == SQLITE_INTEGER && length >= 0 && length <= limit)
        return (int)length;
    const char *text = (const char *)sqlite3_value_text(value);
    result_failure(ctx, "ip_net: '%s' is no prefix length: give 0 to %d for %s", text ? text : "",
                   limit, limit == 32 ? "IPv4" : "IPv6");
    return -1;
}

static void ip_net(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    enum { DEFAULT_LEN6 = 64 };
    struct flow_ip ip;
    if (address_of(argv[0], &ip) != 0 || value_is_null(argv[1]) ||
        (argc > 2 && value_is_null(argv[2])))
        return;
    int length4 = length_argument(ctx, argv[1], 32);
    int length6 = argc > 2 && length4 >= 0 ? length_argument(ctx, argv[2], 128) : DEFAULT_LEN6;
    if (length4 < 0 || length6 < 0)
        return;
    char text[FLOW_IP_TEXT + sizeof "/128"];
    int length = ip.family == 4 ? length4 : length6;
    ip = flow_ip_mask(&ip, (unsigned)length);
    size_t n = flow_ip_text(&ip, text);
    sqlite3_snprintf((int)(sizeof text - n), text + n, "/%d", length);
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

enum net_kind { NET_NONE, NET_BITS_BEHIND, NET_GOOD };

/* The address or network in a value, as text that is the same for all spellings of it. Of one that has bits
** behind its length, the network that it lies in. */
static enum net_kind canonical_net(sqlite3_value *value, char out[FLOW_NET_TEXT]) {
    struct flow_ip ip, net;
    unsigned length;
    const char *text = (const char *)sqlite3_value_text(value);
    if (!text || flow_net_split(text, (size_t)sqlite3_value_bytes(value), &ip, &length) != 0)
        return NET_NONE;
    if (length == (ip.family == 4 ? 32 : 128))
        flow_ip_text(&ip, out);
    else
        flow_net_text(&ip, length, out);
    net = flow_ip_mask(&ip, length);
    return flow_ip_cmp(&ip, &net) == 0 ? NET_GOOD : NET_BITS_BEHIND;
}

static void ip_canonical(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    char text[FLOW_NET_TEXT];
    if (canonical_net(argv[0], text) == NET_GOOD)
        sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static void ip_fault(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    char text[FLOW_NET_TEXT], *fault;
    enum net_kind kind = canonical_net(argv[0], text);
    const char *given = (const char *)sqlite3_value_text(argv[0]);
    if (kind == NET_GOOD)
        return;
    if (kind == NET_NONE)
        fault = sqlite3_mprintf("'%s' is no address or network: write 192.0.2.1, 192.0.2.0/24, "
                                "2001:db8::1 or 2001:db8::/32",
                                given ? given : "");
    else
        fault = sqlite3_mprintf("'%s' has bits of a host behind its length: write %s", given, text);
    if (fault)
        sqlite3_result_text(ctx, fault, -1, sqlite3_free);
    else
        sqlite3_result_error_nomem(ctx);
}

static void mac_canonical(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    char out[FLOW_MAC_TEXT];
    uint64_t mac;
    const char *text = (const char *)sqlite3_value_text(argv[0]);
    if (text && flow_mac_parse(text, (size_t)sqlite3_value_bytes(argv[0]), &mac) == 0)
        sqlite3_result_text(ctx, out, (int)flow_mac_text(mac, out), SQLITE_TRANSIENT);
}

static void refuse(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    if (value_is_null(argv[0]))
        return;
    result_failure(ctx, "%s", sqlite3_value_text(argv[0]));
    sqlite3_result_error_code(ctx, SQLITE_CONSTRAINT);
}

static void ip_version(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    struct flow_ip ip;
    if (address_of(argv[0], &ip) == 0)
        sqlite3_result_int(ctx, ip.family);
}

/* COLLATE ip. What is no address comes behind all addresses, in the order of its octets. */
static int collate_ip(void *unused, int an, const void *a, int bn, const void *b) {
    (void)unused;
    struct flow_ip x, y;
    bool xis = flow_ip_parse(a, (size_t)an, &x) == 0, yis = flow_ip_parse(b, (size_t)bn, &y) == 0;
    if (xis && yis)
        return flow_ip_cmp(&x, &y);
    if (xis != yis)
        return xis ? -1 : 1;
    int order = memcmp(a, b, (size_t)(an < bn ? an : bn));
    return order ? order : (an > bn) - (an < bn);
}

/* ---- protocols and flags ---------------------------------------------------------------- */

/* mpls_label(mpls, n), mpls_exp(mpls, n): of the n-th label from the top. */
static void mpls_part(sqlite3_context *ctx, sqlite3_value **argv, unsigned shift, uint32_t mask) {
    uint32_t entry[MPLS_LABELS];
    const char *text = (const char *)sqlite3_value_text(argv[0]);
    unsigned count = text ? mpls_read(text, (size_t)sqlite3_value_bytes(argv[0]), entry) : 0;
    sqlite3_int64 n = sqlite3_value_int64(argv[1]);
    if (n >= 1 && n <= count)
        sqlite3_result_int64(ctx, entry[n - 1] >> shift & mask);
}

static void mpls_label(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    mpls_part(ctx, argv, 4, 0xfffff);
}

static void mpls_exp(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    mpls_part(ctx, argv, 1, 7);
}

static void proto_name(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    const char *name = NULL;
    if (sqlite3_value_numeric_type(argv[0]) == SQLITE_INTEGER)
        name = protocols_name(sqlite3_value_int64(argv[0]));
    if (name)
        sqlite3_result_text(ctx, name, -1, SQLITE_STATIC);
    else if (!value_is_null(argv[0]))
        sqlite3_result_text(ctx, (const char *)sqlite3_value_text(argv[0]), -1, SQLITE_TRANSIENT);
}

static void proto_num(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    if (sqlite3_value_numeric_type(argv[0]) == SQLITE_INTEGER) {
        sqlite3_result_int64(ctx, sqlite3_value_int64(argv[0]));
        return;
    }
    const char *name = (const char *)sqlite3_value_text(argv[0]);
    int n = name ? protocols_number(name, (size_t)sqlite3_value_bytes(argv[0])) : -1;
    if (n >= 0)
        sqlite3_result_int(ctx, n);
}

static void tcp_flags(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    static const char letters[] = "CEUAPRSF";
    char text[] = "........";
    if (value_is_null(argv[0]))
        return;
    sqlite3_int64 flags = sqlite3_value_int64(argv[0]);
    for (int i = 0; i < 8; i++)
        if (flags >> (7 - i) & 1)
            text[i] = letters[i];
    sqlite3_result_text(ctx, text, 8, SQLITE_TRANSIENT);
}

struct flags_or {
    sqlite3_int64 flags;
    bool any;
};

static void flags_or_step(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    if (value_is_null(argv[0]))
        return;
    struct flags_or *sum = sqlite3_aggregate_context(ctx, sizeof *sum);
    if (!sum) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    sum->flags |= sqlite3_value_int64(argv[0]);
    sum->any = true;
}

static void flags_or_final(sqlite3_context *ctx) {
    const struct flags_or *sum = sqlite3_aggregate_context(ctx, 0);
    if (sum && sum->any)
        sqlite3_result_int64(ctx, sum->flags);
}

/* ---- numbers for people ----------------------------------------------------------------- */

static void human(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    static const char units[] = " kMGT";
    int type = sqlite3_value_numeric_type(argv[0]);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        return;
    double v = sqlite3_value_double(argv[0]);
    int unit = 0;
    /* 999.95 would be rounded to 1000.0 of its unit; whole numbers have no decimals */
    while (units[unit + 1] && fabs(v) >= (unit || type == SQLITE_FLOAT ? 999.95 : 1000)) {
        v /= 1000;
        unit++;
    }
    char text[400]; /* 1e308 in T and its sign */
    if (unit)
        sqlite3_snprintf(sizeof text, text, "%.1f %c", v, units[unit]);
    else
        sqlite3_snprintf(sizeof text, text, type == SQLITE_INTEGER ? "%.0f" : "%.1f", v);
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

/* ---- about the extension ---------------------------------------------------------------- */

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static void version(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    (void)argv;
    sqlite3_result_text(ctx, FLOWVT_VERSION, -1, SQLITE_STATIC);
}

static void debug(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    (void)argv;
    char *text = sqlite3_mprintf("flowvt: %s\n"
                                 "compiler: %s\n"
                                 "sqlite: %s (built with %s)\n"
                                 "lz4: %s\n"
                                 "xxhash: %d.%d.%d",
                                 FLOWVT_VERSION, COMPILER, sqlite3_libversion(), SQLITE_VERSION,
                                 LZ4_versionString(), XXH_VERSION_MAJOR, XXH_VERSION_MINOR,
                                 XXH_VERSION_RELEASE);
    if (text)
        sqlite3_result_text(ctx, text, -1, sqlite3_free);
    else
        sqlite3_result_error_nomem(ctx);
}

/* ---- registration ----------------------------------------------------------------------- */

/* What is no constant is not worked out before it is needed, so refuse() is none. */
enum {
    PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
    ABOUT = SQLITE_UTF8 | SQLITE_INNOCUOUS
};

static const struct {
    const char *name;
    int args, flags;
    void (*scalar)(sqlite3_context *, int, sqlite3_value **);
    void (*step)(sqlite3_context *, int, sqlite3_value **);
    void (*final)(sqlite3_context *);
} functions[] = {
    {"ip_in", 2, PURE, functions_ip_in, NULL, NULL},
    {"ip_net", 2, PURE, ip_net, NULL, NULL},
    {"ip_net", 3, PURE, ip_net, NULL, NULL},
    {"ip_version", 1, PURE, ip_version, NULL, NULL},
    {"ip_canonical", 1, PURE, ip_canonical, NULL, NULL},
    {"ip_fault", 1, PURE, ip_fault, NULL, NULL},
    {"mac_canonical", 1, PURE, mac_canonical, NULL, NULL},
    {"refuse", 1, ABOUT, refuse, NULL, NULL},
    {"proto_name", 1, PURE, proto_name, NULL, NULL},
    {"proto_num", 1, PURE, proto_num, NULL, NULL},
    {"mpls_label", 2, PURE, mpls_label, NULL, NULL},
    {"mpls_exp", 2, PURE, mpls_exp, NULL, NULL},
    {"tcp_flags", 1, PURE, tcp_flags, NULL, NULL},
    {"human", 1, PURE, human, NULL, NULL},
    {"flags_or", 1, PURE, NULL, flags_or_step, flags_or_final},
    {"flowvt_version", 0, ABOUT, version, NULL, NULL},
    {"flowvt_debug", 0, ABOUT, debug, NULL, NULL},
};
enum { NFUNCTIONS = sizeof functions / sizeof *functions };

int functions_register(sqlite3 *db) {
    int rc = SQLITE_OK;
    for (int i = 0; i < NFUNCTIONS && rc == SQLITE_OK; i++)
        rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].args,
                                        functions[i].flags, NULL, functions[i].scalar,
                                        functions[i].step, functions[i].final, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_collation_v2(db, "ip", SQLITE_UTF8, NULL, collate_ip, NULL);
    return rc;
}
