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

unsigned files_check_group(const struct fvt_file *file, const struct fvt_group *g, uint64_t seed,
                           uint32_t step) {
    unsigned unreadable = 0;
    int64_t *v = malloc(step * sizeof *v);
    uint8_t *nulls = malloc(step);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        struct fvt_chunk *c = NULL;
        struct fvt_dict *d = NULL;
        int at = g->chunk_of[f];
        if (at >= 0) {
            int rc = fvt_chunk_load(file, g, f, &c);
            if (rc == FVT_OK && g->chunks[at].dict >= 0)
                rc = fvt_dict_load(file, g, g->chunks[at].dict, &d);
            if (rc != FVT_OK) {
                fvt_chunk_free(c);
                unreadable++;
                continue;
            }
        }
        uint64_t nullcount = 0;
        for (uint32_t row = 0; row < g->rows; row += step) {
            uint32_t n = g->rows - row < step ? g->rows - row : step;
            if (c)
                fvt_chunk_read(c, row, n, v, nulls);
            else
                memset(nulls, 1, n);
            for (uint32_t i = 0; i < n; i++) {
                const struct test_row *t = expected(seed, g->first_row + row + i);
                const union flow_value *want = &t->row.value[f];
                assert_int_equal(nulls[i], !flow_row_has(&t->row, f));
                nullcount += nulls[i];
                if (nulls[i])
                    continue;
                if (flow_fields[f].class == FLOW_IP) {
                    assert_memory_equal(&d->ip[v[i]], &want->ip, sizeof want->ip);
                    assert_true(flow_ip_cmp(&g->chunks[at].ipmin, &want->ip) <= 0);
                    assert_true(flow_ip_cmp(&g->chunks[at].ipmax, &want->ip) >= 0);
                } else if (flow_fields[f].class == FLOW_TEXT) {
                    assert_int_equal(d->len[v[i]], want->text.n);
                    assert_memory_equal(d->text[v[i]], want->text.p, want->text.n);
                } else {
                    assert_int_equal(v[i], want->i);
                    assert_true(g->chunks[at].min <= v[i] && v[i] <= g->chunks[at].max);
                }
            }
        }
        if (c)
            assert_int_equal(g->chunks[at].nulls, nullcount);
        fvt_chunk_free(c);
        fvt_dict_free(d);
    }
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
