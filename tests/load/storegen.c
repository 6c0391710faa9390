// SPDX-License-Identifier: MIT
/*
** storegen: writes a store of many closed files with few flows each, for what is slow only there.
** It does not wait for the disk, so that a year of five-minute files takes a minute. At last it
** writes the store's index, as the collector does.
**
**   storegen STORE BEGIN FILES FLOWS [FIRST]
**     BEGIN   of the first file, seconds since 1970, a multiple of 300
**     FILES   how many, five minutes each, without gaps
**     FLOWS   in each of them
**     FIRST   the first flow's number: each flow is a group of its own, see numbered_flow(), and what
**             they add up to is printed. Without it few hosts talk to many
*/
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "schema/fvt.h"
#include "schema/store.h"

enum { INTERVAL = 300 };

/* Instead of the C library's. */
int fsync(int fd) {
    (void)fd;
    return 0;
}
int fdatasync(int fd) {
    (void)fd;
    return 0;
}

/* What numbered flows add up to. */
static struct {
    uint64_t flows, bytes;
    uint64_t
        check; /* bytes times (dstip as a number % 1009): it tells groups of the same size apart */
} sum;

/* dstip is a permutation of all n below 2^32, the ports are its halves, packets and bytes follow from
** it: by dstip and by the ports each flow is a group of its own, in no order. */
static void numbered_flow(struct flow_row *row, uint64_t n, int64_t start) {
    const uint32_t src = htonl(0xc0000200u), dst = htonl((uint32_t)(n * 0x9e3779b1u));
    const uint32_t m = ntohl(dst);
    flow_row_clear(row);
    flow_row_set_time(row, FLOW_tstart, start);
    flow_row_set_time(row, FLOW_tend, start + 1000);
    flow_row_set_time(row, FLOW_trecv, start + 2000);
    flow_row_set_ip(row, FLOW_srcip, 4, &src);
    flow_row_set_ip(row, FLOW_dstip, 4, &dst);
    flow_row_set(row, FLOW_srcport, m & 0xffff);
    flow_row_set(row, FLOW_dstport, m >> 16);
    flow_row_set(row, FLOW_proto, 17);
    flow_row_set(row, FLOW_packets, 1 + m % 7);
    flow_row_set(row, FLOW_bytes, 40 + m % 1409);
    sum.flows++;
    sum.bytes += 40 + m % 1409;
    sum.check += (uint64_t)(40 + m % 1409) * (m % 1009);
}

/* Flow number n, somewhere in the interval that begins at start: few hosts talk to many. */
static void mixed_flow(struct flow_row *row, uint64_t n, int64_t start) {
    static const uint16_t services[] = {443, 443, 443, 80, 53, 22, 25, 3389};
    const uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15) ^ n >> 7;
    const uint32_t src = htonl(0xc0a80000u | (uint32_t)(mixed >> 40 & 0x1ff));
    const uint32_t dst = htonl(0x0b000000u + (uint32_t)(mixed >> 24 & 0xfffff));
    const int64_t first = start + (int64_t)(mixed % (INTERVAL * 1000 - 20000));
    flow_row_clear(row);
    flow_row_set_time(row, FLOW_tstart, first);
    flow_row_set_time(row, FLOW_tend, first + (int64_t)(mixed >> 13 & 0x3fff));
    flow_row_set_time(row, FLOW_trecv, first + 20000);
    flow_row_set_ip(row, FLOW_srcip, 4, &src);
    flow_row_set_ip(row, FLOW_dstip, 4, &dst);
    flow_row_set(row, FLOW_srcport, 32768 + (mixed >> 3 & 0x3fff));
    flow_row_set(row, FLOW_dstport, services[mixed >> 60 & 7]);
    flow_row_set(row, FLOW_proto, (mixed >> 60 & 7) == 4 ? 17 : 6);
    flow_row_set(row, FLOW_packets, 1 + (mixed >> 33 & 63));
    flow_row_set(row, FLOW_bytes, 60 + (mixed >> 20 & 0xffff));
}

/* STORE/YYYY/MM/DD/flows.YYYYMMDDhhmm.fvt, its directories made. False: errno. */
static bool make_path(char path[4096], const char *store, time_t start) {
    struct tm tm;
    char name[64];
    gmtime_r(&start, &tm);
    strftime(name, sizeof name, "/%Y/%m/%d/flows.%Y%m%d%H%M.fvt", &tm);
    if (snprintf(path, 4096, "%s%s", store, name) >= 4096)
        return false;
    for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        const bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *p = '/';
        if (!made)
            return false;
    }
    return true;
}

typedef void make_flow(struct flow_row *row, uint64_t n, int64_t start);

static int write_file(const char *path, int64_t start, uint64_t n, uint64_t flows, make_flow *make,
                      struct fvt_error *err) {
    struct fvt_writer *w;
    struct flow_row row;
    int rc = fvt_writer_open(path, start, INTERVAL * 1000, &w, err);
    if (rc != FVT_OK)
        return rc;
    for (uint64_t i = 0; i < flows && rc == FVT_OK; i++) {
        make(&row, n + i, start);
        rc = fvt_writer_add(w, &row);
    }
    const int finished = fvt_writer_finish(w);
    rc = rc != FVT_OK ? rc : finished;
    return rc != FVT_OK ? rc : fvt_close_file(path, err);
}

/* A directory is in the index when it has rested for some seconds. */
static int write_index(const char *store, struct fvt_error *err) {
    bool fresh = true;
    int rc = FVT_OK;
    for (int i = 0; i < 10 && fresh && rc == FVT_OK; i++) {
        rc = fvt_index_update(store, &fresh, err);
        if (fresh)
            sleep(1);
    }
    return rc;
}

int main(int argc, char **argv) {
    char path[4096];
    struct fvt_error err = {.text = ""};
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: storegen STORE BEGIN FILES FLOWS [FIRST]\n");
        return 2;
    }
    const int64_t begin = strtoll(argv[2], NULL, 10);
    const uint64_t files = strtoull(argv[3], NULL, 10), flows = strtoull(argv[4], NULL, 10);
    const uint64_t first = argc == 6 ? strtoull(argv[5], NULL, 10) : 0;
    make_flow *const make = argc == 6 ? numbered_flow : mixed_flow;
    for (uint64_t i = 0; i < files; i++) {
        const int64_t start = begin + (int64_t)i * INTERVAL;
        if (!make_path(path, argv[1], (time_t)start)) {
            fprintf(stderr, "storegen: %s: %s\n", path, strerror(errno));
            return 1;
        }
        if (write_file(path, start * 1000, first + i * flows, flows, make, &err) != FVT_OK) {
            fprintf(stderr, "storegen: %s: %s\n", path, err.text);
            return 1;
        }
    }
    if (write_index(argv[1], &err) != FVT_OK) {
        fprintf(stderr, "storegen: %s: %s\n", argv[1], err.text);
        return 1;
    }
    if (argc == 6)
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", sum.flows, sum.bytes, sum.check);
    return 0;
}
