/* SPDX-License-Identifier: MIT */
/*
** Sets of rows. A set grows by runs of rows; the arrays of a run come from slabs that are freed
** with the set, and never grow.
*/
#include "rowset.h"

#include <stdio.h>
#include <stdlib.h>

#include "schema/pool.h"

enum {
    FIRST_RUN = 1024,
    FIRST_SLAB = 1 << 16,
    LARGEST_SLAB = 1 << 22,
};

/* ---- memory ----------------------------------------------------------------------------- */

struct slab {
    struct slab *next;
    size_t used, size;
};

static void *take(struct rowset *s, size_t bytes) {
    bytes = (bytes + 63) & ~(size_t)63;
    struct slab *slab = s->slabs;
    if (!slab || slab->size - slab->used < bytes) {
        size_t size = slab ? slab->size * 2 : FIRST_SLAB;
        size = size > LARGEST_SLAB ? LARGEST_SLAB : size;
        if (size < bytes + 64)
            size = bytes + 64;
        struct slab *more = large_alloc(size);
        if (!more)
            return NULL;
        *more = (struct slab){slab, 64, size};
        s->bytes += size;
        slab = s->slabs = more;
    }
    void *p = (char *)slab + slab->used;
    slab->used += bytes;
    return p;
}

static size_t dictionary_bytes(const struct dict_builder *d) {
    size_t entry = d->class == FLOW_IP ? sizeof *d->ip : sizeof *d->end;
    return d->cap * entry + d->nslots * sizeof *d->slots + d->text.n;
}

struct rowset *rowset_new(const struct row_spec *spec) {
    struct rowset *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->spec = spec;
    dict_builder_init(&s->ips, FLOW_IP);
    dict_builder_init(&s->texts, FLOW_TEXT);
    for (int c = 0; c < spec->n; c++) {
        s->min[c] = INT64_MAX;
        s->max[c] = INT64_MIN;
    }
    return s;
}

void rowset_free(struct rowset *s) {
    if (!s)
        return;
    for (struct slab *slab = s->slabs, *next; slab; slab = next) {
        next = slab->next;
        large_free(slab, slab->size);
    }
    for (int c = 0; c < s->spec->n; c++)
        free(s->memo[c]);
    dict_builder_free(&s->ips);
    dict_builder_free(&s->texts);
    free(s->run);
    free(s);
}

/* ---- a block of one column --------------------------------------------------------------- */

/* Values one behind the other, in the terms of the set. */
struct dense {
    int64_t v[SCAN_BLOCK];
    uint8_t null[SCAN_BLOCK];
    int64_t min, max;
    uint32_t nulls;
};

static void measure(struct dense *d, uint32_t n) {
    d->min = INT64_MAX;
    d->max = INT64_MIN;
    d->nulls = 0;
    for (uint32_t i = 0; i < n; i++)
        d->nulls += d->null[i];
    for (uint32_t i = 0; i < n; i++) {
        int64_t low = d->null[i] ? INT64_MAX : d->v[i], high = d->null[i] ? INT64_MIN : d->v[i];
        d->min = low < d->min ? low : d->min;
        d->max = high > d->max ? high : d->max;
    }
}

bool rowset_enter_group(struct rowset *s, struct scan *scan) {
    for (int c = 0; c < s->spec->n; c++) {
        enum cell_kind kind = s->spec->kind[c];
        free(s->memo[c]);
        s->memo[c] = NULL;
        if (kind != CELL_IP && kind != CELL_TEXT)
            continue;
        const struct fvt_dict *d = scan_dict(scan, cell_column(s->spec->column[c]));
        if (d && !(s->memo[c] = calloc((size_t)d->n + 1, sizeof *s->memo[c])))
            return false;
    }
    return true;
}

static int64_t intern(struct rowset *s, const struct fvt_dict *d, uint32_t code) {
    return d->class == FLOW_IP ? dict_builder_ip(&s->ips, &d->ip[code])
                               : dict_builder_text(&s->texts, d->text[code], d->len[code]);
}

/* Codes of the group to numbers of the set. */
static bool intern_codes(struct rowset *s, int c, struct scan *scan, struct dense *d, uint32_t n) {
    const struct fvt_dict *dict = scan_dict(scan, cell_column(s->spec->column[c]));
    uint32_t *memo = s->memo[c];
    for (uint32_t i = 0; i < n; i++) {
        if (d->null[i])
            continue;
        uint32_t code = (uint32_t)d->v[i];
        if (!memo[code]) {
            int64_t id = intern(s, dict, code);
            if (id < 0)
                return false;
            memo[code] = (uint32_t)id + 1;
        }
        d->v[i] = memo[code] - 1;
    }
    return true;
}

static bool intern_nets(struct rowset *s, int c, struct scan *scan, struct dense *d, uint32_t n) {
    const struct fvt_dict *dict = scan_dict(scan, cell_column(s->spec->column[c]));
    for (uint32_t i = 0; i < n; i++) {
        char text[FLOW_NET_TEXT];
        if (d->null[i])
            continue;
        size_t len = flow_net_text(&dict->ip[d->v[i] >> 8], (unsigned)(d->v[i] & 255), text);
        if ((d->v[i] = dict_builder_text(&s->texts, text, len)) < 0)
            return false;
    }
    return true;
}

static bool read_block(struct rowset *s, int c, struct scan *scan, const uint16_t *rows, uint32_t n,
                       struct cell_buffer *buffer, struct dense *d) {
    const uint8_t *null;
    const int64_t *v = cells_of_block(scan, s->spec->column[c], buffer, &null);
    for (uint32_t i = 0; i < n; i++) {
        d->v[i] = v[rows[i]];
        d->null[i] = null[rows[i]];
    }
    switch (s->spec->kind[c]) {
    case CELL_IP:
    case CELL_TEXT:
        if (!intern_codes(s, c, scan, d, n))
            return false;
        break;
    case CELL_NET:
        if (!intern_nets(s, c, scan, d, n))
            return false;
        break;
    case CELL_TIME: /* what is shown the same is the same */
        for (uint32_t i = 0; i < n; i++)
            d->v[i] = cell_time(d->v[i]);
        break;
    case CELL_REAL:
        for (uint32_t i = 0; i < n; i++)
            d->v[i] = real_order(d->v[i]);
        break;
    default:
        break;
    }
    measure(d, n);
    return true;
}

/* ---- runs ------------------------------------------------------------------------------- */

static bool fits(const struct run_column *k, int64_t min, int64_t max) {
    return min >= k->base && (uint64_t)max - (uint64_t)k->base <= UINT32_MAX;
}

static int64_t base_for(int64_t min, int64_t max) {
    enum { BELOW = 1 << 30 };
    if (min >= 0 && max <= UINT32_MAX)
        return 0;
    return min < INT64_MIN + BELOW ? INT64_MIN : min - BELOW;
}

static bool widen(struct rowset *s, const struct run *run, struct run_column *k) {
    int64_t *wide = take(s, run->cap * sizeof *wide);
    if (!wide)
        return false;
    const uint32_t *narrow = k->v;
    for (uint32_t i = 0; i < run->n; i++)
        wide[i] = k->base + (k->width == STRAIGHT ? i : narrow[i]);
    k->v = wide;
    k->width = 8;
    return true;
}

static bool add_nulls(struct rowset *s, const struct run *run, struct run_column *k, bool are) {
    k->null = take(s, run->cap);
    if (k->null)
        memset(k->null, are, run->cap);
    return k->null != NULL;
}

static bool put(struct rowset *s, struct run *run, struct run_column *k, const struct dense *d,
                uint32_t from, uint32_t n) {
    if (d->min <= d->max) {
        if (!k->v) {
            k->base = base_for(d->min, d->max);
            k->width = 4;
            k->v = take(s, run->cap * sizeof(uint32_t));
            if (!k->v || (run->n && !add_nulls(s, run, k, true)))
                return false;
        }
        if (k->width == 4 && !fits(k, d->min, d->max) && !widen(s, run, k))
            return false;
        uint32_t *narrow = k->v;
        int64_t *wide = k->v;
        if (k->width == 4)
            for (uint32_t i = 0; i < n; i++)
                narrow[run->n + i] = (uint32_t)((uint64_t)d->v[from + i] - (uint64_t)k->base);
        else
            for (uint32_t i = 0; i < n; i++)
                wide[run->n + i] = d->v[from + i];
    }
    if (!k->v)
        return true;
    if (d->nulls && !k->null && !add_nulls(s, run, k, false))
        return false;
    if (k->null)
        memcpy(k->null + run->n, d->null + from, n);
    return true;
}

/* Positions follow each other as long as no row is left out. */
static bool put_positions(struct rowset *s, struct run *run, struct run_column *k,
                          const struct dense *d, uint32_t from, uint32_t n) {
    if (k->width == 0) {
        k->base = d->v[from];
        k->width = STRAIGHT;
    }
    bool straight = d->v[from] == k->base + run->n && d->v[from + n - 1] - d->v[from] == n - 1;
    if (k->width == STRAIGHT && straight)
        return true;
    if (k->width == STRAIGHT && !widen(s, run, k))
        return false;
    int64_t *wide = k->v;
    for (uint32_t i = 0; i < n; i++)
        wide[run->n + i] = d->v[from + i];
    return true;
}

static struct run *next_run(struct rowset *s) {
    struct run *last = s->nruns ? s->run[s->nruns - 1] : NULL;
    if (last && last->n < last->cap)
        return last;
    size_t columns = (size_t)s->spec->n + 1;
    struct run *run =
        s->nruns < MAX_RUNS ? take(s, sizeof *run + columns * sizeof(struct run_column)) : NULL;
    struct run **more = run ? realloc(s->run, (s->nruns + 1) * sizeof(struct run *)) : NULL;
    if (!more)
        return NULL;
    s->run = more;
    run->n = 0;
    run->cap = s->nruns < 6 ? (uint32_t)FIRST_RUN << s->nruns : RUN_ROWS;
    run->column = (struct run_column *)(run + 1);
    memset(run->column, 0, columns * sizeof *run->column);
    s->run[s->nruns++] = run;
    return run;
}

/* Where the rows of a block go: at most into two runs, since none is smaller than half a block. */
struct places {
    struct run *run[3];
    uint32_t n[3];
    int count;
};

static bool make_places(struct rowset *s, uint32_t n, struct places *p) {
    for (p->count = 0; n > 0; p->count++) {
        struct run *run = next_run(s);
        if (!run)
            return false;
        uint32_t room = run->cap - run->n;
        p->run[p->count] = run;
        p->n[p->count] = room < n ? room : n;
        n -= p->n[p->count];
        run->n += p->n[p->count]; /* taken back below, so that the next one is another run */
    }
    for (int i = 0; i < p->count; i++)
        p->run[i]->n -= p->n[i];
    return true;
}

static bool put_block(struct rowset *s, const struct places *p, int c, const struct dense *d) {
    bool ok = true, position = c == s->spec->n;
    for (int i = 0, from = 0; ok && i < p->count; from += (int)p->n[i++])
        ok = (position ? put_positions : put)(s, p->run[i], &p->run[i]->column[c], d,
                                              (uint32_t)from, p->n[i]);
    if (position || !ok)
        return ok;
    s->min[c] = d->min < s->min[c] ? d->min : s->min[c];
    s->max[c] = d->max > s->max[c] ? d->max : s->max[c];
    s->null[c] |= d->nulls > 0;
    return true;
}

static void settle(struct rowset *s, const struct places *p, size_t dictionaries) {
    for (int i = 0; i < p->count; i++) {
        p->run[i]->n += p->n[i];
        s->rows += p->n[i];
    }
    s->bytes += dictionary_bytes(&s->ips) + dictionary_bytes(&s->texts) - dictionaries;
}

bool rowset_append(struct rowset *s, struct scan *scan, const uint16_t *rows, uint32_t n) {
    struct places p;
    struct dense d;
    struct cell_buffer buffer;
    size_t before = dictionary_bytes(&s->ips) + dictionary_bytes(&s->texts);
    if (!make_places(s, n, &p))
        return false;
    for (int c = 0; c < s->spec->n; c++)
        if (!read_block(s, c, scan, rows, n, &buffer, &d) || !put_block(s, &p, c, &d))
            return false;
    for (uint32_t i = 0; i < n; i++)
        d.v[i] = scan_position(scan, rows[i]);
    if (!put_block(s, &p, s->spec->n, &d))
        return false;
    settle(s, &p, before);
    return true;
}

/* ---- from set to set -------------------------------------------------------------------- */

static bool move_entries(struct rowset *s, const struct rowset *from, int c, struct dense *d,
                         uint32_t n) {
    enum cell_kind kind = s->spec->kind[c];
    for (uint32_t i = 0; i < n; i++) {
        if (d->null[i] || (kind != CELL_IP && kind != CELL_TEXT && kind != CELL_NET))
            continue;
        if (kind == CELL_IP) {
            d->v[i] = dict_builder_ip(&s->ips, &from->ips.ip[d->v[i]]);
        } else {
            size_t start = d->v[i] ? from->texts.end[d->v[i] - 1] : 0;
            d->v[i] = dict_builder_text(&s->texts, (const char *)from->texts.text.p + start,
                                        from->texts.end[d->v[i]] - start);
        }
        if (d->v[i] < 0)
            return false;
    }
    measure(d, n);
    return true;
}

static bool append_rows(struct rowset *s, const struct rowset *from, const struct run *run,
                        const uint16_t *rows, uint32_t n) {
    struct places p;
    struct dense d;
    size_t before = dictionary_bytes(&s->ips) + dictionary_bytes(&s->texts);
    if (!make_places(s, n, &p))
        return false;
    for (int c = 0; c <= s->spec->n; c++) {
        for (uint32_t i = 0; i < n; i++) {
            d.v[i] = 0;
            d.null[i] = !run_cell(run, c, rows[i], &d.v[i]);
        }
        if ((c < s->spec->n && !move_entries(s, from, c, &d, n)) || !put_block(s, &p, c, &d))
            return false;
    }
    settle(s, &p, before);
    return true;
}

bool rowset_append_set(struct rowset *s, const struct rowset *from, const uint8_t *keep,
                       const struct sort_stop *stop) {
    bool ok = true;
    for (uint32_t r = 0; ok && r < from->nruns && !sort_stopped(stop, 0); r++) {
        const struct run *run = from->run[r];
        uint16_t rows[SCAN_BLOCK];
        uint32_t n = 0;
        for (uint32_t i = 0; ok && i < run->n; i++) {
            if (*keep++)
                rows[n++] = (uint16_t)i;
            if (n == SCAN_BLOCK || (n && i + 1 == run->n)) {
                ok = append_rows(s, from, run, rows, n);
                n = 0;
            }
        }
    }
    return ok;
}
