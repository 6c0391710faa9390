// SPDX-License-Identifier: MIT
/*
** forge: changes fields of a flow file and makes all checksums good again, as whoever wants to
** break a reader would.
**
**   forge EXTENSION FILE.fvt SCRATCH-DIRECTORY [ROUNDS [FIRST]]
**
** Each round changes a few fields, by its number (from FIRST on, default 1): of headers, column
** table, directories, meta records, roll-ups, and of what chunks and dictionaries decompress to.
** Then a child asks all kinds of questions, merges the day, and asks again. What they answer does
** not matter: a round is bad when the child crashes, takes longer than MAX_SECONDS, or more memory
** than MAX_MB. Exit status 1 when a round was bad.
*/
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../schema/format.h"
#include "../../schema/merge.h"

enum { MAX_SECONDS = 60, MAX_MB = 1500, MAX_BLOCKS = 1000, MAX_CHANGES = 4, MAX_RAW = 1 << 24 };

struct image {
    uint8_t *b;
    size_t n;
};

/* A block of the file as it was; copy: where the footer has its directory, 0 when it has none. */
struct block {
    size_t at, dirlen, copy;
    unsigned type;
};

struct forger {
    struct image file;
    struct block block[MAX_BLOCKS];
    size_t nblocks;
    uint64_t random;
};

static const char *const questions[] = {
    "SELECT *, tstart_ms, tend_ms, trecv_ms, raw_bytes, raw_packets FROM flows",
    "SELECT srcip, dstip, bytes FROM flows ORDER BY tstart LIMIT 10",
    "SELECT * FROM flows ORDER BY bytes DESC, dstip LIMIT 20",
    "SELECT * FROM flows WHERE srcip LIKE '10.%' OR dstport IN (53, 443) OR insrcmac > '02'",
    "SELECT count(*) FROM flows WHERE filter = 'net 10.0.0.0/8 or port 80 or as > 5 or bytes > 1k'",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip ORDER BY 2 DESC LIMIT 10",
    "SELECT proto, srcip, sum(flows), sum(bytes), min(first), max(last) FROM traffic GROUP BY 1, 2",
    "SELECT srcip, dstip, sum(bytes) FROM traffic GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 5",
    "SELECT srcport, dstport, inif, srcas, dstas, sum(packets) FROM traffic GROUP BY 1, 2, 3, 4, 5",
    "SELECT proto, tos, tcpflags, exporter, sum(packets) FROM traffic GROUP BY 1, 2, 3, 4",
    "SELECT proto, time, sum(bytes) FROM traffic WHERE bucket = 3600 GROUP BY 1, 2",
    "SELECT dstport, count(DISTINCT srcip) FROM traffic GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
    "SELECT ip, sum(bytes_out), sum(bytes_in) FROM endpoints GROUP BY ip",
    "SELECT sum(bytes) FROM traffic",
    "SELECT * FROM flow_files",
    "SELECT * FROM flow_exporters",
    "SELECT * FROM flow_interfaces",
    "SELECT * FROM if_counters",
    "SELECT count(*) FROM flows_csv",
    "SELECT count(*) FROM flows_ndjson",
};

static uint64_t draw(struct forger *f) {
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random;
}

static size_t below(struct forger *f, size_t n) {
    return n ? (size_t)(draw(f) % n) : 0;
}

static uint64_t load(const struct forger *f, size_t at, unsigned octets) {
    uint64_t v = 0;
    for (unsigned i = 0; i < octets && at + i < f->file.n; i++)
        v |= (uint64_t)f->file.b[at + i] << 8 * i;
    return v;
}

static void store(uint8_t *b, size_t n, size_t at, uint64_t v, unsigned octets) {
    for (unsigned i = 0; i < octets && at + i < n; i++)
        b[at + i] = (uint8_t)(v >> 8 * i);
}

/* A number that may be trouble where there is old now. */
static uint64_t trouble(struct forger *f, uint64_t old) {
    static const uint64_t likely[] = {0,
                                      1,
                                      2,
                                      3,
                                      7,
                                      8,
                                      64,
                                      127,
                                      255,
                                      256,
                                      0x7fff,
                                      0xffff,
                                      1u << 20,
                                      1u << 22,
                                      (1u << 22) + 1,
                                      1u << 23,
                                      (1u << 23) + 1,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      0xfffffffe,
                                      INT64_MAX,
                                      1ull << 63,
                                      UINT64_MAX,
                                      UINT64_MAX - 1};
    switch (below(f, 5)) {
    case 0:
        return old + 1;
    case 1:
        return old - 1;
    case 2:
        return old ^ UINT64_C(1) << below(f, 64);
    case 3:
        return draw(f) >> below(f, 64);
    }
    return likely[below(f, sizeof likely / sizeof likely[0])];
}

static void change(struct forger *f, size_t at, unsigned octets) {
    store(f->file.b, f->file.n, at, trouble(f, load(f, at, octets)), octets);
}

/* ---- where things are ------------------------------------------------------------------- */

static void find_blocks(struct forger *f) {
    for (size_t at = FVT_FILE_HEADER;
         f->nblocks < MAX_BLOCKS && load(f, at, 4) == FVT_BLOCK_MAGIC;) {
        f->block[f->nblocks++] =
            (struct block){at, (size_t)load(f, at + 16, 4), 0, (unsigned)load(f, at + 4, 2)};
        at += FVT_BLOCK_HEADER + (size_t)load(f, at + 8, 8);
    }
    struct block *last = &f->block[f->nblocks - 1];
    if (last->type != FVT_FOOTER)
        return;
    size_t at = last->at + FVT_BLOCK_HEADER;
    at += 4 + (size_t)load(f, at, 4) + 4;
    for (size_t i = 0; i < f->nblocks; i++)
        if (f->block[i].type == FVT_GROUP) {
            f->block[i].copy = at + 12;
            at += 12 + (size_t)load(f, at + 8, 4);
        }
}

/* A block of that type, or NULL. */
static struct block *pick(struct forger *f, unsigned type) {
    size_t n = 0;
    struct block *found = NULL;
    for (size_t i = 0; i < f->nblocks; i++)
        if (f->block[i].type == type && below(f, ++n) == 0)
            found = &f->block[i];
    return found;
}

/* An entry of a directory, dictionary or chunk: where it is; 0 when there is none. */
static size_t pick_entry(struct forger *f, const struct block *b) {
    size_t dir = b->at + FVT_BLOCK_HEADER, at = dir + FVT_GROUP_HEADER, end = dir + b->dirlen,
           n = 0, found = 0;
    for (; at + FVT_ENTRY <= end && load(f, at, 2) >= FVT_ENTRY; at += (size_t)load(f, at, 2))
        if (below(f, ++n) == 0)
            found = at;
    return found;
}

/* ---- changes ---------------------------------------------------------------------------- */

static void change_directory(struct forger *f, const struct block *b) {
    static const uint8_t header[][2] = {{0, 4}, {4, 2}, {6, 2}, {104, 8}, {112, 8}, {8, 8}};
    static const uint8_t entry[][2] = {{2, 2},  {5, 1},  {6, 2},  {8, 4},  {12, 4}, {16, 4},
                                       {20, 4}, {24, 4}, {28, 4}, {40, 8}, {48, 8}, {56, 8},
                                       {73, 8}, {0, 2},  {28, 4}, {20, 4}};
    size_t at = pick_entry(f, b);
    if (!at || below(f, 6) == 0) {
        const uint8_t *field = header[below(f, sizeof header / sizeof header[0])];
        change(f, b->at + FVT_BLOCK_HEADER + field[0], field[1]);
        return;
    }
    const uint8_t *field = entry[below(f, sizeof entry / sizeof entry[0])];
    change(f, at + field[0], field[1]);
}

/* Change what a chunk decompresses to, where that can be put back. */
static void change_bytes(struct forger *f, uint8_t *raw, size_t n) {
    static const uint8_t field[][2] = {{0, 1}, {1, 1}, {4, 4}, {8, 8}};
    size_t at = n > 16 && below(f, 2) ? below(f, n / 8) * 8 : below(f, 3) * 8;
    const uint8_t *which = field[below(f, 4)];
    uint64_t old = 0;
    if (at + 8 > n)
        return;
    memcpy(&old, raw + at, 8);
    store(raw, n, at + which[0], trouble(f, old >> 8 * (which[0] & 7)), which[1]);
}

static void change_chunk(struct forger *f, const struct block *b) {
    size_t e = pick_entry(f, b);
    if (!e)
        return;
    size_t at = b->at + FVT_BLOCK_HEADER + (size_t)load(f, e + 8, 4),
           length = (size_t)load(f, e + 12, 4), raw = (size_t)load(f, e + 16, 4),
           room = (length + 7) / 8 * 8;
    if (at > f->file.n || room > f->file.n - at || raw > MAX_RAW || length > MAX_RAW)
        return;
    if (!(load(f, e + 5, 1) & FVT_LZ4)) {
        change_bytes(f, f->file.b + at, length);
    } else {
        uint8_t *p = calloc(raw + 1, 1), *small = calloc(room + 1, 1);
        if (p && small &&
            LZ4_decompress_safe((char *)f->file.b + at, (char *)p, (int)length, (int)raw) ==
                (int)raw) {
            change_bytes(f, p, raw);
            int n = LZ4_compress_default((char *)p, (char *)small, (int)raw, (int)room);
            if (n > 0) {
                memcpy(f->file.b + at, small, (size_t)n);
                length = (size_t)n;
                store(f->file.b, f->file.n, e + 12, length, 4);
            }
        }
        free(p);
        free(small);
    }
    store(f->file.b, f->file.n, e + 32, fvt_checksum(f->file.b + at, length), 8);
}

/* Somewhere in the first part of a block, most often where the first numbers are. */
static void change_somewhere(struct forger *f, const struct block *b) {
    static const uint8_t sizes[] = {1, 2, 4, 8};
    size_t at = below(f, below(f, 2) ? b->dirlen : b->dirlen < 200 ? b->dirlen : 200);
    change(f, b->at + FVT_BLOCK_HEADER + at, sizes[below(f, 4)]);
}

static void change_header(struct forger *f) {
    static const uint8_t field[][2] = {{4, 2}, {8, 8}, {16, 4}, {20, 4}};
    if (below(f, 3) == 0) {
        change(f, 16 + 8 * below(f, 2), 8);
        return;
    }
    const uint8_t *which = field[below(f, 4)];
    change(f, f->block[below(f, f->nblocks)].at + which[0], which[1]);
}

static void change_one(struct forger *f) {
    static const unsigned types[] = {FVT_GROUP,  FVT_GROUP,   FVT_GROUP, FVT_GROUP,  FVT_ROLLUP,
                                     FVT_ROLLUP, FVT_COLUMNS, FVT_META,  FVT_FOOTER, FVT_GROUP};
    unsigned type = types[below(f, sizeof types / sizeof types[0])];
    struct block *b = pick(f, type);
    if (!b || below(f, 20) == 0)
        change_header(f);
    else if (type != FVT_GROUP && type != FVT_ROLLUP)
        change_somewhere(f, b);
    else if (below(f, 2))
        change_directory(f, b);
    else
        change_chunk(f, b);
}

/* Checksums, innermost first; the footer's directories are those of the blocks. */
static void seal(struct forger *f) {
    uint8_t *b = f->file.b;
    size_t n = f->file.n;
    for (size_t i = 0; i < f->nblocks; i++) {
        const struct block *k = &f->block[i];
        size_t payload = k->at + FVT_BLOCK_HEADER, dirlen = (size_t)load(f, k->at + 16, 4);
        if (k->copy && k->copy + k->dirlen <= n)
            memcpy(b + k->copy, b + payload, k->dirlen);
        dirlen = dirlen < n - payload ? dirlen : n - payload;
        store(b, n, k->at + 24, fvt_checksum(b + payload, dirlen), 8);
        store(b, n, k->at + 32, fvt_checksum(b + k->at, 32), 8);
    }
    store(b, n, 56, fvt_checksum(b, 56), 8);
    if (f->block[f->nblocks - 1].type == FVT_FOOTER)
        store(b, n, n - 16, fvt_checksum(b + n - FVT_TRAILER, 16), 8);
}

/* ---- a round ---------------------------------------------------------------------------- */

static void ask_all(const char *extension) {
    sqlite3 *db;
    char *message = NULL;
    if (sqlite3_open(":memory:", &db) ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL) ||
        sqlite3_load_extension(db, extension, NULL, &message)) {
        fprintf(stderr, "forge: %s: %s\n", extension, message ? message : "cannot be loaded");
        exit(2);
    }
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2(db, questions[i], -1, &stmt, NULL) != SQLITE_OK) {
            fprintf(stderr, "forge: %s: %s\n", questions[i], sqlite3_errmsg(db));
            exit(2);
        }
        for (unsigned n = 0; n < 100000 && sqlite3_step(stmt) == SQLITE_ROW; n++)
            for (int c = 0; c < sqlite3_column_count(stmt); c++)
                sqlite3_column_text(stmt, c);
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
}

static void child(const char *extension, const char *dir, const char *path,
                  const struct image *image) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, image->b, image->n) != (ssize_t)image->n || close(fd)) {
        fprintf(stderr, "forge: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    alarm(MAX_SECONDS);
    setenv("FLOWVT_STORE", dir, 1);
    ask_all(extension);
    struct fvt_error err = {""};
    struct merge_options options = {.before = INT64_MAX};
    struct merge_counts counts = {0};
    fvt_close_file(path, &err);
    fvt_merge(dir, &options, &(struct merge_calls){0}, &counts, &err);
    ask_all(extension);
    exit(0);
}

static void remove_files(const char *dir) {
    char command[4200];
    snprintf(command, sizeof command, "find '%s' -type f -delete", dir);
    if (system(command) != 0)
        exit(2);
}

/* 0: a good round, 1: a bad one, 2: no round. */
static int run(struct forger *f, const struct image *intact, const char *extension, const char *dir,
               const char *path, unsigned long round, long *most) {
    f->random = round * UINT64_C(0x9e3779b97f4a7c15) + 1;
    memcpy(f->file.b, intact->b, intact->n);
    for (size_t n = 1 + below(f, MAX_CHANGES); n > 0; n--)
        change_one(f);
    seal(f);
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0)
        child(extension, dir, path, &f->file);
    int status;
    struct rusage use;
    if (pid < 0 || wait4(pid, &status, 0, &use) < 0 ||
        (WIFEXITED(status) && WEXITSTATUS(status) == 2))
        return 2;
    long mb = use.ru_maxrss / 1024;
    *most = mb > *most ? mb : *most;
    bool dead = !WIFEXITED(status) || WEXITSTATUS(status);
    if (dead)
        printf("not ok - round %lu: %s %d\n", round,
               WIFSIGNALED(status) ? "killed by signal" : "exit status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    else if (mb > MAX_MB)
        printf("not ok - round %lu: %ld MB of memory\n", round, mb);
    remove_files(dir);
    return dead || mb > MAX_MB;
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 6) {
        fprintf(stderr, "usage: forge EXTENSION FILE.fvt SCRATCH-DIRECTORY [ROUNDS [FIRST]]\n");
        return 2;
    }
    static struct forger f;
    char path[4096];
    const char *name = strrchr(argv[2], '/');
    snprintf(path, sizeof path, "%s/%s", argv[3], name ? name + 1 : argv[2]);
    struct image intact = {0};
    struct stat st;
    const int fd = open(argv[2], O_RDONLY);
    if (fd < 0 || fstat(fd, &st) || !(intact.b = malloc((size_t)st.st_size)) ||
        !(f.file.b = malloc((size_t)st.st_size)) ||
        read(fd, intact.b, (size_t)st.st_size) != st.st_size) {
        fprintf(stderr, "forge: %s: %s\n", argv[2], strerror(errno));
        return 2;
    }
    close(fd);
    intact.n = f.file.n = (size_t)st.st_size;
    memcpy(f.file.b, intact.b, intact.n);
    find_blocks(&f);
    const unsigned long rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 1000,
                        first = argc > 5 ? strtoul(argv[5], NULL, 10) : 1;
    unsigned bad = 0;
    long most = 0;
    for (unsigned long round = first; round < first + rounds; round++) {
        int rc = run(&f, &intact, argv[1], argv[3], path, round, &most);
        if (rc == 2)
            return 2;
        bad += rc != 0;
    }
    if (!bad)
        printf("ok - forged in %lu ways\n", rounds);
    printf("# %ld MB at most\n", most);
    free(intact.b);
    free(f.file.b);
    return bad > 0;
}
