// SPDX-License-Identifier: MIT
/*
** manyfiles: a store of many small closed files, as years of collecting leave behind.
**
**   manyfiles STORE FILES [ROWS [BEGIN]]
**
** A file every five minutes from BEGIN on (seconds since 1970, default 1735689600: 2025-01-01), with
** ROWS flows each (default 3) that ended within its interval. Flow n of all has srcport n % 65536 and
** bytes n. The first flow of every 100th file began and ended a day before, and came late.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/layout.h"
#include "schema/store.h"

/* Nothing here need outlast a power loss, and files by the thousand take too long otherwise. */
int fsync(int fd) {
    return fd < 0 ? -1 : 0;
}
int fdatasync(int fd) {
    return fsync(fd);
}

enum { INTERVAL = 300 };

static int64_t number;

static int add_rows(struct fvt_writer *w, int64_t start, int rows, bool late) {
    int rc = FVT_OK;
    for (int i = 0; rc == FVT_OK && i < rows; i++, number++) {
        struct flow_row row;
        int64_t t = start + (int64_t)i * INTERVAL * 1000 / rows;
        int64_t was = late && i == 0 ? t - INT64_C(86400000) : t;
        flow_row_clear(&row);
        flow_row_set_time(&row, FLOW_tstart, was);
        flow_row_set_time(&row, FLOW_tend, was + 1000);
        flow_row_set_time(&row, FLOW_trecv, t + 2000);
        flow_row_set(&row, FLOW_proto, 6);
        flow_row_set(&row, FLOW_srcport, (uint64_t)number % 65536);
        flow_row_set(&row, FLOW_packets, 1);
        flow_row_set(&row, FLOW_bytes, (uint64_t)number);
        rc = fvt_writer_add(w, &row);
    }
    return rc;
}

static void make_parents(char *path) {
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0755);
        *p = '/';
    }
}

static int make_file(const char *store, int64_t start, int rows, bool late) {
    char path[4096];
    struct fvt_writer *w = NULL;
    struct fvt_error err = {{0}};
    fvt_store_path(store, LAYOUT_USUAL, start, INTERVAL, path, sizeof path);
    make_parents(path);
    int rc = fvt_writer_open(path, start, INTERVAL * 1000, &w, &err);
    if (rc == FVT_OK) {
        rc = add_rows(w, start, rows, late);
        int finished = fvt_writer_finish(w);
        rc = rc == FVT_OK ? finished : rc;
    }
    if (rc == FVT_OK)
        rc = fvt_close_file(path, &err);
    if (rc != FVT_OK)
        fprintf(stderr, "manyfiles: %s: %s\n", path, err.text);
    return rc;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fputs("usage: manyfiles STORE FILES [ROWS [BEGIN]]\n", stderr);
        return 2;
    }
    int files = atoi(argv[2]), rows = argc > 3 ? atoi(argv[3]) : 3;
    int64_t begin = argc > 4 ? atoll(argv[4]) : INT64_C(1735689600);
    for (int i = 0; i < files; i++)
        if (make_file(argv[1], (begin + (int64_t)i * INTERVAL) * 1000, rows, i % 100 == 99) !=
            FVT_OK)
            return 1;
    return 0;
}
