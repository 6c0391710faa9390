/* SPDX-License-Identifier: MIT */
/*
** Choosing roll-ups and dividing the window between them and the flows.
*/
#include "rollup.h"
#include "../schema/portion.h"

#include <sqlite3ext.h>
#include <stdlib.h>
SQLITE_EXTENSION_INIT3

/* Lengths of buckets, ms, in the order they are tried, ended by 0. */
static const int64_t steps[] = {INT64_C(86400000), INT64_C(3600000), 0};

bool rollup_able(int column) {
    const struct flow_field_def *f = &flow_fields[column];
    return column < FLOW_NFIELDS && (f->class == FLOW_UINT || f->class == FLOW_IP) &&
           (f->role == FLOW_DIM || f->role == FLOW_META);
}

static bool has_column(const struct fvt_rollup *r, int field) {
    for (uint32_t i = 0; i < r->ncolumns; i++)
        if (r->column[i] == (uint32_t)field)
            return true;
    return false;
}

static bool covers(const struct fvt_rollup *r, const bool need[FLOW_NFIELDS]) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (need[f] && !has_column(r, f))
            return false;
    return true;
}

/* The smallest roll-up with buckets of step ms that will do for a side, or NULL. */
static const struct fvt_rollup *smallest(const struct rollup_request *q,
                                         const struct fvt_file *file, int side, int64_t step) {
    const struct fvt_rollup *best = NULL;
    for (uint32_t i = 0; i < file->nrollups; i++) {
        const struct fvt_rollup *r = &file->rollups[i];
        if (r->seconds * INT64_C(1000) == step && q->bucket % step == 0 &&
            covers(r, q->need[side]) && (!best || r->rows < best->rows))
            best = r;
    }
    return best;
}

/* ---- the window ------------------------------------------------------------------------- */

/* The begin of the first bucket that begins at t or later; open ends stay so. */
static int64_t round_up(int64_t t, int64_t step) {
    return t == INT64_MIN || t == INT64_MAX ? t : flow_bucket_of(t + step - 1, step);
}

static int64_t round_down(int64_t t, int64_t step) {
    return t == INT64_MIN || t == INT64_MAX ? t : flow_bucket_of(t, step);
}

/* What of a window is whole buckets of step ms; false when nothing is. */
static bool whole_of(const struct window *w, int64_t step, struct window *out) {
    out->since = round_up(w->since, step);
    out->until = round_down(w->until, step);
    return out->since < out->until;
}

/* ---- parts ------------------------------------------------------------------------------ */

/* Can all be read that the query will read of a roll-up's row group? */
static int check_group(const struct rollup_request *q, const struct fvt_file *file,
                       const struct fvt_rollup *r, const struct fvt_group *g) {
    int rc = FVT_OK;
    for (int f = 0; rc == FVT_OK && f < FLOW_NFIELDS; f++) {
        bool read = q->totals[f] || f == FLOW_trecv || has_column(r, f);
        struct fvt_chunk *c = NULL;
        struct fvt_dict *d = NULL;
        int at = read ? g->chunk_of[f] : -1;
        if (at < 0)
            continue;
        rc = fvt_chunk_load(file, g, f, &c);
        if (rc == FVT_OK && g->chunks[at].dict >= 0)
            rc = fvt_dict_load(file, g, g->chunks[at].dict, &d);
        fvt_chunk_free(c);
        fvt_dict_free(d);
    }
    return rc;
}

static bool inside(const struct fvt_group *g, const struct window *w) {
    int at = g->chunk_of[FLOW_trecv];
    if (w->since == INT64_MIN && w->until == INT64_MAX)
        return true;
    return at >= 0 && g->chunks[at].min < w->until && g->chunks[at].max >= w->since;
}

static void add_part(struct rollup_parts *out, const struct fvt_group *groups, uint32_t n,
                     const struct window *w, unsigned sides, bool totals) {
    out->part[out->n++] = (struct rollup_part){groups, n, *w, sides, totals};
}

/* A roll-up for a window: false when it cannot be read. */
static bool add_rollup(const struct rollup_request *q, const struct fvt_file *file,
                       const struct fvt_rollup *r, const struct window *w, unsigned sides,
                       struct rollup_parts *out) {
    struct fvt_group *g = NULL;
    int rc = fvt_rollup_open(file, r, &g);
    uint32_t n = 0;
    for (uint32_t i = 0; rc == FVT_OK && i < r->nblocks; i++)
        n += inside(&g[i], w);
    /* A scan knows whether it can read a group before it takes a row of it, but not whether the next. */
    for (uint32_t i = 0; rc == FVT_OK && n > 1 && i < r->nblocks; i++)
        if (inside(&g[i], w))
            rc = check_group(q, file, r, &g[i]);
    if (rc != FVT_OK) {
        if (rc == FVT_DAMAGED)
            sqlite3_log(SQLITE_CORRUPT, "flowvt: %s: a roll-up is damaged: its flows are read",
                        file->path);
        fvt_rollup_close(g, r->nblocks);
        return false;
    }
    out->opened[out->nrollups] = g;
    out->nopened[out->nrollups++] = r->nblocks;
    add_part(out, g, r->nblocks, w, sides, true);
    return true;
}

/* The roll-ups of one bucket length for a window, one for both sides or one for each. */
static bool add_rollups(const struct rollup_request *q, const struct fvt_file *file, int64_t step,
                        const struct window *w, struct rollup_parts *out) {
    const struct fvt_rollup *sender = smallest(q, file, 0, step);
    const struct fvt_rollup *receiver = q->sides == 2 ? smallest(q, file, 1, step) : sender;
    if (sender == receiver)
        return add_rollup(q, file, sender, w, SIDE_BOTH, out);
    return add_rollup(q, file, sender, w, SIDE_SENDER, out) &&
           add_rollup(q, file, receiver, w, SIDE_RECEIVER, out);
}

static bool available(const struct rollup_request *q, const struct fvt_file *file, int64_t step) {
    return smallest(q, file, 0, step) && (q->sides < 2 || smallest(q, file, 1, step));
}

/* The window from roll-ups of *step, and what these leave at its ends from those of the next step and so
** on, in the end from the flows. False when a roll-up cannot be read. */
static bool divide(const struct rollup_request *q, const struct fvt_file *file,
                   const struct window *window, const int64_t *step, struct rollup_parts *out) {
    struct window whole;
    if (window->since >= window->until)
        return true;
    if (!*step) {
        add_part(out, file->groups, file->ngroups, window, SIDE_BOTH, false);
        return true;
    }
    if (!available(q, file, *step) || !whole_of(window, *step, &whole))
        return divide(q, file, window, step + 1, out);
    struct window left = {window->since, whole.since}, right = {whole.until, window->until};
    return add_rollups(q, file, *step, &whole, out) && divide(q, file, &left, step + 1, out) &&
           divide(q, file, &right, step + 1, out);
}

void rollup_parts_make(const struct rollup_request *q, const struct fvt_file *file,
                       struct rollup_parts *out) {
    static const struct window all = {INT64_MIN, INT64_MAX};
    memset(out, 0, sizeof *out);
    if (q && divide(q, file, &q->window, steps, out))
        return;
    rollup_parts_free(out);
    add_part(out, file->groups, file->ngroups, q ? &q->window : &all, SIDE_BOTH, false);
}

void rollup_parts_reject(struct rollup_parts *parts, const struct fvt_file *file,
                         const struct window *window, unsigned sides) {
    add_part(parts, file->groups, file->ngroups, window, sides, false);
}

void rollup_parts_free(struct rollup_parts *parts) {
    for (int i = 0; i < parts->nrollups; i++)
        fvt_rollup_close(parts->opened[i], parts->nopened[i]);
    memset(parts, 0, sizeof *parts);
}
