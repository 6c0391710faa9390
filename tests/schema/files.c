/* SPDX-License-Identifier: MIT */
/*
** Files of known rows.
*/
#include "files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"
#include "schema/store.h"

static char dir[] = "/tmp/flowvt-test-XXXXXX";

void files_path(char *out, size_t n, const char *name) {
    snprintf(out, n, "%s/%s", dir, name);
}

void files_write(const char *path, uint64_t seed, uint64_t from, uint64_t to, uint64_t step) {
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    struct test_row t;
    for (uint64_t i = from; i < to; i++) {
        test_row_make(&t, seed, i);
        assert_int_equal(fvt_writer_add(w, &t.row), FVT_OK);
        if ((i + 1) % step == 0)
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

/* Row i, kept for the next column that asks for it. */
static const struct test_row *expected(uint64_t seed, uint64_t i) {
    enum { KEPT = 4096 };
    static struct {
        uint64_t seed, i;
        bool valid;
        struct test_row t;
    } kept[KEPT];
    if (!kept[i % KEPT].valid || kept[i % KEPT].seed != seed || kept[i % KEPT].i != i) {
        test_row_make(&kept[i % KEPT].t, seed, i);
        kept[i % KEPT].seed = seed;
        kept[i % KEPT].i = i;
        kept[i % KEPT].valid = true;
    }
    return &kept[i % KEPT].t;
}

/* A group's columns that can be read, and its dictionaries. */
struct columns {
    struct fvt_chunk *chunk[FLOW_NFIELDS];
    struct fvt_dict **dict;
    bool unreadable[FLOW_NFIELDS];
    uint64_t nulls[FLOW_NFIELDS];
};

static bool load_column(const struct fvt_file *file, const struct fvt_group *g, int f,
                        struct columns *c) {
    int at = g->chunk_of[f], dict = at < 0 ? -1 : g->chunks[at].dict;
    int rc = at < 0 ? FVT_OK : fvt_chunk_load(file, g, f, &c->chunk[f]);
    if (dict >= (int)g->ndicts)
        return false;
    if (rc == FVT_OK && dict >= 0 && !c->dict[dict])
        rc = fvt_dict_load(file, g, dict, &c->dict[dict]);
    return rc == FVT_OK;
}

/* A value of a column against the one that was written. */
static void check_value(const struct fvt_group *g, const struct columns *c, int f, int64_t v,
                        const union flow_value *want) {
    const struct fvt_chunk_info *e = &g->chunks[g->chunk_of[f]];
    const struct fvt_dict *d = e->dict < 0 ? NULL : c->dict[e->dict];
    if (flow_fields[f].class == FLOW_IP) {
        assert_memory_equal(&d->ip[v], &want->ip, sizeof want->ip);
        assert_true(flow_ip_cmp(&e->ipmin, &want->ip) <= 0);
        assert_true(flow_ip_cmp(&e->ipmax, &want->ip) >= 0);
    } else if (flow_fields[f].class == FLOW_TEXT) {
        assert_int_equal(d->len[v], want->text.n);
        assert_memory_equal(d->text[v], want->text.p, want->text.n);
    } else {
        assert_int_equal(v, want->i);
        assert_true(e->min <= v && v <= e->max);
    }
}

static void check_rows(const struct fvt_group *g, struct columns *c, int f, uint64_t seed,
                       uint32_t row, uint32_t n, int64_t *v, uint8_t *nulls) {
    memset(nulls, 1, n);
    if (c->chunk[f])
        fvt_chunk_read(c->chunk[f], row, n, v, nulls);
    for (uint32_t i = 0; i < n; i++) {
        const struct test_row *t = expected(seed, g->first_row + row + i);
        bool null = nulls[i];
        if (null == flow_row_has(&t->row, f))
            fail_msg("%s of row %llu is %sNULL", flow_fields[f].name,
                     (unsigned long long)g->first_row + row + i, null ? "" : "not ");
        c->nulls[f] += null;
        if (!null)
            check_value(g, c, f, v[i], &t->row.value[f]);
    }
}

/* Of each piece all columns, so that its rows are made once. */
unsigned files_check_group(const struct fvt_file *file, const struct fvt_group *g, uint64_t seed,
                           uint32_t step) {
    unsigned unreadable = 0;
    struct columns *c = calloc(1, sizeof *c);
    c->dict = calloc(g->ndicts + 1, sizeof(struct fvt_dict *));
    int64_t *v = malloc(step * sizeof *v);
    uint8_t *nulls = malloc(step);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        unreadable += c->unreadable[f] = !load_column(file, g, f, c);
    for (uint32_t row = 0; row < g->rows; row += step)
        for (int f = 0; f < FLOW_NFIELDS; f++)
            if (!c->unreadable[f])
                check_rows(g, c, f, seed, row, g->rows - row < step ? g->rows - row : step, v,
                           nulls);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (c->chunk[f] && !c->unreadable[f])
            assert_int_equal(g->chunks[g->chunk_of[f]].nulls, c->nulls[f]);
        fvt_chunk_free(c->chunk[f]);
    }
    for (uint32_t d = 0; d < g->ndicts; d++)
        fvt_dict_free(c->dict[d]);
    free(c->dict);
    free(c);
    free(v);
    free(nulls);
    return unreadable;
}

int files_begin(void **state) {
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

int files_end(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}
