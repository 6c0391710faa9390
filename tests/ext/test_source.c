/* SPDX-License-Identifier: MIT */
/*
** Row groups handed out slice by slice: each row to one reader, and of large groups to several.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ext/source.h"
#include "schema/rewrite.h"
#include "tests/schema/rows.h"

enum { LARGE = 400000, SMALL = 3000, READERS = 3 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static struct snapshot *snapshot;

static int write_file(const char *name, uint64_t rows) {
    char path[300];
    struct fvt_error err;
    struct fvt_writer *w;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (fvt_writer_open(path, 1700000000000, 300000, &w, &err) != FVT_OK)
        return -1;
    for (uint64_t i = 0; i < rows; i++) {
        struct test_row t;
        test_row_make(&t, 3, i);
        if (fvt_writer_add(w, &t.row) != FVT_OK)
            return -1;
    }
    return fvt_writer_finish(w) == FVT_OK && fvt_rewrite(path, FVT_CLOSED, &err) == FVT_OK ? 0 : -1;
}

/* Take the item's slice: no row of it may have been taken before. */
static void take(uint8_t *seen[2], const struct source_item *item) {
    assert_true(item->first < item->end && item->end <= item->group->rows);
    for (uint32_t i = item->first; i < item->end; i++)
        assert_int_equal(seen[item->place][item->group->first_row + i]++, 0);
}

static bool next(struct scan_source *q, struct source_item *item) {
    struct fvt_error err;
    int rc = source_next(q, item, &err);
    assert_true(rc >= 0);
    return rc == 1;
}

static void test_all_rows(void **state) {
    (void)state;
    for (int readers = 1; readers <= READERS; readers++) {
        struct scan_source *q = scan_source_new(snapshot);
        struct source_item item[READERS] = {{0}};
        uint8_t *seen[2] = {calloc(LARGE, 1), calloc(LARGE, 1)};
        bool over[READERS] = {false}, helped = false;
        for (int done = 0; done < readers;)
            for (int i = 0; i < readers; i++) {
                if (over[i] || (item[i].held && source_slice(q, &item[i]))) {
                } else if (!next(q, &item[i])) {
                    over[i] = true;
                    done++;
                }
                if (!over[i])
                    take(seen, &item[i]);
                for (int k = 0; k < i; k++)
                    helped |= !over[i] && item[i].group == item[k].group;
            }
        assert_null(memchr(seen[0], 0, LARGE));
        assert_null(memchr(seen[1], 0, SMALL));
        assert_int_equal(helped, readers > 1);
        free(seen[0]);
        free(seen[1]);
        scan_source_free(q);
    }
}

/* Who gives a group back before its end has found nothing in it: others need not look. */
static void test_given_back(void **state) {
    (void)state;
    struct scan_source *q = scan_source_new(snapshot);
    struct source_item a = {0}, b = {0}, c = {0};
    assert_true(next(q, &a));
    assert_int_equal(a.group->rows, LARGE);
    assert_true(next(q, &b));
    assert_int_equal(b.group->rows, SMALL);
    assert_true(next(q, &b)); /* helps */
    assert_ptr_equal(b.group, a.group);
    source_give_back(q, &a);
    assert_false(source_slice(q, &b));
    assert_false(next(q, &c));
    assert_false(next(q, &b));
    scan_source_free(q);
}

static int setup(void **state) {
    (void)state;
    static const struct fvt_choice all = {
        .by = FVT_BY_FLOWS, .since = INT64_MIN, .until = INT64_MAX};
    struct fvt_error err;
    if (!mkdtemp(dir) || write_file("flows.202311142210.fvt", LARGE) != 0 ||
        write_file("flows.202311142215.fvt", SMALL) != 0)
        return -1;
    return snapshot_take(dir, &all, NULL, &snapshot, &err) == FVT_OK && snapshot->n == 2 ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    for (size_t i = 0; i < snapshot->n; i++)
        unlink(snapshot->paths[i]);
    snapshot_free(snapshot);
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_rows),
        cmocka_unit_test(test_given_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
