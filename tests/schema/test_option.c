/* SPDX-License-Identifier: MIT */
/*
** Options data in files: what is written comes back, the last of each key, from a live file, a closed one and a
** merged one.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/layout.h"
#include "schema/merge.h"
#include "schema/store.h"

static void say(struct fvt_writer *w, uint8_t exporter, uint16_t template, const char *scope,
                const char *data, int64_t time) {
    const uint8_t address[4] = {192, 0, 2, exporter};
    const struct fvt_option o = {.exporter = flow_ip_make(4, address),
                                 .odid = 7,
                                 .version = "ipfix",
                                 .template = template,
                                 .time = time,
                                 .nscope = (uint16_t)strlen(scope),
                                 .ndata = (uint16_t)strlen(data),
                                 .scope = scope,
                                 .data = data};
    assert_int_equal(fvt_writer_option(w, &o), FVT_OK);
}

static const struct {
    uint8_t exporter;
    uint16_t template;
    const char *scope, *data;
    int64_t time;
} wanted[] = {
    {1, 256, "", "{\"b\":2}", 3},
    {1, 256, "{\"x\":1}", "{\"a\":3}", 5},
    {1, 257, "{\"x\":1}", "{\"c\":1}", 4},
    {2, 256, "{\"x\":1}", "{\"a\":1}", -6},
};

static void check(const char *path, enum fvt_state state, int64_t later) {
    struct fvt_file *f;
    struct fvt_error err;
    assert_int_equal(fvt_open(path, &f, &err), FVT_OK);
    assert_int_equal(f->state, state);
    assert_int_equal(f->noptions, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct fvt_option *o = &f->options[i];
        assert_int_equal(o->exporter.addr[3], wanted[i].exporter);
        assert_int_equal(o->odid, 7);
        assert_string_equal(o->version, "ipfix");
        assert_int_equal(o->template, wanted[i].template);
        assert_int_equal(o->time, wanted[i].time + later);
        assert_int_equal(o->nscope, strlen(wanted[i].scope));
        assert_string_equal(o->scope, wanted[i].scope);
        assert_int_equal(o->ndata, strlen(wanted[i].data));
        assert_string_equal(o->data, wanted[i].data);
    }
    fvt_file_free(f);
}

static void write_file(const char *path, int64_t start, int64_t later) {
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, start, 300000, &w, &err), FVT_OK);
    for (int i = 0; i < 5000; i++) /* more than a reader lets wait */
        say(w, 1, 256, "{\"x\":1}", "{\"a\":0}", i);
    say(w, 2, 256, "{\"x\":1}", "{\"a\":1}", later - 6);
    say(w, 1, 256, "{\"x\":1}", "{\"a\":2}", 2);
    assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    say(w, 1, 256, "", "{\"b\":2}", later + 3);
    say(w, 1, 257, "{\"x\":1}", "{\"c\":1}", later + 4);
    say(w, 1, 256, "{\"x\":1}", "{\"a\":3}", later + 5);
    struct flow_row row;
    flow_row_clear(&row);
    flow_row_set_time(&row, FLOW_trecv, start);
    assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    check(path, FVT_LIVE, later);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    check(path, FVT_CLOSED, later);
}

static void test_files(void **state) {
    (void)state;
    static const int64_t begin = INT64_C(1700006400000); /* 2023-11-15 */
    char dir[] = "/tmp/flowvt-test-XXXXXX", path[2][300], command[64], day[300];
    struct fvt_error err;
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 2; i++) {
        fvt_store_path(dir, LAYOUT_USUAL, begin + i * 300000, 300, path[i], sizeof path[i]);
        snprintf(command, sizeof command, "mkdir -p %s/2023/11/15", dir);
        assert_int_equal(system(command), 0);
        write_file(path[i], begin + i * 300000, i * 1000);
    }
    const struct merge_options options = {begin + INT64_C(86400000), NULL};
    const struct merge_calls calls = {NULL, NULL, NULL};
    struct merge_counts counts;
    assert_int_equal(fvt_merge(dir, &options, &calls, &counts, &err), FVT_OK);
    assert_int_equal(counts.days, 1);
    snprintf(day, sizeof day, "%s/2023/11/15/flows.20231115.fvt", dir);
    check(day, FVT_CLOSED, 1000);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
