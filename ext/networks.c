/* SPDX-License-Identifier: MIT */
/*
** Reading networks into a structure for look-ups, where each network has what it inherits from those that it lies in.
*/
#include "networks.h"

#include <stdbool.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "geo_lookup.h"
#include "prefixes.h"
#include "site_table.h"
#include "texts.h"

SQLITE_EXTENSION_INIT3

enum { CIDR, NAME, ZONE, ASN, COUNTRY };

static const struct site_table table = {.name = "networks",
                                        .columns = {"cidr", "name", "zone", "asn", "country"}};

/* Addresses that do not leave a site: of IANA's special-purpose registries (RFC 6890 and its updates), and multicast. Those
** for documentation are not among them, since captures that are shown around have them for the rest of the world. */
static const char *const local_nets[] = {
    "0.0.0.0/8",      /* this network, RFC 791 */
    "10.0.0.0/8",     /* private, RFC 1918 */
    "100.64.0.0/10",  /* behind a carrier's NAT, RFC 6598 */
    "127.0.0.0/8",    /* loopback, RFC 1122 */
    "169.254.0.0/16", /* link-local, RFC 3927 */
    "172.16.0.0/12",  /* private */
    "192.168.0.0/16", /* private */
    "224.0.0.0/3",    /* multicast RFC 5771, reserved RFC 1112, broadcast */
    "::/127",         /* unspecified and loopback, RFC 4291 */
    "fc00::/7",       /* unique local, RFC 4193 */
    "fe80::/10",      /* link-local, RFC 4291 */
    "ff00::/8",       /* multicast, RFC 4291 */
};
enum { NLOCAL = sizeof local_nets / sizeof *local_nets };

struct network {
    const char *name, *zone, *country; /* NULL: none */
    int64_t asn;                       /* 0: none */
};

struct networks {
    struct site_table table;
    struct texts texts;
    struct prefix_list list;
    struct network *network; /* while they are read by row, then what prefixes finds */
    struct prefixes *prefixes;
    char *own; /* the site's country, or NULL */
    struct geo_lookup *geo;
};

/* ---- reading ---------------------------------------------------------------------------- */

static bool add(struct networks *n, const struct flow_ip *ip, unsigned length,
                const struct network *network) {
    uint32_t count = n->list.n;
    if ((count & (count - 1)) == 0) { /* a power of two: full, or empty */
        struct network *more = realloc(n->network, (count ? (size_t)count * 2 : 1) * sizeof *more);
        if (!more)
            return false;
        n->network = more;
    }
    n->network[count] = *network;
    return prefix_list_add(&n->list, ip, length);
}

static int read_row(struct networks *n, sqlite3_stmt *stmt, char **message) {
    const char *cidr = (const char *)sqlite3_column_text(stmt, CIDR);
    struct network row = {NULL, NULL, NULL, sqlite3_column_int64(stmt, ASN)};
    struct flow_ip ip;
    unsigned length;
    if (!cidr || flow_net_split(cidr, (size_t)sqlite3_column_bytes(stmt, CIDR), &ip, &length)) {
        *message = sqlite3_mprintf(
            "networks: cidr '%s' is no network: write 192.0.2.0/24 or 2001:db8::/32",
            cidr ? cidr : "");
        return SQLITE_ERROR;
    }
    return texts_column(&n->texts, stmt, NAME, &row.name) &&
                   texts_column(&n->texts, stmt, ZONE, &row.zone) &&
                   texts_column(&n->texts, stmt, COUNTRY, &row.country) && add(n, &ip, length, &row)
               ? SQLITE_OK
               : SQLITE_NOMEM;
}

static int read_rows(sqlite3 *db, struct networks *n, char **message) {
    sqlite3_stmt *stmt;
    int rc = site_table_rows(db, &n->table, &stmt, message);
    while (rc == SQLITE_OK && stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = read_row(n, stmt, message);
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int add_defaults(struct networks *n) {
    for (size_t i = 0; i < NLOCAL; i++) {
        static const struct network local = {.zone = "local"};
        struct flow_ip ip;
        unsigned length;
        if (flow_net_split(local_nets[i], strlen(local_nets[i]), &ip, &length) != 0 ||
            !add(n, &ip, length, &local))
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

/* What a network does not say it has from the larger one; of equal ones, the first from the one behind it, which are the
** defaults. */
static void inherit(struct network *to, const struct network *from) {
    to->name = to->name ? to->name : from->name;
    to->zone = to->zone ? to->zone : from->zone;
    to->country = to->country ? to->country : from->country;
    to->asn = to->asn ? to->asn : from->asn;
}

/* By place in prefix[], what each network has. */
static void settle_rows(const struct networks *n, struct network *ordered) {
    for (uint32_t i = 0; i < n->list.n; i++)
        ordered[i] = n->network[n->list.prefix[i].row];
    for (uint32_t i = n->list.n - 1; i-- > 0;)
        if (prefix_is_same(&n->list.prefix[i], &n->list.prefix[i + 1]))
            inherit(&ordered[i], &ordered[i + 1]);
    for (uint32_t i = 0; i < n->list.n; i++)
        if (n->list.prefix[i].parent != PREFIX_NONE)
            inherit(&ordered[i], &ordered[n->list.prefix[i].parent]);
}

/* Many networks are alike, as those of a country: keep each kind once, in network[], to[place] being its number. */
static bool join_alike(struct networks *n, const struct network *ordered, uint32_t *to) {
    uint32_t room = 16, kinds = 0;
    while (room < n->list.n * 2)
        room *= 2;
    uint32_t *slot = malloc(room * sizeof *slot);
    if (!slot)
        return false;
    memset(slot, 0xff, room * sizeof *slot);
    for (uint32_t i = 0; i < n->list.n; i++) {
        uint32_t at = (uint32_t)XXH3_64bits(&ordered[i], sizeof *ordered) & (room - 1);
        while (slot[at] != PREFIX_NONE &&
               memcmp(&n->network[slot[at]], &ordered[i], sizeof *ordered) != 0)
            at = (at + 1) & (room - 1);
        if (slot[at] == PREFIX_NONE) {
            slot[at] = kinds;
            n->network[kinds++] = ordered[i];
        }
        to[i] = slot[at];
    }
    free(slot);
    return true;
}

static int settle(struct networks *n) {
    n->prefixes = prefixes_new(n->list.prefix, n->list.n);
    struct network *ordered = malloc(n->list.n * sizeof *ordered);
    uint32_t *to = malloc(n->list.n * sizeof *to);
    bool ok = n->prefixes && ordered && to;
    if (ok) {
        settle_rows(n, ordered);
        ok = join_alike(n, ordered, to) && prefixes_map(n->prefixes, to);
    }
    free(to);
    free(ordered);
    prefix_list_clear(&n->list); /* all of it is in prefixes now */
    return ok ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- settings --------------------------------------------------------------------------- */

/* A setting, else a variable of the environment (NULL: none); *value may be NULL. */
static int read_setting(sqlite3 *db, const struct site_table *t, const char *name,
                        const char *variable, char **value) {
    int rc = site_setting(db, t->database, name, value);
    const char *set = variable ? getenv(variable) : NULL;
    if (rc != SQLITE_OK || *value || !set || !*set)
        return rc;
    *value = sqlite3_mprintf("%s", set);
    return *value ? SQLITE_OK : SQLITE_NOMEM;
}

static int read_settings(sqlite3 *db, struct networks *n, char **message) {
    char *geodb = NULL, *asndb = NULL, err[GEO_ERROR];
    sqlite3_free(n->own);
    n->own = NULL;
    int rc = read_setting(db, &n->table, "country", NULL, &n->own);
    if (rc == SQLITE_OK)
        rc = read_setting(db, &n->table, "geodb", "FLOWVT_GEODB", &geodb);
    if (rc == SQLITE_OK)
        rc = read_setting(db, &n->table, "asndb", "FLOWVT_ASNDB", &asndb);
    if (rc == SQLITE_OK && !geo_lookup_is(n->geo, geodb, asndb)) {
        geo_lookup_close(n->geo);
        n->geo = NULL;
        if (!geo_lookup_open(geodb, asndb, &n->geo, err)) {
            *message = sqlite3_mprintf("%s", err);
            rc = SQLITE_ERROR;
        }
    }
    sqlite3_free(geodb);
    sqlite3_free(asndb);
    return rc;
}

static int build(sqlite3 *db, struct networks *n, char **message) {
    int rc = read_rows(db, n, message);
    if (rc == SQLITE_OK)
        rc = add_defaults(n);
    return rc == SQLITE_OK ? settle(n) : rc;
}

/* ---- all of it -------------------------------------------------------------------------- */

static void clear_rows(struct networks *n) {
    texts_free(&n->texts);
    prefixes_free(n->prefixes);
    prefix_list_clear(&n->list);
    free(n->network);
    n->prefixes = NULL;
    n->network = NULL;
}

struct networks *networks_new(void) {
    struct networks *n = calloc(1, sizeof *n);
    if (n)
        n->table = table;
    return n;
}

int networks_refresh(sqlite3 *db, const char *near, struct networks *n, char **message) {
    bool fresh;
    n->table.near = near;
    int rc = site_table_look(db, &n->table, &fresh, message);
    if (rc == SQLITE_OK && !fresh) {
        clear_rows(n);
        rc = build(db, n, message);
    }
    if (rc == SQLITE_OK)
        rc = read_settings(db, n, message);
    if (rc != SQLITE_OK)
        site_table_clear(&n->table);
    return rc;
}

void networks_free(struct networks *n) {
    if (!n)
        return;
    site_table_clear(&n->table);
    clear_rows(n);
    geo_lookup_close(n->geo);
    sqlite3_free(n->own);
    free(n);
}

/* ---- answers ---------------------------------------------------------------------------- */

static const struct network *network_of(const struct networks *n, uint32_t kind) {
    static const struct network none;
    return kind == PREFIX_NONE ? &none : &n->network[kind];
}

static const struct network *find(const struct networks *n, const struct flow_ip *ip) {
    return network_of(n, prefixes_find(n->prefixes, ip));
}

static void give(sqlite3_context *ctx, const char *text) {
    if (text)
        sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static bool country_of(struct networks *n, const struct network *network, const struct flow_ip *ip,
                       const char **country, char *err) {
    char own[GEO_ERROR];
    *country = network->country;
    return *country || geo_lookup_country(n->geo, ip, country, err ? err : own);
}

bool networks_zone_of(struct networks *n, const struct flow_ip *ip, struct flow_ip *last,
                      const char **zone, char *err) {
    const struct network *network = network_of(n, last ? prefixes_stretch(n->prefixes, ip, last)
                                                       : prefixes_find(n->prefixes, ip));
    const char *country = NULL;
    *zone = network->zone ? network->zone : "international";
    if (network->zone || !n->own)
        return true;
    if (last)
        *last = *ip; /* of the next one the country may be another */
    if (!country_of(n, network, ip, &country, err))
        return false;
    if (country && sqlite3_stricmp(country, n->own) == 0)
        *zone = "domestic";
    return true;
}

void networks_zone(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip) {
    const char *zone;
    char err[GEO_ERROR];
    if (networks_zone_of(n, ip, NULL, &zone, err))
        give(ctx, zone);
    else
        sqlite3_result_error(ctx, err, -1);
}

void networks_name(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip) {
    give(ctx, find(n, ip)->name);
}

void networks_country(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip) {
    const char *country;
    char err[GEO_ERROR];
    if (country_of(n, find(n, ip), ip, &country, err))
        give(ctx, country);
    else
        sqlite3_result_error(ctx, err, -1);
}

void networks_asn(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip) {
    const struct network *network = find(n, ip);
    char err[GEO_ERROR];
    uint32_t asn;
    if (network->asn)
        sqlite3_result_int64(ctx, network->asn);
    else if (!geo_lookup_asn(n->geo, ip, &asn, err))
        sqlite3_result_error(ctx, err, -1);
    else if (asn)
        sqlite3_result_int64(ctx, asn);
}
