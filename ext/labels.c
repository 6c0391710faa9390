/* SPDX-License-Identifier: MIT */
/*
** Labels, from the tables that the SQL functions zone() and application() look up, too.
*/
#include "labels.h"

#include <pthread.h>
#include <sqlite3ext.h>
#include <stdlib.h>

#include "networks.h"
#include "services.h"

SQLITE_EXTENSION_INIT3

struct labels {
    struct networks *networks;
    struct services *services;
    pthread_mutex_t lock; /* what networks remembers of a database */
};

int labels_refresh(sqlite3 *db, const char *near, struct labels **labels, char **message) {
    struct labels *l = *labels ? *labels : calloc(1, sizeof *l);
    if (!l)
        return SQLITE_NOMEM;
    if (!*labels)
        pthread_mutex_init(&l->lock, NULL);
    *labels = l;
    l->networks = l->networks ? l->networks : networks_new();
    l->services = l->services ? l->services : services_new();
    if (!l->networks || !l->services)
        return SQLITE_NOMEM;
    int rc = networks_refresh(db, near, l->networks, message);
    return rc == SQLITE_OK ? services_refresh(db, near, l->services, message) : rc;
}

void labels_free(struct labels *l) {
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    networks_free(l->networks);
    services_free(l->services);
    free(l);
}

const char *labels_zone(struct labels *l, const struct flow_ip *ip, struct flow_ip *last) {
    const char *zone;
    pthread_mutex_lock(&l->lock);
    bool ok = networks_zone_of(l->networks, ip, last, &zone, NULL);
    pthread_mutex_unlock(&l->lock);
    if (!ok)
        *last = *ip;
    return ok ? zone : "";
}

uint32_t labels_application(const struct labels *l, int64_t proto, int64_t srcport,
                            int64_t dstport) {
    return services_number(l->services, proto, srcport, dstport);
}

uint32_t labels_applications(const struct labels *l) {
    return services_count(l->services);
}

const char *labels_application_text(const struct labels *l, uint32_t number) {
    const char *text = services_value(l->services, number, SERVICE_APPLICATION);
    return text ? text : "other";
}
