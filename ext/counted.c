/* SPDX-License-Identifier: MIT */
/*
** Each thread merges partitions of the values, while they are in the cache makes rows of the key out of theirs, and adds these to a
** table of its own.
*/
#include "counted.h"
#include "../schema/fvt.h"

#include <stdlib.h>

struct rows {
    uint32_t n;
    uint64_t *key[MAX_KEY_WORDS];
    int64_t one[GROUP_BATCH];
    int64_t first[GROUP_BATCH], last[GROUP_BATCH]; /* none */
};

struct job {
    const struct aggregate_spec *spec;
    const struct key_layout *keys;
    struct groups *values;
    struct interrupt *interrupt;
    struct group_table *table[MAX_THREADS];
    struct rows *rows[MAX_THREADS];
    atomic_int next;
    atomic_bool failed;
};

static void free_rows(struct rows *r) {
    for (int w = 0; r && w < MAX_KEY_WORDS; w++)
        free(r->key[w]);
    free(r);
}

static struct rows *new_rows(int words) {
    struct rows *r = calloc(1, sizeof *r);
    bool ok = r != NULL;
    for (int w = 0; ok && w < words; w++)
        ok = (r->key[w] = malloc(GROUP_BATCH * sizeof **r->key)) != NULL;
    for (int i = 0; ok && i < GROUP_BATCH; i++) {
        r->one[i] = 1;
        r->first[i] = INT64_MAX;
        r->last[i] = INT64_MIN;
    }
    if (ok)
        return r;
    free_rows(r);
    return NULL;
}

static bool add_rows(const struct job *j, struct rows *r, struct group_table *table) {
    struct group_batch b = {.n = r->n,
                            .key = r->key,
                            .value = {r->one},
                            .at = j->spec->ncounters * j->spec->sets,
                            .nvalues = 1,
                            .first = r->first,
                            .last = r->last};
    r->n = 0;
    return b.n == 0 || group_table_add(table, &b);
}

static bool add_part(struct job *j, int worker, unsigned part) {
    const struct key_slot *s = &j->keys->counted;
    uint64_t bits = key_largest(s) << s->shift;
    size_t n, width = group_width(groups_shape(j->values));
    struct rows *r = j->rows[worker];
    const uint64_t *row = groups_rows(j->values, part, &n);
    for (size_t i = 0; i < n; i++, row += width) {
        if (key_get(s, row) == 0)
            continue;
        for (int w = 0; w < j->keys->words; w++)
            r->key[w][r->n] = w == s->word ? row[w] & ~bits : row[w];
        if (++r->n == GROUP_BATCH && !add_rows(j, r, j->table[worker]))
            return false;
    }
    return add_rows(j, r, j->table[worker]);
}

static void add_parts(void *arg, int worker) {
    struct job *j = arg;
    for (unsigned p; (p = (unsigned)atomic_fetch_add(&j->next, 1)) < groups_parts(j->values);) {
        if (worker_stopped(j->interrupt, worker))
            return;
        if (!groups_merge(j->values, p) || !add_part(j, worker, p))
            atomic_store(&j->failed, true);
        groups_drop(j->values, p);
    }
}

int counted_add(const struct aggregate_spec *spec, const struct key_layout *keys,
                struct groups *values, struct groups *groups, int threads,
                struct interrupt *interrupt) {
    struct job j = {.spec = spec, .keys = keys, .values = values, .interrupt = interrupt};
    bool ok = true;
    for (int i = 0; ok && i < threads; i++) {
        j.table[i] = group_table_new(groups, 0);
        j.rows[i] = new_rows(keys->words);
        ok = j.table[i] && j.rows[i];
    }
    if (ok)
        workers_run(threads, add_parts, &j, interrupt);
    for (int i = 0; i < threads; i++) {
        ok = ok && group_table_flush(j.table[i]);
        free_rows(j.rows[i]);
    }
    return ok && !atomic_load(&j.failed) ? FVT_OK : FVT_NOMEM;
}
