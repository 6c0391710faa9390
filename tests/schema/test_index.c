/* SPDX-License-Identifier: MIT */
/*
** The index of a store: it leaves out what cannot matter and nothing else, is not believed when
** anything has changed, and may be damaged or forged in any way.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "schema/format.h"
#include "schema/index_format.h"
#include "schema/layout.h"
#include "schema/store.h"

#define HOUR INT64_C(3600000)
#define BEGIN INT64_C(1700006400000) /* 2023-11-15 00:00 */

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static char index_path[64];

/* One flow at time t, or with none, in the file of the hour that begins at start. */
static void write_file(int64_t start, int64_t t, bool close_it) {
    char path[256];
    struct fvt_writer *w;
    struct fvt_error err;
    struct flow_row row;
    fvt_store_path(dir, LAYOUT_USUAL, start, 3600, path, sizeof path);
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0755);
        *p = '/';
    }
    flow_row_clear(&row);
    flow_row_set(&row, FLOW_bytes, 1);
    if (t) {
        flow_row_set_time(&row, FLOW_tstart, t);
        flow_row_set_time(&row, FLOW_tend, t);
    }
    assert_int_equal(fvt_writer_open(path, start, HOUR, &w, &err), FVT_OK);
    assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    if (close_it)
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
}

/* Files of two days; that of 02:00 has a flow of the day before, that of 03:00 one without times,
** and that of 04:00 is live. */
static int set_up(void **state) {
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(index_path, sizeof index_path, "%s/" INDEX_PATH, dir);
    for (int64_t h = 0; h < 48; h++) {
        int64_t start = BEGIN + h * HOUR;
        write_file(start, h == 2 ? start - 30 * HOUR : h == 3 ? 0 : start + 1000, h != 4);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static size_t choose(int by, int64_t since, int64_t until, char *hours, size_t size) {
    char **paths;
    size_t n;
    struct fvt_error err;
    const struct fvt_choice choice = {.by = by, .since = since, .until = until};
    assert_int_equal(fvt_store_choose(dir, &choice, &paths, &n, &err), FVT_OK);
    *hours = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t k = strlen(hours);
        /* Day and hour of flows.YYYYMMDDhhmm.fvt. */
        if (k + 8 < size)
            snprintf(hours + k, size - k, "%.4s ", strrchr(paths[i], '/') + 1 + 12);
    }
    free(paths);
    return n;
}

static void index_now(void) {
    struct fvt_error err;
    bool fresh = true;
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200000000}, NULL);
    for (int i = 0; i < 2 && fresh; i++) {
        assert_int_equal(fvt_index_update(dir, &fresh, &err), FVT_OK);
        if (fresh) /* the first one has made a directory in the store */
            nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200000000}, NULL);
    }
    assert_false(fresh);
}

static void test_choice(void **state) {
    (void)state;
    char hours[512];
    assert_int_equal(choose(FVT_BY_FLOWS, BEGIN, BEGIN + 1, hours, sizeof hours), 48);
    index_now();
    choose(FVT_BY_FLOWS, BEGIN + 10 * HOUR, BEGIN + 12 * HOUR, hours, sizeof hours);
    assert_string_equal(hours, "1504 1510 1511 "); /* the live one always */
    choose(FVT_BY_FLOWS, BEGIN + 2 * HOUR, BEGIN + 4 * HOUR, hours, sizeof hours);
    assert_string_equal(hours, "1504 ");
    choose(FVT_BY_FLOWS, BEGIN - 28 * HOUR, BEGIN - 27 * HOUR, hours, sizeof hours);
    assert_string_equal(hours, "1502 1504 ");
    choose(FVT_BY_INTERVAL, BEGIN + 2 * HOUR, BEGIN + 4 * HOUR, hours, sizeof hours);
    assert_string_equal(hours, "1502 1503 1504 ");
    choose(FVT_BY_FLOWS, BEGIN + 47 * HOUR + 1000, INT64_MAX, hours, sizeof hours);
    assert_string_equal(hours, "1504 1623 ");
    choose(FVT_BY_FLOWS, BEGIN + 47 * HOUR + 1001, INT64_MAX, hours, sizeof hours);
    assert_string_equal(hours, "1504 ");
    assert_int_equal(choose(FVT_BY_FLOWS, INT64_MIN, INT64_MAX, hours, sizeof hours), 48);
}

/* A change at once after the index was made shows, whatever clock the file system has. */
static void test_change(void **state) {
    (void)state;
    char hours[512], path[256];
    choose(FVT_BY_FLOWS, BEGIN + 34 * HOUR, BEGIN + 35 * HOUR, hours, sizeof hours);
    assert_string_equal(hours, "1504 1610 ");
    write_file(BEGIN + 48 * HOUR, BEGIN + 34 * HOUR, true);
    choose(FVT_BY_FLOWS, BEGIN + 34 * HOUR, BEGIN + 35 * HOUR, hours, sizeof hours);
    assert_string_equal(hours, "1504 1610 1700 "); /* a new directory */
    fvt_store_path(dir, LAYOUT_USUAL, BEGIN + 48 * HOUR, 3600, path, sizeof path);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    write_file(BEGIN + 24 * HOUR, BEGIN + 34 * HOUR, true); /* late, into a closed file */
    assert_int_equal(
        choose(FVT_BY_FLOWS, BEGIN + 34 * HOUR, BEGIN + 35 * HOUR, hours, sizeof hours),
        25); /* that day's files, each */
    index_now();
    choose(FVT_BY_FLOWS, BEGIN + 34 * HOUR, BEGIN + 35 * HOUR, hours, sizeof hours);
    assert_string_equal(hours, "1504 1600 1610 ");
}

struct image {
    uint8_t *p;
    size_t n;
};

static struct image slurp(void) {
    struct image b = {malloc(1 << 20), 0};
    int fd = open(index_path, O_RDONLY);
    assert_true(fd >= 0 && b.p);
    ssize_t n = read(fd, b.p, 1 << 20);
    assert_true(n > INDEX_HEADER);
    b.n = (size_t)n;
    close(fd);
    return b;
}

/* In place: the inode of the store's directories stays as it is. Not emptied first: ext4 waits for the disk
** when such a file is closed. */
static void spill(const struct image *b, size_t n) {
    int fd = open(index_path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, b->p, n), n);
    assert_int_equal(ftruncate(fd, (off_t)n), 0);
    close(fd);
}

/* What the index says is left out or every file is listed, which is right as well. */
static void look(const char *what, size_t at) {
    char hours[512];
    choose(FVT_BY_FLOWS, BEGIN + 34 * HOUR, BEGIN + 35 * HOUR, hours, sizeof hours);
    if (!strstr(hours, "1504 ") || !strstr(hours, "1600 ") || !strstr(hours, "1610 "))
        fail_msg("%s at %zu: %s", what, at, hours);
}

static void test_damage(void **state) {
    (void)state;
    struct image b = slurp();
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] ^= 0xff;
        spill(&b, b.n);
        look("octet", i);
        b.p[i] ^= 0xff;
    }
    for (size_t n = 0; n < b.n; n += 7) {
        spill(&b, n);
        look("cut", n);
    }
    spill(&b, b.n);
    look("intact", 0);
    free(b.p);
}

static void put64(uint8_t *p, uint64_t v) {
    memcpy(p, &v, 8);
}

/* Make the checksums right that do not cover the tables of files. */
static void seal(struct image *b) {
    uint64_t length = fvt_load64(b->p + 16);
    if (length <= b->n - INDEX_HEADER)
        put64(b->p + 24, fvt_checksum(b->p + INDEX_HEADER, (size_t)length));
    put64(b->p + INDEX_HEADER - 8, fvt_checksum(b->p, INDEX_HEADER - 8));
}

/* Whatever somebody writes there, with good checksums: nothing outside of the store is named, and
** nothing is read behind its end (which the sanitizers see). */
static void test_forged(void **state) {
    (void)state;
    struct image b = slurp(), forged = {malloc(b.n), b.n};
    unsigned seed = 7;
    size_t length = (size_t)fvt_load64(b.p + 16);
    assert_non_null(forged.p);
    for (int round = 0; round < 20000; round++) {
        memcpy(forged.p, b.p, b.n);
        for (int k = rand_r(&seed) % 3; k >= 0; k--) {
            size_t span = rand_r(&seed) % 4 ? INDEX_HEADER + length : INDEX_HEADER;
            forged.p[(unsigned)rand_r(&seed) % span] = (uint8_t)rand_r(&seed);
        }
        seal(&forged);
        spill(&forged, forged.n);
        char **paths;
        size_t n;
        struct fvt_error err;
        const struct fvt_choice choice = {
            .by = FVT_BY_FLOWS, .since = BEGIN, .until = BEGIN + 40 * HOUR};
        if (fvt_store_choose(dir, &choice, &paths, &n, &err) != FVT_OK)
            continue;
        for (size_t i = 0; i < n; i++)
            assert_true(strncmp(paths[i], dir, strlen(dir)) == 0 && !strstr(paths[i], "/../"));
        free(paths);
    }
    spill(&b, b.n);
    free(b.p);
    free(forged.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choice), cmocka_unit_test(test_change),
                                       cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_forged)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
