/* SPDX-License-Identifier: MIT */
/*
** The protocol is small enough to do without libsystemd.
*/
#include "notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "schema/clock.h"

static int64_t watchdog_ms(void) {
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    long long n = strtoll(usec, NULL, 10) / 1000;
    return n > 0 ? n : 0;
}

void notify_open(struct notify *n) {
    const char *path = getenv("NOTIFY_SOCKET");
    *n = (struct notify){.fd = -1, .to = {.sun_family = AF_UNIX}, .every = watchdog_ms() / 2};
    size_t length = path ? strlen(path) : 0;
    if (length > 1 && length < sizeof n->to.sun_path && (*path == '/' || *path == '@')) {
        memcpy(n->to.sun_path, path, length);
        if (*path == '@') /* the abstract name space */
            n->to.sun_path[0] = '\0';
        n->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n) {
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_say(const struct notify *n, const char *text) {
    if (n->fd >= 0)
        sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
               (const struct sockaddr *)&n->to, n->length);
}

void notify_reloading(const struct notify *n) {
    struct timespec t;
    char text[64];
    clock_gettime(CLOCK_MONOTONIC, &t);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    notify_say(n, text);
}

void notify_alive(struct notify *n) {
    int64_t now = n->every ? monotonic_ms() : 0;
    if (n->every && now >= n->due) {
        notify_say(n, "WATCHDOG=1");
        n->due = now + n->every;
    }
}
