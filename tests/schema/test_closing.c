/* SPDX-License-Identifier: MIT */
/*
** Files that are closed from what their writer has kept in memory, alone, together with what only the file
** has, and when the two do not agree: each row is there once, as it was. Flows that began early are in a group of
** their own.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rows.h"
#include "schema/closer.h"
#include "schema/format.h"
#include "schema/group.h"
#include "schema/newfile.h"
#include "schema/rewrite.h"
#include "schema/store.h"

enum { SEED = 11 };
#define BEGIN INT64_C(1700000100000)

static char dir[] = "/tmp/flowvt-closing-XXXXXX";
static char path[64];

static int make_dir(void **state) {
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/flows.202311142215.fvt", dir);
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* ---- what is in a file, whatever the order ----------------------------------------------- */

static uint64_t digest_value(int f, const int64_t v, const struct fvt_dict *d) {
    if (!d)
        return fvt_checksum(&v, sizeof v) * (2 * (uint64_t)f + 1);
    const void *p = d->class == FLOW_IP ? (const void *)&d->ip[v] : (const void *)d->text[v];
    size_t n = d->class == FLOW_IP ? sizeof d->ip[v] : d->len[v];
    return fvt_checksum(p, n) * (2 * (uint64_t)f + 1);
}

static void digest_column(const struct fvt_file *file, const struct fvt_group *g, int f,
                          uint64_t *row) {
    struct fvt_chunk *c = NULL;
    struct fvt_dict *d = NULL;
    int64_t *v = malloc(g->rows * sizeof *v);
    uint8_t *nulls = malloc(g->rows);
    assert_int_equal(fvt_chunk_load(file, g, f, &c), FVT_OK);
    if (g->chunks[g->chunk_of[f]].dict >= 0)
        assert_int_equal(fvt_dict_load(file, g, g->chunks[g->chunk_of[f]].dict, &d), FVT_OK);
    fvt_chunk_read(c, 0, g->rows, v, nulls);
    for (uint32_t i = 0; i < g->rows; i++)
        row[i] += nulls[i] ? 0 : digest_value(f, v[i], d);
    fvt_dict_free(d);
    fvt_chunk_free(c);
    free(v);
    free(nulls);
}

struct content {
    uint64_t rows, digest;
    enum fvt_state state;
    uint32_t groups;
    uint64_t damaged;
};

static struct content content_of(const char *name) {
    struct fvt_file *file;
    struct fvt_error err;
    assert_int_equal(fvt_open(name, &file, &err), FVT_OK);
    struct content c = {file->rows, 0, file->state, file->ngroups, fvt_verify(file)};
    for (uint32_t i = 0; i < file->ngroups && c.damaged == 0; i++) {
        const struct fvt_group *g = &file->groups[i];
        uint64_t *row = calloc(g->rows, sizeof *row);
        assert_non_null(row);
        for (int f = 0; f < FLOW_NFIELDS; f++)
            if (g->chunk_of[f] >= 0)
                digest_column(file, g, f, row);
        for (uint32_t k = 0; k < g->rows; k++)
            c.digest += fvt_checksum(&row[k], sizeof row[k]);
        free(row);
    }
    fvt_file_free(file);
    return c;
}

static void assert_closed(const char *name, const struct content *live, uint32_t groups) {
    struct content c = content_of(name);
    assert_int_equal(c.state, FVT_CLOSED);
    assert_int_equal(c.damaged, 0);
    assert_int_equal(c.rows, live->rows);
    assert_true(c.digest == live->digest);
    assert_int_equal(c.groups, groups);
}

/* ---- one file ---------------------------------------------------------------------------- */

static struct fvt_writer *begin(void) {
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(writer_open(path, BEGIN, 300000, NULL, &w, &err), FVT_OK);
    return w;
}

static void add_rows(struct fvt_writer *w, uint64_t from, uint64_t to) {
    struct test_row t;
    for (uint64_t i = from; i < to; i++) {
        test_row_make(&t, SEED, i);
        assert_int_equal(fvt_writer_add(w, &t.row), FVT_OK);
        if (i % 700 == 0)
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
}

/* The file from now on has other octets in a column of its first group of more than one row. */
static void spoil(uint64_t from) {
    uint8_t zeros[4096] = {0};
    const struct fvt_chunk_info *longest = NULL;
    struct fvt_file *file;
    struct fvt_error err;
    uint32_t i = 0;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    while (file->groups[i].at < from || file->groups[i].rows == 1)
        i++;
    for (uint32_t k = 0; k < file->groups[i].nchunks; k++)
        if (!longest || file->groups[i].chunks[k].length > longest->length)
            longest = &file->groups[i].chunks[k];
    size_t n = longest->length < sizeof zeros ? longest->length : sizeof zeros;
    off_t at = (off_t)longest->offset;
    fvt_file_free(file);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, n, at), n);
    close(fd);
}

static void finish(struct closing *c, const struct kept *kept) {
    struct fvt_error err;
    assert_int_equal(closing_finish(c, path, kept, NULL, &err), FVT_OK);
    assert_null(c->r);
    char tmp[sizeof path + sizeof FVT_TMP_SUFFIX];
    snprintf(tmp, sizeof tmp, "%s" FVT_TMP_SUFFIX, path);
    assert_int_not_equal(access(tmp, F_OK), 0);
}

/* The rows are not read back: those of the file are spoiled, and the closed one has them all. */
static void from_memory(void **state) {
    (void)state;
    struct kept kept;
    struct closing c = {NULL};
    unlink(path);
    struct fvt_writer *w = begin();
    add_rows(w, 0, 5000);
    assert_int_equal(writer_finish(w, &kept), FVT_OK);
    struct content live = content_of(path);
    assert_int_equal(live.state, FVT_LIVE);
    assert_int_equal(live.rows, 5000);
    spoil(kept.from);
    assert_true(content_of(path).damaged > 0);
    finish(&c, &kept);
    assert_closed(path, &live, 1);
    group_free(kept.group);
}

/* What was there before the writer was opened is only in the file. */
static void from_both(void **state) {
    (void)state;
    struct kept kept;
    struct closing c = {NULL};
    unlink(path);
    struct fvt_writer *w = begin();
    add_rows(w, 0, 3000);
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    w = begin();
    add_rows(w, 3000, 4500);
    assert_int_equal(writer_finish(w, &kept), FVT_OK);
    struct content live = content_of(path);
    spoil(kept.from);
    finish(&c, &kept);
    assert_closed(path, &live, 2);
    group_free(kept.group);
}

/* Some is encoded while the file is still being written. */
static void in_parts(void **state) {
    (void)state;
    struct kept kept, first;
    struct closing c = {NULL};
    struct fvt_error err;
    unlink(path);
    struct fvt_writer *w = begin();
    add_rows(w, 0, 3000);
    assert_true(writer_swap(w, group_new(), &first));
    assert_int_equal(closing_add(&c, path, &first, NULL, &err), FVT_OK);
    assert_non_null(c.r);
    group_clear(first.group);
    add_rows(w, 3000, 5500);
    assert_int_equal(writer_finish(w, &kept), FVT_OK);
    struct content live = content_of(path);
    assert_int_equal(live.rows, 5500);
    spoil(first.from);
    spoil(kept.from);
    finish(&c, &kept);
    assert_closed(path, &live, 2);
    group_free(kept.group);
    group_free(first.group);
}

/* A file in which others rows are than those in memory is closed from what it has itself. */
static void not_of_this_file(void **state) {
    (void)state;
    struct kept kept;
    struct closing c = {NULL};
    unlink(path);
    struct fvt_writer *w = begin();
    add_rows(w, 0, 2000);
    assert_int_equal(writer_finish(w, &kept), FVT_OK);
    struct content live = content_of(path);
    kept.to -= 1000; /* as if its last block were somebody else's */
    kept.from += 1000;
    finish(&c, &kept);
    assert_closed(path, &live, 1);
    group_free(kept.group);
}

/* ---- flows that began early -------------------------------------------------------------- */

enum { FLOWS = 70000, ARRIVAL_MS = 4 };

/* When flow i, which answers the one before when it is odd, began; before BEGIN where it is early. */
typedef int64_t (*begin_fn)(uint32_t i);

static int64_t arrival(uint32_t i) {
    return BEGIN + (int64_t)i * ARRIVAL_MS;
}

/* Every hundredth connection is a long one, half of which only the first of the two flows tells. */
static bool is_long(uint32_t i) {
    return i / 2 % 100 == 99;
}

static int64_t few_long(uint32_t i) {
    bool both = i / 2 % 200 == 99;
    return is_long(i) && (both || i % 2 == 0) ? BEGIN - 1200000 : arrival(i);
}

/* A third began within the minute before. */
static int64_t many_short(uint32_t i) {
    return is_long(i) ? BEGIN - 1200000 : i / 2 % 3 == 0 ? BEGIN - 50000 : arrival(i);
}

static int64_t all_long(uint32_t i) {
    (void)i;
    return BEGIN - 3600000;
}

static void add_flow(struct fvt_writer *w, uint32_t i, begin_fn begin_of) {
    struct flow_row row;
    uint8_t near[] = {10, is_long(i), (uint8_t)(i / 2 >> 8), (uint8_t)(i / 2)},
            far[] = {192, 0, 2, 1};
    const char *name = is_long(i) ? "backup" : i % 7 ? "web" : "dns";
    uint32_t port = 1024 + (i / 2 * UINT32_C(2654435761) >> 17);
    flow_row_clear(&row);
    flow_row_set_time(&row, FLOW_tstart, begin_of(i));
    flow_row_set_time(&row, FLOW_tend, arrival(i));
    flow_row_set_time(&row, FLOW_trecv, arrival(i));
    flow_row_set_ip(&row, FLOW_srcip, 4, i % 2 ? far : near);
    flow_row_set_ip(&row, FLOW_dstip, 4, i % 2 ? near : far);
    flow_row_set(&row, FLOW_srcport, i % 2 ? 443 : port);
    flow_row_set(&row, FLOW_dstport, i % 2 ? port : 443);
    flow_row_set(&row, FLOW_proto, 6);
    flow_row_set(&row, FLOW_bytes, i);
    if (i % 5) {
        flow_row_set(&row, FLOW_srcas, 64512 + i % 3);
        flow_row_set_text(&row, FLOW_appname, name, strlen(name));
    }
    assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
}

/* A file of such flows, closed from memory, with all that was in it. To be freed. */
static struct fvt_file *close_flows(uint32_t n, begin_fn begin_of, uint32_t groups) {
    struct kept kept;
    struct closing c = {NULL};
    struct fvt_file *file;
    struct fvt_error err;
    unlink(path);
    struct fvt_writer *w = begin();
    for (uint32_t i = 0; i < n; i++)
        add_flow(w, i, begin_of);
    assert_int_equal(writer_finish(w, &kept), FVT_OK);
    struct content live = content_of(path);
    finish(&c, &kept);
    group_free(kept.group);
    assert_closed(path, &live, groups);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    return file;
}

/* They are in a group of their own, with their answers or what they answer, so that the times of the others are
** those of the interval; of the dictionaries each has what it uses. */
static void early_flows(void **state) {
    (void)state;
    struct fvt_file *file = close_flows(FLOWS, few_long, 2);
    const struct fvt_group *rest = &file->groups[0], *early = &file->groups[1];
    assert_int_equal(early->rows, FLOWS / 100);
    assert_int_equal(rest->totals.first, BEGIN);
    assert_int_equal(early->totals.first, BEGIN - 1200000);
    assert_int_equal(early->totals.last, arrival(FLOWS - 1));
    assert_int_equal(rest->chunks[rest->chunk_of[FLOW_tstart]].min, BEGIN);
    assert_int_equal(early->chunks[early->chunk_of[FLOW_bytes]].min, 198);
    assert_int_equal(rest->chunks[rest->chunk_of[FLOW_bytes]].max, FLOWS - 3);
    const struct fvt_chunk_info *ip = &rest->chunks[rest->chunk_of[FLOW_srcip]],
                                *name = &rest->chunks[rest->chunk_of[FLOW_appname]];
    assert_int_equal(rest->dicts[ip->dict].count, FLOWS / 2 - FLOWS / 200 + 1);
    assert_int_equal(rest->dicts[name->dict].count, 2);
    /* Connections are whole: the answers are coded against what they answer. */
    assert_true(rest->chunks[rest->chunk_of[FLOW_dstport]].flags & FVT_MIRROR);
    fvt_file_free(file);
}

/* Where most flows are short but the interval begins with many of them only the long ones go; none where all
** would, or from a small file. */
static void not_too_many(void **state) {
    (void)state;
    struct fvt_file *file = close_flows(FLOWS, many_short, 2);
    assert_int_equal(file->groups[0].totals.first, BEGIN - 50000);
    assert_int_equal(file->groups[1].rows, FLOWS / 100);
    assert_int_equal(file->groups[1].totals.first, BEGIN - 1200000);
    fvt_file_free(file);
    fvt_file_free(close_flows(FLOWS, all_long, 1));
    fvt_file_free(close_flows(FLOWS / 10, few_long, 1));
}

/* Rows that are added later, and another close: once more as if they had been there all the time. */
static void closed_again(void **state) {
    (void)state;
    struct kept kept;
    struct closing c = {NULL};
    fvt_file_free(close_flows(FLOWS, few_long, 2));
    struct fvt_writer *w = begin();
    for (uint32_t i = FLOWS; i < FLOWS + 2000; i++)
        add_flow(w, i, few_long);
    assert_int_equal(writer_finish(w, &kept), FVT_OK);
    struct content live = content_of(path);
    assert_int_equal(live.rows, FLOWS + 2000);
    finish(&c, NULL);
    assert_closed(path, &live, 2);
    group_free(kept.group);
}

/* ---- a store ----------------------------------------------------------------------------- */

/* More rows in an interval than a group has, and the next interval: whole groups are encoded before the
** file is closed, in memory that is used again. */
static void large_interval(void **state) {
    (void)state;
    enum { N = FVT_GROUP_ROWS + 300000 };
    struct fvt_store *s;
    struct fvt_error err;
    char store[64], **paths;
    size_t n;
    uint64_t bytes = 0;
    snprintf(store, sizeof store, "%s/store", dir);
    assert_int_equal(fvt_store_open(store, 300, NULL, NULL, &s, &err), FVT_OK);
    for (uint32_t i = 0; i < N + 100; i++) {
        struct flow_row row;
        flow_row_clear(&row);
        assert_int_equal(fvt_store_tick(s, BEGIN + (i < N ? 0 : 300000)), FVT_OK);
        flow_row_set_time(&row, FLOW_tstart, BEGIN + i / 1000);
        flow_row_set(&row, FLOW_bytes, i);
        flow_row_set_ip(&row, FLOW_srcip, 4, (uint8_t[]){10, 0, (uint8_t)(i >> 8), (uint8_t)i});
        bytes += i;
        assert_int_equal(fvt_store_add(s, &row), FVT_OK);
    }
    assert_int_equal(fvt_store_close(s), FVT_OK);
    assert_int_equal(fvt_store_list(store, &paths, &n, &err), FVT_OK);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        struct fvt_file *file;
        assert_int_equal(fvt_open(paths[i], &file, &err), FVT_OK);
        assert_int_equal(file->state, FVT_CLOSED);
        assert_int_equal(fvt_verify(file), 0);
        assert_int_equal(file->rows, i ? 100 : N);
        assert_int_equal(file->ngroups, i ? 1 : 2);
        bytes -= file->totals.bytes[FVT_OTHER];
        fvt_file_free(file);
    }
    assert_int_equal(bytes, 0);
    free(paths);
}

/* While the thread is held up, files that end add no memory beyond those of two. */
static void behind(void **state) {
    (void)state;
    enum { FILES = 8, WAITING = 2 };
    char fifo[64], name[64];
    struct group *group[FILES];
    struct closer *c = closer_new();
    assert_non_null(c);
    snprintf(fifo, sizeof fifo, "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    closer_sync(c, fifo); /* until somebody opens it to write */
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%s/none%d", dir, i);
        group[i] = closer_group(c, true);
        assert_non_null(group[i]);
        closer_close(c, name, &(struct kept){.group = group[i]});
    }
    assert_ptr_not_equal(group[0], group[1]);
    for (int i = WAITING; i < FILES; i++)
        assert_ptr_equal(group[i], group[WAITING]);
    int fd;
    while ((fd = open(fifo, O_WRONLY | O_NONBLOCK)) < 0)
        usleep(1000);
    closer_finish(c);
    close(fd);
    unlink(fifo);
    closer_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_memory),  cmocka_unit_test(from_both),
        cmocka_unit_test(in_parts),     cmocka_unit_test(not_of_this_file),
        cmocka_unit_test(early_flows),  cmocka_unit_test(not_too_many),
        cmocka_unit_test(closed_again), cmocka_unit_test(large_interval),
        cmocka_unit_test(behind),
    };
    return cmocka_run_group_tests_name("schema/closing", tests, make_dir, remove_dir);
}
