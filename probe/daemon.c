/* SPDX-License-Identifier: MIT */
/*
** What a daemon does to its process. What needs root (interfaces, the pid file, the control socket) is opened
** before the user changes, what the user must be able to write (the store) after.
*/
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

int daemon_fork(void) {
    int ends[2];
    char well;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        close(ends[0]);
        setsid();
        return ends[1];
    }
    close(ends[1]);
    ssize_t n;
    do
        n = read(ends[0], &well, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : 1);
}

/* One sentence, with the program's name, which the log says by itself. */
static ssize_t to_log(void *arg, const char *text, size_t n) {
    static const char program[] = "flowprobe: ";
    size_t skip = sizeof program - 1;
    (void)arg;
    skip = n > skip && memcmp(text, program, skip) == 0 ? skip : 0;
    syslog(LOG_INFO, "%.*s", (int)(n - skip), text + skip);
    return (ssize_t)n;
}

void daemon_ready(int parent) {
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    openlog("flowprobe", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    FILE *log = fopencookie(NULL, "w", (cookie_io_functions_t){.write = to_log});
    if (log) {
        setvbuf(log, NULL, _IOLBF, 2048);
        stderr = log;
    }
    ssize_t told = write(parent, "", 1);
    (void)told;
    close(parent);
}

int daemon_pidfile(const char *path, char *message, size_t size) {
    FILE *f = fopen(path, "we");
    bool written = f && fprintf(f, "%ld\n", (long)getpid()) > 0;
    if (f && fclose(f) == 0 && written)
        return 0;
    snprintf(message, size, "%s: %s", path, strerror(errno));
    return -1;
}

/* ---- another user ------------------------------------------------------------------------ */

static bool id_of(const char *text, unsigned long *out) {
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *out < (uid_t)-1;
}

int daemon_user_find(struct daemon_user *u, const char *user, const char *group, char *message,
                     size_t size) {
    unsigned long id;
    *u = (struct daemon_user){user || group, getuid(), getgid()};
    const struct passwd *p = user ? getpwnam(user) : NULL;
    if (user && !p && !id_of(user, &id)) {
        snprintf(message, size, "-u: %s: there is no such user", user);
        return -1;
    }
    if (p) {
        u->uid = p->pw_uid;
        u->gid = p->pw_gid;
    } else if (user) {
        u->uid = (uid_t)id;
    }
    const struct group *g = group ? getgrnam(group) : NULL;
    if (group && !g && !id_of(group, &id)) {
        snprintf(message, size, "-g: %s: there is no such group", group);
        return -1;
    }
    if (group)
        u->gid = g ? g->gr_gid : (gid_t)id;
    return 0;
}

int daemon_user_take(const struct daemon_user *u, char *message, size_t size) {
    if (!u->other)
        return 0;
    const struct passwd *p = getpwuid(u->uid);
    int failed = p ? initgroups(p->pw_name, u->gid) : setgroups(1, &u->gid);
    if (!failed && setgid(u->gid) == 0 && setuid(u->uid) == 0)
        return 0;
    snprintf(message, size, "cannot become user %ld: %s", (long)u->uid, strerror(errno));
    return -1;
}
