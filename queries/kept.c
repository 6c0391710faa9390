/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "kept.h"
#include "memory.h"

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

void kept_free(struct renderer *r) {
    struct kept *k = (struct kept *)r;
    for (size_t i = 0; i < k->count; i++)
        grid_free(&k->grids[i]);
    free(k->grids);
    free(k);
}
