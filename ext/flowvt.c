/* SPDX-License-Identifier: MIT */
/*
** The extension's entry point: `.load flowvt` registers the tables and functions below.
**
** Works with SQLite 3.34 and later; members of the API that are newer are used where the running
** library has them.
*/
#include <sqlite3ext.h>

#include "columns.h"
#include "functions.h"
#include "interrupt.h"
#include "local_time.h"
#include "losses.h"
#include "parameters.h"
#include "site.h"
#include "vtab.h"

SQLITE_EXTENSION_INIT1

static const struct {
    const char *name;
    const sqlite3_module *module;
    int kind;
} modules[] = {
    {"flows", &flows_module, TABLE_FLOWS},
    {"traffic", &totals_module, TABLE_TRAFFIC},
    {"endpoints", &totals_module, TABLE_ENDPOINTS},
    {"flows_csv", &export_module, EXPORT_CSV},
    {"flows_ndjson", &export_module, EXPORT_NDJSON},
    {"flow_files", &about_module, ABOUT_FILES},
    {"flow_exporters", &about_module, ABOUT_EXPORTERS},
    {"flow_sockets", &about_module, ABOUT_SOCKETS},
    {"flow_interfaces", &about_module, ABOUT_INTERFACES},
    {"flow_options", &about_module, ABOUT_OPTIONS},
    {"if_counters", &counters_module, 0},
    {"flow_delays", &delays_module, 0},
    {"flow_stat", &stat_module, 0},
};

static void drop_module(void *arg) {
    struct vtab_module *m = arg;
    footers_drop(m->footers);
    sqlite3_free(m);
}

static int register_module(sqlite3 *db, size_t i, struct footers *footers) {
    struct vtab_module *m = sqlite3_malloc(sizeof *m);
    if (!m)
        return SQLITE_NOMEM;
    *m = (struct vtab_module){modules[i].kind, footers_share(footers)};
    /* Drops it when it fails, too. */
    return sqlite3_create_module_v2(db, modules[i].name, modules[i].module, m, drop_module);
}

int sqlite3_flowvt_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

__attribute__((visibility("default"))) int sqlite3_flowvt_init(sqlite3 *db, char **message,
                                                               const sqlite3_api_routines *api) {
    SQLITE_EXTENSION_INIT2(api);
    if (sqlite3_libversion_number() < 3034000) {
        *message =
            sqlite3_mprintf("flowvt needs SQLite 3.34 or later, this is %s", sqlite3_libversion());
        return SQLITE_ERROR;
    }
    struct footers *footers = footers_new();
    int rc = functions_register(db);
    if (rc == SQLITE_OK)
        rc = parameters_register(db);
    if (rc == SQLITE_OK)
        rc = site_register(db);
    if (rc == SQLITE_OK)
        rc = interrupt_register(db);
    if (rc == SQLITE_OK)
        rc = local_time_register(db);
    if (rc == SQLITE_OK)
        rc = losses_register(db);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof modules / sizeof modules[0]; i++)
        rc = register_module(db, i, footers);
    footers_drop(footers);
    return rc;
}
