/* SPDX-License-Identifier: MIT */
/*
** Opening a flow file: through its footer when it is closed, block by block when it is live or
** the footer is damaged. What is in the chunks is chunk.c's.
*/
#include "counters.h"
#include "kernel.h"
#include "meta.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct block {
    uint64_t at, length; /* of the payload */
    uint32_t dirlen, rows;
    uint16_t type;
    uint64_t dirsum;
};

/* Parse a block header; false when it is none, or damaged, or reaches over the end. */
static bool get_block(const uint8_t *p, uint64_t at, uint64_t size, struct block *b) {
    struct fvt_cursor c = {p, p + FVT_BLOCK_HEADER, false};
    if (fvt_get_int(&c, 4) != FVT_BLOCK_MAGIC || fvt_checksum(p, 32) != fvt_load64(p + 32))
        return false;
    b->at = at + FVT_BLOCK_HEADER;
    b->type = (uint16_t)fvt_get_int(&c, 2);
    fvt_get_int(&c, 2);
    b->length = fvt_get_int(&c, 8);
    b->dirlen = (uint32_t)fvt_get_int(&c, 4);
    b->rows = (uint32_t)fvt_get_int(&c, 4);
    b->dirsum = fvt_get_int(&c, 8);
    return b->at <= size && b->length <= size - b->at && b->dirlen <= b->length &&
           b->length % FVT_ALIGN == 0;
}

/* The checked part of a block's payload, malloc()ed; NULL with rc set. */
static uint8_t *read_dir(const struct fvt_file *file, const struct block *b, int *rc) {
    uint8_t *p = malloc((size_t)b->dirlen + KERNEL_SLACK);
    *rc = p ? FVT_OK : FVT_NOMEM;
    if (p &&
        (!fvt_read_at(file->fd, b->at, p, b->dirlen) || fvt_checksum(p, b->dirlen) != b->dirsum))
        *rc = FVT_DAMAGED;
    if (*rc == FVT_OK)
        return p;
    free(p);
    return NULL;
}

/* One directory entry. payload: where offsets count from. */
static bool get_entry(struct fvt_cursor *c, uint64_t payload, uint64_t size,
                      struct fvt_chunk_info *e) {
    size_t length = (size_t)fvt_get_int(c, 2);
    e->column = (uint32_t)fvt_get_int(c, 2);
    e->encoding = (uint8_t)fvt_get_int(c, 1);
    e->flags = (uint8_t)fvt_get_int(c, 1);
    uint32_t dict = (uint32_t)fvt_get_int(c, 2);
    e->dict = dict == FVT_NO_DICT ? -1 : (int)dict;
    e->offset = payload + fvt_get_int(c, 4);
    e->length = (uint32_t)fvt_get_int(c, 4);
    e->raw = (uint32_t)fvt_get_int(c, 4);
    e->parent = (uint32_t)fvt_get_int(c, 4);
    e->nulls = fvt_get_int(c, 4);
    e->count = (uint32_t)fvt_get_int(c, 4);
    e->checksum = fvt_get_int(c, 8);
    e->min = (int64_t)fvt_get_int(c, 8);
    e->max = (int64_t)fvt_get_int(c, 8);
    if (c->bad || length < FVT_ENTRY)
        return false;
    const uint8_t *zone = fvt_get(c, length - FVT_ENTRY);
    if (zone && length - FVT_ENTRY >= FVT_IP_ZONE) {
        struct fvt_cursor z = {zone, zone + FVT_IP_ZONE, false};
        e->ipmin = fvt_get_ip(&z);
        e->ipmax = fvt_get_ip(&z);
    }
    return zone && e->offset <= size && e->length <= size - e->offset;
}

/* A group's directory, already checked by its checksum. */
static int get_group(struct fvt_cursor *c, uint64_t payload, uint64_t size, const int *field_of,
                     uint32_t ncolumns, struct fvt_group *g) {
    g->rows = (uint32_t)fvt_get_int(c, 4);
    g->nchunks = (uint32_t)fvt_get_int(c, 2);
    g->ndicts = (uint32_t)fvt_get_int(c, 2);
    for (int p = 0; p < FVT_NPROTO; p++) {
        g->totals.flows[p] = fvt_get_int(c, 8);
        g->totals.packets[p] = fvt_get_int(c, 8);
        g->totals.bytes[p] = fvt_get_int(c, 8);
    }
    g->totals.first = (int64_t)fvt_get_int(c, 8);
    g->totals.last = (int64_t)fvt_get_int(c, 8);
    if (c->bad || g->rows > FVT_MAX_ROWS)
        return FVT_DAMAGED;
    g->chunks = calloc((size_t)g->nchunks + 1, sizeof *g->chunks);
    g->dicts = calloc((size_t)g->ndicts + 1, sizeof *g->dicts);
    if (!g->chunks || !g->dicts)
        return FVT_NOMEM;
    for (uint32_t i = 0; i < g->ndicts; i++)
        if (!get_entry(c, payload, size, &g->dicts[i]))
            return FVT_DAMAGED;
    for (uint32_t i = 0; i < g->nchunks; i++) {
        struct fvt_chunk_info *e = &g->chunks[i];
        if (!get_entry(c, payload, size, e) || e->dict >= (int)g->ndicts)
            return FVT_DAMAGED;
        e->field = e->column < ncolumns ? field_of[e->column] : -1;
        bool coded = e->field >= 0 && (flow_fields[e->field].class == FLOW_IP ||
                                       flow_fields[e->field].class == FLOW_TEXT);
        if (e->field >= 0 && coded != (e->dict >= 0))
            return FVT_DAMAGED;
        if (e->parent != FVT_NO_COLUMN)
            e->parent = e->parent < ncolumns && field_of[e->parent] >= 0
                            ? (uint32_t)field_of[e->parent]
                            : FVT_UNKNOWN_COLUMN;
        if (e->field >= 0)
            g->chunk_of[e->field] = (int)i;
    }
    return FVT_OK;
}

static void group_init(struct fvt_group *g) {
    memset(g, 0, sizeof *g);
    fvt_totals_init(&g->totals);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        g->chunk_of[f] = -1;
}

static void group_drop(struct fvt_group *g) {
    free(g->chunks);
    free(g->dicts);
    group_init(g);
}

static struct fvt_group *next_group(struct fvt_file *file) {
    uint32_t n = file->ngroups;
    if ((n & (n - 1)) == 0) {
        struct fvt_group *grown = realloc(file->groups, (n ? (size_t)n * 2 : 1) * sizeof *grown);
        if (!grown)
            return NULL;
        file->groups = grown;
    }
    struct fvt_group *g = &file->groups[file->ngroups++];
    group_init(g);
    return g;
}

/* Add one group from its directory. A directory that cannot be read becomes a damaged group. */
static int add_group(struct fvt_file *file, struct fvt_cursor *c, uint64_t payload,
                     const int *field_of, uint32_t ncolumns) {
    struct fvt_group *g = next_group(file);
    if (!g)
        return FVT_NOMEM;
    int rc = c ? get_group(c, payload, file->size, field_of, ncolumns, g) : FVT_DAMAGED;
    if (rc != FVT_OK) {
        group_drop(g);
        g->damaged = true;
        file->damaged++;
        return rc == FVT_DAMAGED ? FVT_OK : rc;
    }
    g->first_row = file->rows;
    g->at = payload;
    file->rows += g->rows;
    fvt_totals_add(&file->totals, &g->totals);
    return FVT_OK;
}

/* What the directories of roll-ups will be read by. */
static void keep_columns(struct fvt_file *file, int *field_of, uint32_t ncolumns) {
    free(file->field_of);
    file->field_of = field_of;
    file->ncolumns = field_of ? ncolumns : 0;
}

/* Footer: columns, groups (payload offset, directory), meta records. */
static int read_footer(struct fvt_file *file, struct fvt_cursor *c) {
    size_t n = (size_t)fvt_get_int(c, 4);
    const uint8_t *p = fvt_get(c, n);
    int *field_of = NULL;
    uint32_t ncolumns = 0;
    struct fvt_cursor columns = {p, p ? p + n : NULL, !p};
    int rc = meta_get_columns(&columns, &field_of, &ncolumns);
    uint64_t ngroups = fvt_get_int(c, 4);
    for (uint64_t i = 0; rc == FVT_OK && i < ngroups; i++) {
        uint64_t payload = fvt_get_int(c, 8);
        n = (size_t)fvt_get_int(c, 4);
        p = fvt_get(c, n);
        struct fvt_cursor dir = {p, p ? p + n : NULL, !p};
        rc = p ? add_group(file, &dir, payload, field_of, ncolumns) : FVT_DAMAGED;
    }
    n = (size_t)fvt_get_int(c, 4);
    p = rc == FVT_OK ? fvt_get(c, n) : NULL;
    struct fvt_cursor meta = {p, p ? p + n : NULL, !p};
    if (rc == FVT_OK)
        rc = p ? meta_get_records(&meta, file) : FVT_DAMAGED;
    keep_columns(file, field_of, ncolumns);
    return rc;
}

/* Forget what a first attempt has found. */
static void start_over(struct fvt_file *file) {
    for (uint32_t i = 0; i < file->ngroups; i++)
        group_drop(&file->groups[i]);
    file->ngroups = file->nexporters = file->ninterfaces = file->nreplaced = file->ncounters = 0;
    file->nsockets = file->nadded = file->added_keys = file->socket_keys = 0;
    file->rows = file->blocks = 0;
    meta_forget_rollups(file);
    meta_forget_options(file);
    fvt_totals_init(&file->totals);
}

/* 1: the trailer leads to a footer, which was read; else the blocks must be walked: 0, or negative
** when memory or the disk failed. */
static int try_footer(struct fvt_file *file) {
    uint8_t t[FVT_TRAILER], header[FVT_BLOCK_HEADER];
    if (file->size < FVT_FILE_HEADER + FVT_TRAILER ||
        !fvt_read_at(file->fd, file->size - FVT_TRAILER, t, sizeof t) ||
        memcmp(t + 24, FVT_TRAILER_MAGIC, 8) != 0)
        return 0;
    uint64_t at = fvt_load64(t);
    struct block b;
    if (fvt_checksum(t, 16) != fvt_load64(t + 16) || at > file->size - FVT_BLOCK_HEADER ||
        !fvt_read_at(file->fd, at, header, sizeof header) ||
        !get_block(header, at, file->size, &b) || b.type != FVT_FOOTER)
        return 0;
    int rc;
    uint8_t *p = read_dir(file, &b, &rc);
    if (!p)
        return rc == FVT_DAMAGED ? 0 : rc;
    struct fvt_cursor c = {p, p + b.dirlen, false};
    rc = read_footer(file, &c);
    free(p);
    return rc == FVT_OK ? 1 : rc == FVT_DAMAGED ? 0 : rc;
}

/* Find the next block header at or after *at, which is not a valid one. */
static bool resync(struct fvt_file *file, uint64_t *at, struct block *b) {
    enum { WINDOW = 1 << 16 };
    uint8_t *w = malloc(WINDOW);
    bool found = false;
    for (uint64_t from = *at; w && !found && from + FVT_BLOCK_HEADER <= file->size;) {
        size_t n = file->size - from < WINDOW ? (size_t)(file->size - from) : WINDOW;
        if (!fvt_read_at(file->fd, from, w, n))
            break;
        size_t i = 0;
        for (; !found && i + FVT_BLOCK_HEADER <= n; i += found ? 0 : FVT_ALIGN)
            found = fvt_load64(w + i) << 32 == (uint64_t)FVT_BLOCK_MAGIC << 32 &&
                    get_block(w + i, from + i, file->size, b);
        *at = from += i;
    }
    free(w);
    return found;
}

static bool is_native(const int *field_of, uint32_t ncolumns) {
    for (uint32_t i = 0; i < ncolumns; i++)
        if (field_of[i] != (int)i)
            return false;
    return ncolumns == FLOW_NFIELDS;
}

static int take_block(struct fvt_file *file, const struct block *b, int **field_of,
                      uint32_t *ncolumns) {
    int rc;
    if (b->type == FVT_ROLLUP || b->type == FVT_COUNTERS) /* meta records lead to it */
        return FVT_OK;
    uint8_t *p = read_dir(file, b, &rc);
    if (rc == FVT_NOMEM)
        return rc;
    struct fvt_cursor c = {p, p ? p + b->dirlen : NULL, !p};
    rc = FVT_OK;
    if (b->type == FVT_FOOTER)
        file->state = FVT_CLOSED;
    if (b->type == FVT_GROUP) {
        /* Without its column table a group cannot be told from another. */
        rc = add_group(file, p && *field_of ? &c : NULL, b->at, *field_of, *ncolumns);
    } else if (!p) {
        file->damaged++;
    } else if (b->type == FVT_COLUMNS && !*field_of) {
        rc = meta_get_columns(&c, field_of, ncolumns);
        file->native = rc == FVT_OK && is_native(*field_of, *ncolumns);
    } else if (b->type == FVT_META) {
        rc = meta_get_records(&c, file);
    }
    if (rc == FVT_DAMAGED)
        file->damaged++;
    free(p);
    return rc == FVT_DAMAGED ? FVT_OK : rc;
}

/* Block after block. A last block that is not all there yet is being written, or was when the
** writer died: it is no damage. Sets file->tail to the end of what is whole. */
static int scan_blocks(struct fvt_file *file) {
    int *field_of = NULL;
    uint32_t ncolumns = 0;
    uint64_t at = FVT_FILE_HEADER;
    int rc = FVT_OK;
    while (rc == FVT_OK && at + FVT_BLOCK_HEADER <= file->size) {
        uint8_t header[FVT_BLOCK_HEADER];
        struct block b;
        if (!fvt_read_at(file->fd, at, header, sizeof header)) {
            rc = FVT_IO;
            break;
        }
        if (!get_block(header, at, file->size, &b)) {
            bool cut = fvt_load64(header) << 32 == (uint64_t)FVT_BLOCK_MAGIC << 32 &&
                       fvt_checksum(header, 32) == fvt_load64(header + 32);
            if (cut)
                break;
            at += FVT_ALIGN;
            file->damaged++;
            if (!resync(file, &at, &b))
                break;
        }
        rc = take_block(file, &b, &field_of, &ncolumns);
        at = b.at + b.length;
        file->tail = at;
    }
    keep_columns(file, field_of, ncolumns);
    return rc;
}

/* Ten thousand years in ms: what a broken header may say of an interval at most. */
#define CALENDAR (INT64_C(10000) * 366 * 86400 * 1000)

static int64_t within(int64_t v, int64_t lo, int64_t hi) {
    return v < lo ? lo : v > hi ? hi : v;
}

/* *closed: the file was written as a closed one. */
static int read_header(struct fvt_file *file, bool *closed, struct fvt_error *err) {
    uint8_t h[FVT_FILE_HEADER];
    if (file->size < sizeof h || !fvt_read_at(file->fd, 0, h, sizeof h) ||
        memcmp(h, FVT_FILE_MAGIC, 8) != 0) {
        fvt_fail(err, "%s: not a flow file: it does not begin with FLOWVT1", file->path);
        return FVT_FOREIGN;
    }
    struct fvt_cursor c = {h + 8, h + sizeof h, false};
    uint64_t version = fvt_get_int(&c, 2);
    *closed = fvt_get_int(&c, 2) == 1;
    fvt_get_int(&c, 4);
    file->start = within((int64_t)fvt_get_int(&c, 8), -CALENDAR, CALENDAR);
    file->length = within((int64_t)fvt_get_int(&c, 8), 0, CALENDAR);
    if (fvt_checksum(h, FVT_FILE_HEADER - 8) != fvt_load64(h + FVT_FILE_HEADER - 8)) {
        file->damaged++;
    } else if (version != FVT_VERSION) {
        fvt_fail(err, "%s: format version %d; this flowvt reads version %d", file->path,
                 (int)version, FVT_VERSION);
        return FVT_UNKNOWN;
    }
    return FVT_OK;
}

static int open_blocks(struct fvt_file *file, struct fvt_error *err) {
    bool closed = false;
    int rc = read_header(file, &closed, err);
    if (rc != FVT_OK)
        return rc;
    fvt_totals_init(&file->totals);
    uint64_t damaged = file->damaged;
    rc = try_footer(file);
    if (rc > 0) {
        file->state = FVT_CLOSED;
        file->tail = file->size;
        rc = FVT_OK;
    } else if (rc == 0) {
        start_over(file);
        file->state = closed && damaged == 0 ? FVT_CLOSED : FVT_LIVE;
        file->damaged = damaged;
        rc = scan_blocks(file);
        /* A closed file, whose trailer does not lead to its footer. */
        if (rc == FVT_OK && file->state == FVT_CLOSED && file->damaged == damaged)
            file->damaged++;
    }
    if (rc != FVT_OK)
        fvt_fail(err, "%s: %s", file->path,
                 rc == FVT_NOMEM ? "out of memory" : "cannot be read to its end");
    if (!meta_settle(file) && rc == FVT_OK) {
        fvt_fail(err, "%s: out of memory", file->path);
        rc = FVT_NOMEM;
    }
    meta_settle_rollups(file);
    for (uint32_t i = 0; i < file->ngroups; i++)
        file->blocks += 1 + file->groups[i].ndicts + file->groups[i].nchunks;
    for (uint32_t i = 0; i < file->nrollups; i++)
        file->blocks += file->rollups[i].nblocks;
    file->blocks += file->ncounters;
    return rc;
}

int fvt_open(const char *path, struct fvt_file **out, struct fvt_error *err) {
    struct fvt_file *file = calloc(1, sizeof *file);
    char *copy = strdup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        fvt_fail(err, "%s: out of memory", path);
        return FVT_NOMEM;
    }
    file->path = copy;
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    int rc = FVT_IO;
    if (file->fd < 0 || fstat(file->fd, &st) != 0)
        fvt_fail(err, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        fvt_fail(err, "%s: not a regular file", path);
    else {
        file->size = (uint64_t)st.st_size;
        file->inode = (uint64_t)st.st_ino;
        file->device = (uint64_t)st.st_dev;
        file->changed = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
        rc = open_blocks(file, err);
    }
    if (rc != FVT_OK) {
        fvt_file_free(file);
        return rc;
    }
    *out = file;
    return FVT_OK;
}

void fvt_file_free(struct fvt_file *file) {
    if (!file)
        return;
    start_over(file);
    if (file->fd >= 0)
        close(file->fd);
    free(file->groups);
    free(file->exporters);
    free(file->added);
    free(file->sockets);
    free(file->interfaces);
    free(file->options);
    free(file->replaced);
    free(file->rollups);
    free(file->counters);
    free(file->field_of);
    free(file->path);
    free(file);
}

/* The first part of the block of that type at that offset, to be freed; NULL with rc set. */
static uint8_t *read_block(const struct fvt_file *file, uint64_t at, enum fvt_block_type type,
                           struct block *b, int *rc) {
    uint8_t header[FVT_BLOCK_HEADER];
    *rc = FVT_DAMAGED;
    if (at < FVT_FILE_HEADER || at % FVT_ALIGN || at > file->size ||
        file->size - at < FVT_BLOCK_HEADER || !fvt_read_at(file->fd, at, header, sizeof header) ||
        !get_block(header, at, file->size, b) || b->type != type)
        return NULL;
    return read_dir(file, b, rc);
}

int fvt_counters_read(const struct fvt_file *file, const struct fvt_counter_block *block,
                      struct fvt_if_counters **rows, uint32_t *n) {
    struct block b;
    int rc;
    uint8_t *p = read_block(file, block->at, FVT_COUNTERS, &b, &rc);
    if (!p)
        return rc;
    struct fvt_cursor c = {p, p + b.dirlen, false};
    rc = counters_get(&c, rows, n);
    free(p);
    return rc;
}

/* The directory of the roll-up block at that offset. */
static int read_rollup(const struct fvt_file *file, uint64_t at, struct fvt_group *g) {
    struct block b;
    int rc;
    uint8_t *p = read_block(file, at, FVT_ROLLUP, &b, &rc);
    if (!p)
        return rc;
    struct fvt_cursor c = {p, p + b.dirlen, false};
    rc = get_group(&c, b.at, file->size, file->field_of, file->ncolumns, g);
    free(p);
    return rc;
}

int fvt_rollup_open(const struct fvt_file *file, const struct fvt_rollup *r,
                    struct fvt_group **groups) {
    struct fvt_group *g = malloc(r->nblocks * sizeof *g);
    int rc = g ? FVT_OK : FVT_NOMEM;
    for (uint32_t i = 0; g && i < r->nblocks; i++)
        group_init(&g[i]);
    for (uint32_t i = 0; rc == FVT_OK && i < r->nblocks; i++)
        rc = read_rollup(file, r->block[i], &g[i]);
    if (rc != FVT_OK) {
        fvt_rollup_close(g, r->nblocks);
        g = NULL;
    }
    *groups = g;
    return rc;
}

void fvt_rollup_close(struct fvt_group *groups, uint32_t n) {
    for (uint32_t i = 0; groups && i < n; i++)
        group_drop(&groups[i]);
    free(groups);
}
