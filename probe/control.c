/* SPDX-License-Identifier: MIT */
/* The control socket's end in the probe. */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENTS = 8,       /* that have not said what they want */
    REQUEST_MAX = 128, /* octets */
    PATIENCE = 5,      /* seconds for that */
    AT_ONCE = 10,      /* milliseconds; most say it right after connecting */
    CHILDREN = 4,      /* that write long answers */
    CHILD_SECONDS = 120,
};

struct client {
    int fd; /* -1: none */
    time_t since;
    size_t n;
    char request[REQUEST_MAX];
};

struct control {
    int fd;
    unsigned children;
    struct client clients[CLIENTS];
    struct sockaddr_un address;
};

static time_t monotonic(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* ---- listening --------------------------------------------------------------------------- */

/* Make way at the address: NULL, or why it cannot be. */
static const char *make_way(const struct sockaddr_un *a) {
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return NULL;
    if (!S_ISSOCK(st.st_mode))
        return "there is a file of that name, which is no socket";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) == 0;
    if (fd >= 0)
        close(fd);
    if (alive)
        return "another flowprobe listens there";
    return unlink(a->sun_path) == 0 ? NULL : strerror(errno);
}

static const char *listen_at(struct control *c) {
    const char *why = make_way(&c->address);
    if (why)
        return why;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return strerror(errno);
    mode_t mask = umask(0177);
    int bound = bind(c->fd, (const struct sockaddr *)&c->address, sizeof c->address);
    umask(mask);
    if (bound != 0 || listen(c->fd, CLIENTS) != 0)
        return strerror(errno);
    return NULL;
}

struct control *control_open(const char *path, char *message, size_t size) {
    struct control *c = calloc(1, sizeof *c);
    const char *why = "out of memory";
    if (c) {
        c->fd = -1;
        for (int i = 0; i < CLIENTS; i++)
            c->clients[i].fd = -1;
        c->address.sun_family = AF_UNIX;
        why = "the path is too long: at most 107 octets";
        if (strlen(path) < sizeof c->address.sun_path) {
            memcpy(c->address.sun_path, path, strlen(path) + 1);
            why = listen_at(c);
        }
        if (!why)
            return c;
        if (c->fd >= 0)
            close(c->fd);
    }
    snprintf(message, size, "control socket: %s: %s", path, why);
    free(c);
    return NULL;
}

int control_fd(const struct control *c) {
    return c->fd;
}

int control_give(const struct control *c, unsigned uid, unsigned gid) {
    return chown(c->address.sun_path, uid, gid);
}

/* ---- answering --------------------------------------------------------------------------- */

static void forget(struct client *client) {
    close(client->fd);
    client->fd = -1;
}

static void write_answer(FILE *f, const struct control_verb *verb, void *arg) {
    fputs("ok\n", f);
    verb->act(arg, f);
    fputc('\0', f);
}

/* A short answer fits the socket's empty buffer. */
static void answer(const struct client *client, const struct control_verb *verb, void *arg) {
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f) {
        write_answer(f, verb, arg);
        if (fclose(f) == 0)
            send(client->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    free(text);
}

static void say(const struct client *client, const char *text) {
    char line[1024];
    int n = snprintf(line, sizeof line, "error: %s\n", text);
    send(client->fd, line, (size_t)n + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* In the child: nothing of the probe's but this connection stays open. */
static void answer_slowly(const struct client *client, const struct control_verb *verb, void *arg) {
    signal(SIGALRM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    alarm(CHILD_SECONDS);
    dup2(client->fd, STDOUT_FILENO);
    if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        _exit(1);
    FILE *f = fdopen(STDOUT_FILENO, "w");
    if (f) {
        write_answer(f, verb, arg);
        fflush(f);
    }
    _exit(0);
}

static void answer_in_child(struct control *c, const struct client *client,
                            const struct control_verb *verb, void *arg) {
    pid_t child = c->children < CHILDREN ? fork() : -1;
    if (child == 0)
        answer_slowly(client, verb, arg);
    if (child > 0)
        c->children++;
    else
        say(client, "busy: try again when others have had their answers");
}

static void unknown(const struct client *client, const struct control_verb *verbs, size_t n) {
    char text[900];
    size_t at = (size_t)snprintf(text, sizeof text, "'%s' cannot be: one of", client->request);
    for (size_t i = 0; i < n && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s %s", i ? "," : "", verbs[i].name);
    say(client, text);
}

static void obey(struct control *c, const struct client *client, const struct control_verb *verbs,
                 size_t n, void *arg) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(client->request, verbs[i].name) != 0)
            continue;
        if (verbs[i].slow)
            answer_in_child(c, client, &verbs[i], arg);
        else
            answer(client, &verbs[i], arg);
        return;
    }
    unknown(client, verbs, n);
}

/* Whether the request is there as a whole. Forgets a client that has gone, or takes too long. */
static bool asked(struct client *client) {
    ssize_t n =
        recv(client->fd, client->request + client->n, REQUEST_MAX - client->n, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (monotonic() - client->since > PATIENCE)
            forget(client);
        return false;
    }
    char *end = n > 0 ? memchr(client->request + client->n, '\n', (size_t)n) : NULL;
    client->n += n > 0 ? (size_t)n : 0;
    if (end) {
        *end = '\0';
        return true;
    }
    if (n <= 0 || client->n == REQUEST_MAX)
        forget(client);
    return false;
}

void control_serve(struct control *c, const struct control_verb *verbs, size_t n, void *arg) {
    while (c->children > 0 && waitpid(-1, NULL, WNOHANG) > 0)
        c->children--;
    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &c->clients[i];
        if (client->fd < 0) {
            client->fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
            client->since = monotonic();
            client->n = 0;
            struct pollfd said = {client->fd, POLLIN, 0};
            if (client->fd >= 0)
                poll(&said, 1, AT_ONCE);
        }
        if (client->fd < 0 || !asked(client))
            continue;
        obey(c, client, verbs, n, arg);
        forget(client);
    }
}

void control_close(struct control *c) {
    if (!c)
        return;
    for (int i = 0; i < CLIENTS; i++)
        if (c->clients[i].fd >= 0)
            close(c->clients[i].fd);
    unlink(c->address.sun_path);
    close(c->fd);
    free(c);
}
