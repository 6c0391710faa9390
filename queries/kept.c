/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "kept.h"
#include "memory.h"
#include "series.h"

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    struct kept *k = (struct kept *)r;
    k->report = report;
    k->settings = s;
}

static void set(struct renderer *r, const struct result_set *head) {
    struct kept *k = (struct kept *)r;
    k->grids = grow(k->grids, k->count + 1, sizeof *k->grids);
    grid_begin(&k->grids[k->count++], head);
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    struct kept *k = (struct kept *)r;
    k->db = sqlite3_db_handle(statement);
    grid_row(&k->grids[k->count - 1], statement);
}

static void set_end(struct renderer *r) {
    (void)r;
}

void kept_init(struct renderer *r, FILE *out, int (*end)(struct renderer *),
               void (*free_it)(struct renderer *)) {
    struct kept *k = (struct kept *)r;
    *k = (struct kept){.base = {.out = out,
                                .begin = begin,
                                .set = set,
                                .row = row,
                                .set_end = set_end,
                                .end = end,
                                .free = free_it}};
}

/* From the first to behind the last time that is drawn; false when nothing is, or the report has events itself. */
static bool find_span(const struct kept *k, int64_t *from, int64_t *until) {
    *from = INT64_MAX;
    *until = INT64_MIN;
    for (size_t i = 0; i < k->count; i++) {
        enum shape shape = grid_shape(&k->grids[i], true);
        struct series s;
        if (shape == SHAPE_EVENTS)
            return false;
        if (shape != SHAPE_SERIES || !series_of(&s, &k->grids[i]))
            continue;
        int64_t end = series_end(&s, s.points - 1);
        *from = s.times[0] < *from ? s.times[0] : *from;
        *until = end > *until ? end : *until;
        series_free(&s);
    }
    return *from < *until;
}

void kept_add_events(struct kept *k) {
    static const char *const names[] = {"time", "until", "text"};
    static const struct result_set set = {"Events", "events", "", 3, names};
    int64_t from, until;
    sqlite3_stmt *statement = NULL;
    /* Not every database has such a table. */
    if (!k->db || !find_span(k, &from, &until) ||
        sqlite3_prepare_v2(k->db,
                           "SELECT time, until, text FROM events WHERE time < "
                           "datetime(?2, 'unixepoch') AND coalesce(until, time) >= "
                           "datetime(?1, 'unixepoch') ORDER BY time",
                           -1, &statement, NULL) != SQLITE_OK)
        return;
    sqlite3_bind_int64(statement, 1, from);
    sqlite3_bind_int64(statement, 2, until);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        if (k->count == 0 || grid_shape(&k->grids[k->count - 1], true) != SHAPE_EVENTS) {
            k->grids = grow(k->grids, k->count + 1, sizeof *k->grids);
            grid_begin(&k->grids[k->count++], &set);
        }
        grid_row(&k->grids[k->count - 1], statement);
    }
    sqlite3_finalize(statement);
}

void kept_free(struct renderer *r) {
    struct kept *k = (struct kept *)r;
    for (size_t i = 0; i < k->count; i++)
        grid_free(&k->grids[i]);
    free(k->grids);
    free(k);
}
