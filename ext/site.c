/* SPDX-License-Identifier: MIT */
/*
** The functions of site.h.
**
** What they know belongs to the connection. In each statement the first call looks whether tables have changed; that
** it was, the statement remembers as auxiliary data under a number below 0, which SQLite keeps until the statement is
** reset. (SQLite's own functions of dates and JSON keep theirs so; a version that did not would be slower, and right.)
*/
#include "site.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "../schema/clock.h"
#include "hosts.h"
#include "networks.h"
#include "services.h"
#include "window.h"

SQLITE_EXTENSION_INIT3

enum part { NETWORKS, HOSTS, SERVICES, PARTS };

enum { FRESH = -1718383726 }; /* and the parts behind it: numbers of auxiliary data */

struct site {
    uint32_t users; /* functions */
    bool known[PARTS];
    bool busy;   /* reading a table, whose columns may call the functions */
    int64_t now; /* ms, of the statement that looked last */
    struct networks *networks;
    struct hosts *hosts;
    struct services *services;
};

static int refresh(sqlite3 *db, struct site *site, enum part part, char **message) {
    switch (part) {
    case NETWORKS:
        return networks_refresh(db, NULL, site->networks, message);
    case HOSTS:
        site->now = clock_ms(CLOCK_REALTIME);
        return hosts_refresh(db, site->hosts, message);
    default:
        return services_refresh(db, NULL, site->services, message);
    }
}

/* The site as the statement sees it, NULL after an error. */
static struct site *site_of(sqlite3_context *ctx, enum part part) {
    struct site *site = sqlite3_get_auxdata(ctx, FRESH + (int)part);
    if (site && site->known[part]) /* another statement may have failed since */
        return site;
    sqlite3 *db = sqlite3_context_db_handle(ctx);
    char *message = NULL;
    site = sqlite3_user_data(ctx);
    if (site->busy) {
        sqlite3_result_error(ctx,
                             "a table of the site is made of what the site's functions say of it: "
                             "write values there",
                             -1);
        return NULL;
    }
    site->busy = true;
    int rc = refresh(db, site, part, &message);
    site->busy = false;
    site->known[part] = rc == SQLITE_OK;
    if (rc == SQLITE_OK) {
        sqlite3_set_auxdata(ctx, FRESH + (int)part, site, NULL);
        return site;
    }
    if (rc == SQLITE_NOMEM)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_error(ctx, message ? message : sqlite3_errmsg(db), -1);
    sqlite3_free(message);
    return NULL;
}

static bool address_of(sqlite3_value *value, struct flow_ip *ip) {
    const char *text = (const char *)sqlite3_value_text(value);
    return text && flow_ip_parse(text, (size_t)sqlite3_value_bytes(value), ip) == 0;
}

/* ---- networks --------------------------------------------------------------------------- */

static void of_network(sqlite3_context *ctx, sqlite3_value *value,
                       void (*answer)(sqlite3_context *, struct networks *,
                                      const struct flow_ip *)) {
    struct site *site = site_of(ctx, NETWORKS);
    struct flow_ip ip;
    if (site && address_of(value, &ip))
        answer(ctx, site->networks, &ip);
}

static void zone(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    of_network(ctx, argv[0], networks_zone);
}

static void network(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    of_network(ctx, argv[0], networks_name);
}

static void country(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    of_network(ctx, argv[0], networks_country);
}

static void asn(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    of_network(ctx, argv[0], networks_asn);
}

/* ---- hosts ------------------------------------------------------------------------------ */

static int two_digits(const char *p) {
    bool are = p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9';
    return are ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

/* A time as the columns show it, "2026-11-23 10:00:00.000", without the work of all that window.h takes. */
static bool shown_time(const char *p, size_t n, int64_t *ms) {
    if (n != 23 || p[4] != '-' || p[7] != '-' || p[10] != ' ' || p[13] != ':' || p[16] != ':' ||
        p[19] != '.')
        return false;
    int century = two_digits(p), year = two_digits(p + 2), month = two_digits(p + 5),
        day = two_digits(p + 8), hour = two_digits(p + 11), minute = two_digits(p + 14),
        second = two_digits(p + 17), hundredths = two_digits(p + 20);
    if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 || day > 28 || hour < 0 ||
        minute < 0 || second < 0 || hundredths < 0 || p[22] < '0' || p[22] > '9')
        return false;
    int64_t seconds =
        flow_days(century * 100 + year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *ms = seconds * 1000 + hundredths * 10 + p[22] - '0';
    return true;
}

/* False after an error. */
static bool time_of(sqlite3_context *ctx, sqlite3_value *value, int64_t now, int64_t *ms) {
    struct window_value v = {.type = WINDOW_TEXT};
    struct window w;
    char err[512];
    *ms = now;
    v.text = (const char *)sqlite3_value_text(value);
    v.n = (size_t)sqlite3_value_bytes(value);
    if (!v.text || shown_time(v.text, v.n, ms))
        return true;
    if (window_parse(&v, NULL, now, &w, err, sizeof err) != 0) {
        sqlite3_result_error(ctx, err, -1);
        return false;
    }
    *ms = w.since;
    return true;
}

static void of_host(sqlite3_context *ctx, int argc, sqlite3_value **argv, enum host_column column) {
    struct site *site = site_of(ctx, HOSTS);
    struct flow_ip ip;
    if (!site || !address_of(argv[0], &ip))
        return;
    int64_t ms = site->now;
    if (argc > 1 && !time_of(ctx, argv[1], site->now, &ms))
        return;
    const char *value = hosts_find(site->hosts, column, &ip, ms);
    if (value)
        sqlite3_result_text(ctx, value, -1, SQLITE_TRANSIENT);
}

static void host_name(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    of_host(ctx, argc, argv, HOST_NAME);
}

static void host_user(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    of_host(ctx, argc, argv, HOST_USER);
}

static void host_group(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    of_host(ctx, argc, argv, HOST_GROUP);
}

/* ---- services --------------------------------------------------------------------------- */

static int64_t number_of(sqlite3_value *value) {
    return sqlite3_value_numeric_type(value) == SQLITE_INTEGER ? sqlite3_value_int64(value) : -1;
}

static void of_service(sqlite3_context *ctx, sqlite3_value **argv, enum service_column column) {
    struct site *site = site_of(ctx, SERVICES);
    if (!site)
        return;
    const char *value = services_find(site->services, column, number_of(argv[0]),
                                      number_of(argv[1]), number_of(argv[2]));
    sqlite3_result_text(ctx, value ? value : "other", -1, SQLITE_TRANSIENT);
}

static void application(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    of_service(ctx, argv, SERVICE_APPLICATION);
}

static void category(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    of_service(ctx, argv, SERVICE_CATEGORY);
}

/* ---- registration ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    int args;
    void (*scalar)(sqlite3_context *, int, sqlite3_value **);
} functions[] = {
    {"zone", 1, zone},
    {"network", 1, network},
    {"country", 1, country},
    {"asn", 1, asn},
    {"host_name", 1, host_name},
    {"host_name", 2, host_name},
    {"host_user", 1, host_user},
    {"host_user", 2, host_user},
    {"host_group", 1, host_group},
    {"host_group", 2, host_group},
    {"application", 3, application},
    {"category", 3, category},
};
enum { NFUNCTIONS = sizeof functions / sizeof *functions };

static void drop(void *arg) {
    struct site *site = arg;
    if (--site->users)
        return;
    networks_free(site->networks);
    hosts_free(site->hosts);
    services_free(site->services);
    free(site);
}

int site_register(sqlite3 *db) {
    struct site *site = calloc(1, sizeof *site);
    if (!site)
        return SQLITE_NOMEM;
    site->users = 1;
    site->networks = networks_new();
    site->hosts = hosts_new();
    site->services = services_new();
    int rc = site->networks && site->hosts && site->services ? SQLITE_OK : SQLITE_NOMEM;
    for (int i = 0; i < NFUNCTIONS && rc == SQLITE_OK; i++) {
        site->users++;
        /* Drops it when it fails, too. */
        rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].args,
                                        SQLITE_UTF8 | SQLITE_INNOCUOUS, site, functions[i].scalar,
                                        NULL, NULL, drop);
    }
    drop(site);
    return rc;
}
