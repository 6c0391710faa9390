// SPDX-License-Identifier: MIT
/*
** flip: damages a flow file in every possible place and looks at what SQL makes of it.
**
**   flip EXTENSION FILE.fvt SCRATCH-DIRECTORY flip|cut [STEP]
**
** flip: each octet in turn is inverted or, the next one, has one bit changed, and is put back. Each time the
** answers of `flows` (every column), `traffic` and `endpoints` must be those of the intact file, or
** flow_files must say that there is damage. An SQL error counts as another answer.
** cut: the file is shortened to every length. What a kill leaves behind is a file cut off, and no
** damage; so the rows of `flows` must be rows of the intact file, none of them twice.
** STEP: every STEP-th place only (default 1). Runs in child processes, so that a crash is told with
** the place that caused it. Exit status 1 when a place was bad.
*/
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REPORTED = 20, PER_CHILD = 2000, MAX_ROWS = 4096 };

struct image {
    uint8_t *b;
    size_t n;
};

/* What the queries over the store answer: a hash of all rows, and how much damage is counted. */
struct answer {
    uint64_t hash;
    int64_t damaged;
    uint64_t row[MAX_ROWS]; /* hashes of the rows of flows, ascending */
    size_t rows;
    char error[200];
};

/* Shared with the children. */
struct shared {
    size_t place;
    unsigned bad;
};

struct job {
    const char *extension, *path, *dir;
    struct image intact;
    bool cut;
    size_t step;
    struct shared *shared;
};

/* Columns of flows include the hidden ones: everything that can be decoded is decoded. */
static const char *const questions[] = {
    "SELECT *, tstart_ms, tend_ms, trecv_ms, raw_bytes, raw_packets FROM flows",
    "SELECT proto, srcip, sum(flows), sum(bytes), min(first), max(last) FROM traffic GROUP BY 1, 2",
    "SELECT ip, sum(bytes_out), sum(bytes_in) FROM endpoints GROUP BY ip",
    "SELECT srcip, dstip, bytes FROM flows WHERE dstport = 443 AND bytes > 1000",
    "SELECT coalesce(sum(damaged_blocks), 0) FROM flow_files",
};
enum { QUESTIONS = sizeof questions / sizeof *questions, DAMAGE = QUESTIONS - 1 };

/* A connection with the questions, which are parsed once. */
struct asker {
    sqlite3 *db;
    sqlite3_stmt *question[QUESTIONS];
};

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n) {
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return h;
}

/* The rows in whatever order they come: sums of the rows' hashes. */
static void ask(const struct asker *k, int question, struct answer *a) {
    sqlite3_stmt *st = k->question[question];
    uint64_t sum = 0;
    int rc, columns = sqlite3_column_count(st);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        uint64_t h = UINT64_C(0xcbf29ce484222325);
        for (int i = 0; i < columns; i++) {
            const int type = sqlite3_column_type(st, i);
            const void *text = sqlite3_column_text(st, i);
            h = hash_bytes(h, &type, sizeof type);
            h = hash_bytes(h, text, (size_t)sqlite3_column_bytes(st, i));
        }
        sum += h;
        if (question == 0 && a->rows < MAX_ROWS)
            a->row[a->rows++] = h;
    }
    if (rc != SQLITE_DONE && !a->error[0])
        snprintf(a->error, sizeof a->error, "%s", sqlite3_errmsg(k->db));
    a->hash = hash_bytes(a->hash ^ sum, &rc, sizeof rc);
    sqlite3_reset(st);
}

static int by_hash(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Are all rows of part rows of whole, as often at most? */
static bool subset(const struct answer *part, const struct answer *whole) {
    size_t i = 0;
    for (size_t k = 0; k < whole->rows && i < part->rows; k++)
        i += part->row[i] == whole->row[k];
    return i == part->rows;
}

static void look(const struct asker *k, struct answer *a) {
    memset(a, 0, sizeof *a);
    for (int i = 0; i < DAMAGE; i++)
        ask(k, i, a);
    qsort(a->row, a->rows, sizeof *a->row, by_hash);
    a->damaged = -1;
    if (sqlite3_step(k->question[DAMAGE]) == SQLITE_ROW)
        a->damaged = sqlite3_column_int64(k->question[DAMAGE], 0);
    sqlite3_reset(k->question[DAMAGE]);
}

static void asker_open(struct asker *k, const struct job *job) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    char *message = NULL;
    setenv("FLOWVT_STORE", job->dir, 1);
    if (sqlite3_open_v2(":memory:", &k->db, flags, NULL) ||
        sqlite3_db_config(k->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL) ||
        sqlite3_load_extension(k->db, job->extension, NULL, &message)) {
        fprintf(stderr, "flip: %s: %s\n", job->extension, message ? message : "cannot be loaded");
        exit(2);
    }
    for (int i = 0; i < QUESTIONS; i++)
        if (sqlite3_prepare_v2(k->db, questions[i], -1, &k->question[i], NULL) != SQLITE_OK) {
            fprintf(stderr, "flip: %s: %s\n", questions[i], sqlite3_errmsg(k->db));
            exit(2);
        }
}

static void asker_close(struct asker *k) {
    for (int i = 0; i < QUESTIONS; i++)
        sqlite3_finalize(k->question[i]);
    sqlite3_close(k->db);
}

/* Not with O_TRUNC: ext4 waits for the disk when a file that was emptied is closed. */
static void write_file(const char *path, const uint8_t *b, size_t n) {
    const int fd = open(path, O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || write(fd, b, n) != (ssize_t)n || ftruncate(fd, (off_t)n) || close(fd)) {
        fprintf(stderr, "flip: %s: %s\n", path, strerror(errno));
        exit(2);
    }
}

static void judge(const struct job *job, const struct asker *k, const struct answer *intact,
                  const char *what) {
    struct answer a;
    look(k, &a);
    const bool fine =
        job->cut ? subset(&a, intact) && !a.error[0] : a.hash == intact->hash || a.damaged > 0;
    if (!fine && job->shared->bad++ < MAX_REPORTED)
        printf("not ok - %s octet %zu: another answer, and damaged is %lld (%s)\n", what,
               job->shared->place, (long long)a.damaged, a.error[0] ? a.error : "no SQL error");
    fflush(stdout);
}

/* The places from begin on that one child looks at. */
static void child(const struct job *job, size_t begin, size_t end, const struct answer *intact) {
    struct image copy = {malloc(job->intact.n), job->intact.n};
    struct asker k;
    asker_open(&k, job);
    if (!copy.b)
        exit(2);
    memcpy(copy.b, job->intact.b, copy.n);
    for (size_t at = begin; at < end; at += job->step) {
        job->shared->place = at;
        if (job->cut) {
            write_file(job->path, copy.b, at);
            judge(job, &k, intact, "cut before");
            continue;
        }
        const bool bit = at / job->step % 2;
        const uint8_t change = bit ? (uint8_t)(1u << (at % 8)) : 0xff;
        copy.b[at] ^= change;
        write_file(job->path, copy.b, copy.n);
        judge(job, &k, intact, bit ? "one bit of" : "inverted");
        copy.b[at] ^= change;
    }
    asker_close(&k);
    free(copy.b);
    exit(0);
}

static int run(const struct job *job) {
    struct answer intact;
    write_file(job->path, job->intact.b, job->intact.n);
    struct asker k;
    asker_open(&k, job);
    look(&k, &intact);
    asker_close(&k);
    if (intact.error[0] || intact.damaged != 0) {
        printf("not ok - the intact file: damaged is %lld, %s\n", (long long)intact.damaged,
               intact.error);
        return 1;
    }
    for (size_t at = 0; at < job->intact.n;) {
        const size_t stretch = PER_CHILD * job->step;
        const size_t end = at + stretch < job->intact.n ? at + stretch : job->intact.n;
        int status;
        fflush(stdout);
        const pid_t pid = fork();
        if (pid == 0)
            child(job, at, end, &intact);
        if (pid < 0 || waitpid(pid, &status, 0) < 0 ||
            (WIFEXITED(status) && WEXITSTATUS(status) == 2))
            return 2;
        if (!WIFEXITED(status) || WEXITSTATUS(status)) {
            printf("not ok - octet %zu: %s %d\n", job->shared->place,
                   WIFSIGNALED(status) ? "killed by signal" : "exit status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            job->shared->bad++;
            at = job->shared->place + job->step;
        } else {
            at = end;
        }
    }
    if (!job->shared->bad)
        printf("ok - %s: %zu octets, every %zu%s\n", job->cut ? "cut at every length" : "flipped",
               job->intact.n, job->step, job->step == 1 ? "" : "th");
    else
        printf("# %u places were bad\n", job->shared->bad);
    return job->shared->bad > 0;
}

int main(int argc, char **argv) {
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: flip EXTENSION FILE.fvt SCRATCH-DIRECTORY flip|cut [STEP]\n");
        return 2;
    }
    char path[4096];
    const char *name = strrchr(argv[2], '/');
    snprintf(path, sizeof path, "%s/%s", argv[3], name ? name + 1 : argv[2]);
    struct job job = {.extension = argv[1], .path = path, .dir = argv[3]};
    job.cut = strcmp(argv[4], "cut") == 0;
    job.step = argc > 5 && atol(argv[5]) > 0 ? (size_t)atol(argv[5]) : 1;
    struct stat st;
    const int fd = open(argv[2], O_RDONLY);
    if (fd < 0 || fstat(fd, &st) || !(job.intact.b = malloc((size_t)st.st_size)) ||
        read(fd, job.intact.b, (size_t)st.st_size) != st.st_size) {
        fprintf(stderr, "flip: %s: %s\n", argv[2], strerror(errno));
        return 2;
    }
    close(fd);
    job.intact.n = (size_t)st.st_size;
    job.shared =
        mmap(NULL, sizeof *job.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (job.shared == MAP_FAILED)
        return 2;
    const int rc = run(&job);
    free(job.intact.b);
    return rc;
}
