/* SPDX-License-Identifier: MIT */
/*
** Column tables and meta records to bytes and back.
*/
#include "meta.h"
#include "option.h"
#include "statistics.h"

#include <stdio.h>

const char *const fvt_malformed_names[FVT_NBAD] = {"short", "version", "set", "template", "record"};
const char *const fvt_sampling_names[FVT_NSAMPLING] = {NULL,     "header",  "options",
                                                       "record", "default", "override"};

void meta_put_columns(struct fvt_buffer *out) {
    fvt_put_int(out, FLOW_NFIELDS, 2);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        size_t n = strlen(flow_fields[f].name);
        fvt_put_int(out, flow_fields[f].class, 1);
        fvt_put_int(out, n, 1);
        fvt_put(out, flow_fields[f].name, n);
    }
}

int meta_get_columns(struct fvt_cursor *c, int **field_of, uint32_t *n) {
    *n = (uint32_t)fvt_get_int(c, 2);
    *field_of = malloc(((size_t)*n + 1) * sizeof **field_of);
    if (!*field_of)
        return FVT_NOMEM;
    int next = 0;
    for (uint32_t i = 0; i < *n; i++) {
        uint64_t class = fvt_get_int(c, 1);
        size_t len = (size_t)fvt_get_int(c, 1);
        const uint8_t *name = fvt_get(c, len);
        int f = name ? flow_field_find_from(next, (const char *)name, len) : -1;
        next = f + 1;
        /* A column that changed its class is not the column we know. */
        (*field_of)[i] = f >= 0 && (uint64_t)flow_fields[f].class == class ? f : -1;
    }
    return c->bad ? FVT_DAMAGED : FVT_OK;
}

/* Offsets that a record has room for beside the rest. */
enum { MAX_ROLLUP_BLOCKS = (UINT16_MAX - 16 - 2 * FVT_ROLLUP_COLUMNS - 8) / 8 };

size_t meta_begin(struct fvt_buffer *out, enum fvt_meta_kind kind) {
    size_t at = out->n;
    fvt_put_int(out, kind, 2);
    fvt_put_int(out, 0, 2);
    return at;
}

void meta_end(struct fvt_buffer *out, size_t at) {
    fvt_align(out);
    fvt_set_int(out, at + 2, out->n - at - 4, 2);
}

void meta_put_interface(struct fvt_buffer *out, const struct fvt_interface *i) {
    size_t at = meta_begin(out, FVT_META_INTERFACE);
    size_t name = strnlen(i->name, sizeof i->name);
    size_t description = strnlen(i->description, sizeof i->description);
    fvt_put_ip(out, &i->exporter);
    fvt_put_zeros(out, 3);
    fvt_put_int(out, i->ifindex, 4);
    fvt_put_int(out, name, 2);
    fvt_put_int(out, description, 2);
    fvt_put(out, i->name, name);
    fvt_put(out, i->description, description);
    meta_end(out, at);
}

static struct fvt_interface get_interface(struct fvt_cursor *c) {
    struct fvt_interface i;
    memset(&i, 0, sizeof i);
    i.exporter = fvt_get_ip(c);
    fvt_get(c, 3);
    i.ifindex = (uint32_t)fvt_get_int(c, 4);
    size_t n = (size_t)fvt_get_int(c, 2), d = (size_t)fvt_get_int(c, 2);
    const uint8_t *name = fvt_get(c, n), *description = fvt_get(c, d);
    if (name)
        memcpy(i.name, name, n < sizeof i.name ? n : sizeof i.name - 1);
    if (description)
        memcpy(i.description, description, d < sizeof i.description ? d : sizeof i.description - 1);
    return i;
}

void meta_put_rollup(struct fvt_buffer *out, const struct fvt_rollup *r, uint64_t blocks) {
    if (r->nblocks > MAX_ROLLUP_BLOCKS)
        return;
    size_t at = meta_begin(out, FVT_META_ROLLUP);
    fvt_put_int(out, r->seconds, 4);
    fvt_put_int(out, r->nblocks, 2);
    fvt_put_int(out, r->ncolumns, 2);
    fvt_put_int(out, r->rows, 8);
    for (uint32_t i = 0; i < r->nblocks; i++)
        fvt_put_int(out, blocks + r->block[i], 8);
    for (uint32_t i = 0; i < r->ncolumns; i++)
        fvt_put_int(out, r->column[i], 2);
    meta_end(out, at);
}

void meta_put_damage(struct fvt_buffer *out, uint64_t blocks) {
    size_t at = meta_begin(out, FVT_META_DAMAGE);
    fvt_put_int(out, blocks, 8);
    meta_end(out, at);
}

void meta_put_replaced(struct fvt_buffer *out, const struct fvt_replaced *r) {
    size_t at = meta_begin(out, FVT_META_REPLACED), n = strnlen(r->name, sizeof r->name);
    fvt_put_int(out, r->size, 8);
    fvt_put_int(out, r->checksum, 8);
    fvt_put_int(out, n, 2);
    fvt_put(out, r->name, n);
    meta_end(out, at);
}

static struct fvt_replaced get_replaced(struct fvt_cursor *c) {
    struct fvt_replaced r;
    memset(&r, 0, sizeof r);
    r.size = fvt_get_int(c, 8);
    r.checksum = fvt_get_int(c, 8);
    size_t n = (size_t)fvt_get_int(c, 2);
    const uint8_t *name = fvt_get(c, n);
    if (name)
        memcpy(r.name, name, n < sizeof r.name ? n : sizeof r.name - 1);
    return r;
}

void meta_put_counters(struct fvt_buffer *out, const struct fvt_counter_block *block) {
    size_t at = meta_begin(out, FVT_META_COUNTERS);
    fvt_put_int(out, block->at, 8);
    fvt_put_int(out, block->rows, 8);
    fvt_put_int(out, (uint64_t)block->first, 8);
    fvt_put_int(out, (uint64_t)block->last, 8);
    meta_end(out, at);
}

static struct fvt_counter_block get_counters(struct fvt_cursor *c) {
    struct fvt_counter_block b = {.at = fvt_get_int(c, 8)};
    b.rows = (uint32_t)fvt_get_int(c, 8);
    b.first = (int64_t)fvt_get_int(c, 8);
    b.last = (int64_t)fvt_get_int(c, 8);
    return b;
}

/* Room for one more element; arrays double. */
static void *room(void *array, uint32_t n, size_t size) {
    if (n & (n - 1) || (n != 0 && n < 4))
        return array;
    return realloc(array, (n ? (size_t)n * 2 : 4) * size);
}

/* A record that this version has no use for, or that contradicts itself, gives none. */
static int get_rollup(struct fvt_cursor *c, struct fvt_file *file) {
    struct fvt_rollup r = {.seconds = (uint32_t)fvt_get_int(c, 4)};
    r.nblocks = (uint32_t)fvt_get_int(c, 2);
    r.ncolumns = (uint32_t)fvt_get_int(c, 2);
    r.rows = fvt_get_int(c, 8);
    if ((r.seconds != 3600 && r.seconds != 86400) || r.nblocks == 0 ||
        r.ncolumns > FVT_ROLLUP_COLUMNS || fvt_left(c) < r.nblocks * 8 + r.ncolumns * 2)
        return FVT_OK;
    void *grown = room(file->rollups, file->nrollups, sizeof *file->rollups);
    r.block = malloc(r.nblocks * sizeof *r.block);
    if (grown)
        file->rollups = grown;
    if (!grown || !r.block) {
        free(r.block);
        return FVT_NOMEM;
    }
    for (uint32_t i = 0; i < r.nblocks; i++)
        r.block[i] = fvt_get_int(c, 8);
    for (uint32_t i = 0; i < r.ncolumns; i++)
        r.column[i] = (uint32_t)fvt_get_int(c, 2);
    file->rollups[file->nrollups++] = r;
    return FVT_OK;
}

void meta_forget_rollups(struct fvt_file *file) {
    for (uint32_t i = 0; i < file->nrollups; i++)
        free(file->rollups[i].block);
    file->nrollups = 0;
}

static bool to_fields(const struct fvt_file *file, struct fvt_rollup *r) {
    for (uint32_t i = 0; i < r->ncolumns; i++) {
        uint32_t c = r->column[i];
        if (c >= file->ncolumns || file->field_of[c] < 0)
            return false;
        r->column[i] = (uint32_t)file->field_of[c];
    }
    return true;
}

void meta_settle_rollups(struct fvt_file *file) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < file->nrollups; i++) {
        struct fvt_rollup r = file->rollups[i];
        if (to_fields(file, &r))
            file->rollups[kept++] = r;
        else
            free(r.block);
    }
    file->nrollups = kept;
}

static int by_interface(const void *a, const void *b) {
    const struct fvt_interface *x = a, *y = b;
    int order = flow_ip_cmp(&x->exporter, &y->exporter);
    return order ? order : (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

typedef int compare_fn(const void *, const void *);

static int by_key_and_place(const void *a, const void *b, void *cmp) {
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;
    int order = ((compare_fn *const *)cmp)[0](x, y);
    return order ? order : (x > y) - (x < y);
}

/* What is done with two of one key. */
typedef void combine_fn(void *first, const void *later);

/* Sort by key, and make one of those with equal keys, in the order they came: the last one, unless combine says
** otherwise. Returns how many are left. */
static uint32_t settle(void *array, uint32_t n, size_t size, compare_fn *cmp, combine_fn *combine) {
    uint8_t *base = array, *copy = malloc((size_t)n * size + 1);
    const uint8_t **at = malloc(((size_t)n + 1) * sizeof *at);
    uint32_t kept = copy && at ? 0 : n;
    if (copy && at && n > 0) {
        memcpy(copy, base, (size_t)n * size);
        for (uint32_t i = 0; i < n; i++)
            at[i] = copy + i * size;
        qsort_r(at, n, sizeof *at, by_key_and_place, &cmp);
        for (uint32_t i = 0; i < n; i++) {
            bool same = i > 0 && cmp(at[i - 1], at[i]) == 0;
            if (same && combine)
                combine(base + (kept - 1) * size, at[i]);
            else
                memcpy(base + (kept - same) * size, at[i], size);
            kept += !same;
        }
    }
    free(copy);
    free(at);
    return kept;
}

/* Exporters and sockets have a record for each flush. When there are twice as many as there were keys the last time,
** those at hand become one each. */
enum { SETTLE_FROM = 4096 };
static bool room_to_add(struct fvt_file *file) {
    if (file->nadded > SETTLE_FROM && file->nadded / 2 > file->added_keys)
        file->nadded = file->added_keys = settle(file->added, file->nadded, sizeof *file->added,
                                                 statistics_by_exporter, statistics_add_exporter);
    void *grown = room(file->added, file->nadded, sizeof *file->added);
    if (grown)
        file->added = grown;
    return grown;
}

static bool room_for_socket(struct fvt_file *file) {
    if (file->nsockets > SETTLE_FROM && file->nsockets / 2 > file->socket_keys)
        file->nsockets = file->socket_keys =
            settle(file->sockets, file->nsockets, sizeof *file->sockets, statistics_by_socket,
                   statistics_add_socket);
    void *grown = room(file->sockets, file->nsockets, sizeof *file->sockets);
    if (grown)
        file->sockets = grown;
    return grown;
}

/* Exporters repeat options data. */
static bool room_for_option(struct fvt_file *file) {
    if (file->noptions > SETTLE_FROM && file->noptions / 2 > file->option_keys)
        file->noptions = file->option_keys = settle(
            file->options, file->noptions, sizeof *file->options, option_order, option_replace);
    void *grown = room(file->options, file->noptions, sizeof *file->options);
    if (grown)
        file->options = grown;
    return grown;
}

void meta_forget_options(struct fvt_file *file) {
    for (uint32_t i = 0; i < file->noptions; i++)
        option_clear(&file->options[i]);
    file->noptions = file->option_keys = 0;
}

int meta_get_records(struct fvt_cursor *c, struct fvt_file *file) {
    while (fvt_left(c) >= 4) {
        uint64_t kind = fvt_get_int(c, 2);
        size_t n = (size_t)fvt_get_int(c, 2);
        const uint8_t *p = fvt_get(c, n);
        if (!p)
            return FVT_DAMAGED;
        struct fvt_cursor r = {p, p + n, false};
        if (kind == FVT_META_EXPORTER) {
            void *grown = room(file->exporters, file->nexporters, sizeof *file->exporters);
            if (!grown)
                return FVT_NOMEM;
            file->exporters = grown;
            file->exporters[file->nexporters++] = statistics_get_exporter(&r);
        } else if (kind == FVT_META_COUNTED) {
            if (!room_to_add(file))
                return FVT_NOMEM;
            file->added[file->nadded++] = statistics_get_exporter(&r);
        } else if (kind == FVT_META_SOCKET) {
            if (!room_for_socket(file))
                return FVT_NOMEM;
            file->sockets[file->nsockets++] = statistics_get_socket(&r);
        } else if (kind == FVT_META_OPTION) {
            if (!room_for_option(file) || !option_get(&r, &file->options[file->noptions]))
                return FVT_NOMEM;
            file->noptions++;
        } else if (kind == FVT_META_INTERFACE) {
            void *grown = room(file->interfaces, file->ninterfaces, sizeof *file->interfaces);
            if (!grown)
                return FVT_NOMEM;
            file->interfaces = grown;
            file->interfaces[file->ninterfaces++] = get_interface(&r);
        } else if (kind == FVT_META_REPLACED) {
            void *grown = room(file->replaced, file->nreplaced, sizeof *file->replaced);
            if (!grown)
                return FVT_NOMEM;
            file->replaced = grown;
            file->replaced[file->nreplaced++] = get_replaced(&r);
        } else if (kind == FVT_META_COUNTERS) {
            void *grown = room(file->counters, file->ncounters, sizeof *file->counters);
            if (!grown)
                return FVT_NOMEM;
            file->counters = grown;
            file->counters[file->ncounters++] = get_counters(&r);
        } else if (kind == FVT_META_DAMAGE) {
            file->damaged += fvt_get_int(&r, 8);
        } else if (kind == FVT_META_ROLLUP) {
            if (get_rollup(&r, file) != FVT_OK)
                return FVT_NOMEM;
        }
    }
    return FVT_OK;
}

static int by_replaced(const void *a, const void *b) {
    const struct fvt_replaced *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order == 0)
        order = (x->size > y->size) - (x->size < y->size);
    return order ? order : (x->checksum > y->checksum) - (x->checksum < y->checksum);
}

/* An array of *count with n more elements; NULL without memory. */
static void *append(void *array, uint32_t *count, const void *more, uint32_t n, size_t size) {
    uint8_t *grown = realloc(array, ((size_t)*count + n + 1) * size);
    if (!grown)
        return NULL;
    if (n)
        memcpy(grown + *count * size, more, n * size);
    *count += n;
    return grown;
}

/* Those of the file are in order of their keys; more may have several of one key. */
static bool add_exporters(struct fvt_file *sum, const struct fvt_exporter *more, uint32_t n) {
    uint32_t before = sum->nexporters;
    for (uint32_t i = 0; i < n; i++) {
        const struct fvt_exporter *e = &more[i];
        struct fvt_exporter *known =
            before ? bsearch(e, sum->exporters, before, sizeof *e, statistics_by_exporter) : NULL;
        if (known) {
            statistics_add_exporter(known, e);
            continue;
        }
        void *grown = append(sum->exporters, &sum->nexporters, e, 1, sizeof *e);
        if (!grown)
            return false;
        sum->exporters = grown;
    }
    sum->nexporters = settle(sum->exporters, sum->nexporters, sizeof *sum->exporters,
                             statistics_by_exporter, statistics_add_exporter);
    return true;
}

bool meta_settle(struct fvt_file *file) {
    file->nexporters = settle(file->exporters, file->nexporters, sizeof *file->exporters,
                              statistics_by_exporter, NULL);
    file->ninterfaces =
        settle(file->interfaces, file->ninterfaces, sizeof *file->interfaces, by_interface, NULL);
    file->nreplaced =
        settle(file->replaced, file->nreplaced, sizeof *file->replaced, by_replaced, NULL);
    file->nsockets = settle(file->sockets, file->nsockets, sizeof *file->sockets,
                            statistics_by_socket, statistics_add_socket);
    file->noptions =
        settle(file->options, file->noptions, sizeof *file->options, option_order, option_replace);
    bool added = file->nadded == 0 || add_exporters(file, file->added, file->nadded);
    free(file->added);
    file->added = NULL;
    file->nadded = file->added_keys = 0;
    return added;
}

static bool add_options(struct fvt_file *sum, const struct fvt_file *more) {
    for (uint32_t i = 0; i < more->noptions; i++) {
        if (!room_for_option(sum) || !option_copy(&sum->options[sum->noptions], &more->options[i]))
            return false;
        sum->noptions++;
    }
    return true;
}

bool meta_add(struct fvt_file *sum, const struct fvt_file *more) {
    if (!add_exporters(sum, more->exporters, more->nexporters))
        return false;
    void *grown =
        append(sum->sockets, &sum->nsockets, more->sockets, more->nsockets, sizeof *more->sockets);
    if (!grown)
        return false;
    sum->sockets = grown;
    grown = append(sum->interfaces, &sum->ninterfaces, more->interfaces, more->ninterfaces,
                   sizeof *more->interfaces);
    if (!grown)
        return false;
    sum->interfaces = grown;
    if (!add_options(sum, more))
        return false;
    grown = append(sum->replaced, &sum->nreplaced, more->replaced, more->nreplaced,
                   sizeof *more->replaced);
    if (!grown)
        return false;
    sum->replaced = grown;
    return meta_settle(sum);
}
