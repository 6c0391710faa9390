/* SPDX-License-Identifier: MIT */
/*
** Asks for the books, makes text of them and hands it out.
*/
#include "publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "metrics.h"
#include "schema/clock.h"
#include "schema/expire.h"

enum {
    FILE_S = 15,       /* between two files: as often as Prometheus usually asks */
    WAIT_S = 5,        /* for the books: less than Prometheus waits, which is 10 s */
    STORE_MS = 60000,  /* the store's files are counted so often at most */
    CONNECTIONS = 16,  /* at a time */
    CONNECTION_S = 10, /* that one may be idle */
    CALM_MS = 3600000, /* the same fault is not said more often */
};

struct publisher {
    pthread_mutex_t asking; /* held by the one who waits for the books */
    struct metrics_system system;
    int64_t counted; /* monotonic ms, when the store's files were; 0: not yet */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t change;
    bool wanted, there, stop;
    struct books books;

    const char *file;
    char *fresh; /* its name while it is being written */
    int64_t complained;
    bool has_thread;
    pthread_t thread;
    struct MHD_Daemon *http;
};

/* ---- the text --------------------------------------------------------------------------- */

bool publisher_wants(struct publisher *p) {
    pthread_mutex_lock(&p->lock);
    bool wanted = p->wanted;
    pthread_mutex_unlock(&p->lock);
    return wanted;
}

void publisher_give(struct publisher *p, struct books *b) {
    pthread_mutex_lock(&p->lock);
    books_clear(&p->books);
    p->books = *b;
    p->wanted = false;
    p->there = true;
    pthread_cond_broadcast(&p->change);
    pthread_mutex_unlock(&p->lock);
    *b = (struct books){0};
}

static struct timespec in_seconds(int s) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += s;
    return t;
}

/* False when they do not come. */
static bool wait_for_books(struct publisher *p, struct books *out) {
    struct timespec until = in_seconds(WAIT_S);
    pthread_mutex_lock(&p->lock);
    p->wanted = true;
    p->there = false;
    while (!p->there && !p->stop && pthread_cond_timedwait(&p->change, &p->lock, &until) == 0)
        ;
    bool there = p->there;
    p->wanted = p->there = false;
    *out = p->books;
    p->books = (struct books){0};
    pthread_mutex_unlock(&p->lock);
    if (!there)
        books_clear(out);
    return there;
}

/* A walk over the store, for which nobody has to wait. */
static void look_at_store(struct publisher *p) {
    static const struct expire_limits none;
    static const struct expire_calls silent;
    struct expire_counts n;
    struct fvt_error error;
    struct statvfs fs;
    struct metrics_system *s = &p->system;
    if (!s->store)
        return;
    if (statvfs(s->store, &fs) == 0)
        s->free_octets = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (p->counted && monotonic_ms() - p->counted < STORE_MS)
        return;
    s->has_store = fvt_expire(s->store, &none, now_ms(), true, &silent, &n, &error) == FVT_OK;
    s->store_octets = n.left_octets;
    s->store_files = n.left_files;
    p->counted = monotonic_ms();
}

/* The text, to be freed; NULL when there is none. */
static char *ask(struct publisher *p, size_t *n) {
    struct books books;
    char *text = NULL;
    pthread_mutex_lock(&p->asking);
    if (wait_for_books(p, &books)) {
        look_at_store(p);
        text = metrics_text(&books, &p->system, n);
        books_clear(&books);
    }
    pthread_mutex_unlock(&p->asking);
    return text;
}

/* ---- the file --------------------------------------------------------------------------- */

/* Returns 0 or an errno. */
static int write_file(const struct publisher *p, const char *text, size_t n) {
    int fd = open(p->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return errno;
    int failed = 0;
    for (size_t done = 0; done < n && !failed;) {
        ssize_t k = write(fd, text + done, n - done);
        if (k > 0)
            done += (size_t)k;
        else if (k == 0 || errno != EINTR)
            failed = k == 0 ? ENOSPC : errno;
    }
    if (close(fd) != 0 && !failed)
        failed = errno;
    if (!failed && rename(p->fresh, p->file) != 0)
        failed = errno;
    if (failed)
        unlink(p->fresh);
    return failed;
}

static void write_metrics(struct publisher *p) {
    size_t n;
    char *text = ask(p, &n);
    int failed = text ? write_file(p, text, n) : 0;
    int64_t now = monotonic_ms();
    free(text);
    if (!failed)
        p->complained = 0;
    else if (!p->complained || now - p->complained >= CALM_MS) {
        log_line("%s: %s: metrics are not written", p->file, strerror(failed));
        p->complained = now;
    }
}

static void *run(void *arg) {
    struct publisher *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        pthread_mutex_unlock(&p->lock);
        write_metrics(p);
        struct timespec until = in_seconds(FILE_S);
        pthread_mutex_lock(&p->lock);
        while (!p->stop && pthread_cond_timedwait(&p->change, &p->lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- HTTP ------------------------------------------------------------------------------- */

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;
};

static bool parse_place(const char *text, struct place *out) {
    const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
    char address[64] = "127.0.0.1", *end;
    unsigned long port = strtoul(digits, &end, 10);
    size_t n = colon ? (size_t)(colon - text) : 0;
    *out = (struct place){.to = {.v6 = {.sin6_port = 0}}};
    if (*digits < '0' || *digits > '9' || *end || port == 0 || port > 65535 || (colon && n == 0) ||
        n >= sizeof address)
        return false;
    bool brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';
    if (colon)
        snprintf(address, sizeof address, "%.*s", (int)(brackets ? n - 2 : n),
                 text + (brackets ? 1 : 0));
    if (brackets) {
        out->to.v6.sin6_family = AF_INET6;
        out->to.v6.sin6_port = htons((uint16_t)port);
        return inet_pton(AF_INET6, address, &out->to.v6.sin6_addr) == 1;
    }
    out->to.v4.sin_family = AF_INET;
    out->to.v4.sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, address, &out->to.v4.sin_addr) == 1;
}

bool publish_check(const char *text, char *message, size_t size) {
    struct place place;
    if (parse_place(text, &place))
        return true;
    snprintf(message, size, "write [ADDRESS:]PORT, as in 9141, 0.0.0.0:9141 or [::]:9141");
    return false;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              char *text, size_t n, enum MHD_ResponseMemoryMode mode) {
    struct MHD_Response *r = MHD_create_response_from_buffer(n, text, mode);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *text) {
    char line[128];
    int n = snprintf(line, sizeof line, "%s\n", text);
    return answer(c, status, "text/plain; charset=utf-8", line, (size_t)n, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **connection) {
    (void)version;
    (void)upload;
    (void)connection;
    size_t n;
    *upload_size = 0;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    if (strcmp(url, "/metrics") != 0)
        return say(c, MHD_HTTP_NOT_FOUND, "only /metrics is here");
    char *text = ask(arg, &n);
    if (!text)
        return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "the collector is busy");
    return answer(c, MHD_HTTP_OK, METRICS_TYPE, text, n, MHD_RESPMEM_MUST_FREE);
}

static int start_http(struct publisher *p, const char *listen, char *message, size_t size) {
    struct place place;
    if (!parse_place(listen, &place))
        return -1; /* it has been checked */
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD;
    if (place.to.any.sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    errno = 0;
    p->http =
        MHD_start_daemon(flags, 0, NULL, NULL, handle, p, MHD_OPTION_SOCK_ADDR, &place.to.any,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_S, MHD_OPTION_END);
    if (!p->http)
        snprintf(message, size, "--metrics: %s: %s", listen,
                 errno ? strerror(errno) : "cannot be listened at");
    return p->http ? 0 : -1;
}

/* ---- start and end ---------------------------------------------------------------------- */

static int start_file(struct publisher *p, const char *file, char *message, size_t size) {
    size_t n = strlen(file) + sizeof ".tmp";
    p->file = file;
    p->fresh = malloc(n);
    if (p->fresh)
        snprintf(p->fresh, n, "%s.tmp", file);
    int failed = p->fresh ? pthread_create(&p->thread, NULL, run, p) : ENOMEM;
    p->has_thread = !failed;
    if (failed)
        snprintf(message, size, "--metrics-file: %s: no thread: %s", file, strerror(failed));
    return failed ? -1 : 0;
}

struct publisher *publisher_start(const char *listen, const char *file, const char *store,
                                  char *message, size_t size) {
    struct publisher *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(message, size, "out of memory");
        return NULL;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->asking, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->change, &attr);
    pthread_condattr_destroy(&attr);
    p->system.store = store;
    if ((!listen || start_http(p, listen, message, size) == 0) &&
        (!file || start_file(p, file, message, size) == 0))
        return p;
    publisher_stop(p);
    return NULL;
}

void publisher_stop(struct publisher *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->change);
    pthread_mutex_unlock(&p->lock);
    if (p->has_thread)
        pthread_join(p->thread, NULL);
    if (p->http)
        MHD_stop_daemon(p->http);
    books_clear(&p->books);
    pthread_mutex_destroy(&p->asking);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->change);
    free(p->fresh);
    free(p);
}
