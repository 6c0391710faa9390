/* SPDX-License-Identifier: MIT */
/*
** Looking addresses up in databases in MaxMind's format.
*/
#include "geo_lookup.h"

#include <ctype.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { KNOWN = 1 << 16 }; /* addresses that are remembered */

/* What an address has: the country's letters, or the number. */
union answer {
    char country[4];
    uint32_t asn;
};

struct known {
    struct flow_ip ip; /* family 0: not in use */
    union answer answer;
};

/* A file and what it was when it was opened. */
struct database {
    MMDB_s db;
    bool open;
    char *path;
    struct stat status;
    struct known *known; /* KNOWN of them */
};

struct geo_lookup {
    struct database country, asn;
};

static bool is_given(const char *path) {
    return path && *path;
}

static bool open_database(struct database *d, const char *path, char err[GEO_ERROR]) {
    if (!is_given(path))
        return true;
    d->path = strdup(path);
    d->known = calloc(KNOWN, sizeof *d->known);
    if (!d->path || !d->known) {
        snprintf(err, GEO_ERROR, "out of memory");
        return false;
    }
    int rc = MMDB_open(path, MMDB_MODE_MMAP, &d->db);
    d->open = rc == MMDB_SUCCESS;
    if (!d->open || stat(path, &d->status) != 0) {
        snprintf(err, GEO_ERROR, "%s: %s: give a file in MaxMind's format (.mmdb)", path,
                 MMDB_strerror(rc));
        return false;
    }
    return true;
}

static void close_database(struct database *d) {
    if (d->open)
        MMDB_close(&d->db);
    free(d->path);
    free(d->known);
}

bool geo_lookup_open(const char *geo, const char *asn, struct geo_lookup **out,
                     char err[GEO_ERROR]) {
    *out = NULL;
    if (!is_given(geo) && !is_given(asn))
        return true;
    struct geo_lookup *g = calloc(1, sizeof *g);
    if (!g) {
        snprintf(err, GEO_ERROR, "out of memory");
        return false;
    }
    if (open_database(&g->country, geo, err) &&
        open_database(&g->asn, is_given(asn) ? asn : geo, err)) {
        *out = g;
        return true;
    }
    geo_lookup_close(g);
    return false;
}

void geo_lookup_close(struct geo_lookup *g) {
    if (g) {
        close_database(&g->country);
        close_database(&g->asn);
    }
    free(g);
}

static bool is_file(const struct database *d, const char *path) {
    struct stat now;
    if (!is_given(path))
        return !d->path;
    return d->path && strcmp(d->path, path) == 0 && stat(path, &now) == 0 &&
           now.st_dev == d->status.st_dev && now.st_ino == d->status.st_ino &&
           now.st_size == d->status.st_size && now.st_mtim.tv_sec == d->status.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == d->status.st_mtim.tv_nsec;
}

bool geo_lookup_is(const struct geo_lookup *g, const char *geo, const char *asn) {
    if (!g)
        return !is_given(geo) && !is_given(asn);
    return is_file(&g->country, geo) && is_file(&g->asn, is_given(asn) ? asn : geo);
}

/* ---- looking up ------------------------------------------------------------------------- */

/* What an entry has for one of these names, each NULL behind its last word. */
static bool find_value(MMDB_entry_s *entry, const char *const (*names)[3], int n,
                       MMDB_entry_data_s *data) {
    for (int i = 0; i < n; i++)
        if (MMDB_aget_value(entry, data, names[i]) == MMDB_SUCCESS && data->has_data)
            return true;
    return false;
}

static void take_country(MMDB_entry_s *entry, union answer *answer) {
    static const char *const names[][3] = {
        {"country", "iso_code", NULL}, {"country_code", NULL, NULL}, {"country", NULL, NULL}};
    MMDB_entry_data_s data;
    if (!find_value(entry, names, 3, &data) || data.type != MMDB_DATA_TYPE_UTF8_STRING ||
        data.data_size != 2)
        return;
    for (int i = 0; i < 2; i++)
        answer->country[i] = (char)toupper((unsigned char)data.utf8_string[i]);
}

/* A number; or a text, AS64496. */
static void take_asn(MMDB_entry_s *entry, union answer *answer) {
    static const char *const names[][3] = {
        {"autonomous_system_number", NULL, NULL}, {"asn", NULL, NULL}, {"as_number", NULL, NULL}};
    MMDB_entry_data_s data;
    char text[16] = "";
    if (!find_value(entry, names, 3, &data))
        return;
    if (data.type == MMDB_DATA_TYPE_UINT32) {
        answer->asn = data.uint32;
    } else if (data.type == MMDB_DATA_TYPE_UINT16) {
        answer->asn = data.uint16;
    } else if (data.type == MMDB_DATA_TYPE_UTF8_STRING && data.data_size < sizeof text) {
        memcpy(text, data.utf8_string, data.data_size);
        bool letters = text[0] == 'A' && text[1] == 'S';
        answer->asn = (uint32_t)strtoul(text + (letters ? 2 : 0), NULL, 10);
    }
}

static bool ask(struct database *d, const struct flow_ip *ip,
                void (*take)(MMDB_entry_s *, union answer *), union answer *answer,
                char err[GEO_ERROR]) {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address;
    memset(&address, 0, sizeof address);
    memset(answer, 0, sizeof *answer);
    if (ip->family == 4) {
        address.four.sin_family = AF_INET;
        memcpy(&address.four.sin_addr, ip->addr, 4);
    } else {
        address.six.sin6_family = AF_INET6;
        memcpy(&address.six.sin6_addr, ip->addr, 16);
    }
    int rc;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&d->db, &address.any, &rc);
    if (rc == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
        return true;
    if (rc != MMDB_SUCCESS) {
        snprintf(err, GEO_ERROR, "%s: %s", d->path, MMDB_strerror(rc));
        return false;
    }
    if (found.found_entry)
        take(&found.entry, answer);
    return true;
}

static uint32_t slot_of(const struct flow_ip *ip) {
    uint64_t a, b;
    memcpy(&a, ip->addr, 8);
    memcpy(&b, ip->addr + 8, 8);
    a = (a ^ b * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
    return (uint32_t)(a >> 48) % KNOWN;
}

static bool look_up(struct database *d, const struct flow_ip *ip,
                    void (*take)(MMDB_entry_s *, union answer *), const union answer **answer,
                    char err[GEO_ERROR]) {
    struct known *k = &d->known[slot_of(ip)];
    if (flow_ip_cmp(&k->ip, ip) != 0) {
        k->ip.family = 0;
        if (!ask(d, ip, take, &k->answer, err))
            return false;
        k->ip = *ip;
    }
    *answer = &k->answer;
    return true;
}

bool geo_lookup_country(struct geo_lookup *g, const struct flow_ip *ip, const char **country,
                        char err[GEO_ERROR]) {
    const union answer *answer = NULL;
    *country = NULL;
    if (!g || !g->country.open)
        return true;
    if (!look_up(&g->country, ip, take_country, &answer, err))
        return false;
    if (answer->country[0])
        *country = answer->country;
    return true;
}

bool geo_lookup_asn(struct geo_lookup *g, const struct flow_ip *ip, uint32_t *asn,
                    char err[GEO_ERROR]) {
    const union answer *answer = NULL;
    *asn = 0;
    if (!g || !g->asn.open)
        return true;
    if (!look_up(&g->asn, ip, take_asn, &answer, err))
        return false;
    *asn = answer->asn;
    return true;
}
