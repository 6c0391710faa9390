/* SPDX-License-Identifier: MIT */
/*
** What a daemon does to its process. Names are looked up before anything is opened, so that a typing
** error is no half start.
*/
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

/* Always -1. */
__attribute__((format(printf, 3, 4))) static int fail(char *message, size_t size,
                                                      const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(message, size, format, args);
    va_end(args);
    return -1;
}

/* ---- the background --------------------------------------------------------------------- */

int service_fork(void) {
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
    while ((n = read(ends[0], &well, 1)) < 0 && errno == EINTR)
        ;
    _exit(n == 1 ? 0 : 1);
}

static ssize_t to_log(void *arg, const char *text, size_t n) {
    const char *program = arg, *p = text, *end = text + n;
    const size_t name = strlen(program);
    while (p < end) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        line_end = line_end ? line_end : end;
        size_t length = (size_t)(line_end - p), skip = name + 2; /* the log says that by itself */
        bool named =
            length > skip && memcmp(p, program, name) == 0 && memcmp(p + name, ": ", 2) == 0;
        skip = named ? skip : 0;
        if (length > skip)
            syslog(LOG_INFO, "%.*s", (int)(length - skip), p + skip);
        p = line_end + (line_end < end);
    }
    return (ssize_t)n;
}

void service_log(const char *program) {
    openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
    FILE *log =
        fopencookie((void *)(uintptr_t)program, "w", (cookie_io_functions_t){.write = to_log});
    if (log) {
        setvbuf(log, NULL, _IOLBF, 2048);
        stderr = log;
    }
}

void service_detach(int parent) {
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    ssize_t told = write(parent, "", 1);
    (void)told;
    close(parent);
}

/* ---- the pid file ----------------------------------------------------------------------- */

int pidfile_write(struct pidfile *f, const char *path, char *message, size_t size) {
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    f->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    f->path = f->fd >= 0 ? path : NULL; /* what could not be opened is somebody else's, and stays */
    if (f->fd >= 0 && write(f->fd, text, (size_t)n) == n)
        return 0;
    return fail(message, size, "%s: %s", path, strerror(errno));
}

int pidfile_remove(struct pidfile *f, char *message, size_t size) {
    int result = 0;
    if (!f->path)
        return 0;
    if (unlink(f->path) != 0 && ftruncate(f->fd, 0) != 0)
        result = fail(message, size, "%s: %s", f->path, strerror(errno));
    close(f->fd);
    f->path = NULL;
    return result;
}

/* ---- another user ----------------------------------------------------------------------- */

static bool id_of(const char *text, uint32_t *out) {
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && v < UINT32_MAX;
}

int identity_find(struct identity *who, const char *user, const char *group, char *message,
                  size_t size) {
    const struct passwd *p = user ? getpwnam(user) : NULL;
    *who = (struct identity){user ? user : group, getuid(), getgid()};
    if (user && !p && id_of(user, &who->uid))
        p = getpwuid(who->uid);
    else if (user && !p)
        return fail(message, size, "%s: there is no such user", user);
    if (p) {
        who->uid = p->pw_uid;
        who->gid = p->pw_gid;
    }
    if (group) {
        const struct group *g = getgrnam(group);
        if (!g && !id_of(group, &who->gid))
            return fail(message, size, "%s: there is no such group", group);
        who->gid = g ? g->gr_gid : who->gid;
    }
    if (who->name && geteuid() != 0)
        return fail(message, size, "%s: to become another user, be started by root", who->name);
    return 0;
}

static void drop_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &header, none);
}

int identity_take(const struct identity *who, char *message, size_t size) {
    if (who->name) {
        const struct passwd *p = getpwuid(who->uid);
        int failed = p ? initgroups(p->pw_name, who->gid) : setgroups(1, &who->gid);
        if (failed || setgid(who->gid) != 0 || setuid(who->uid) != 0)
            return fail(message, size, "%s: %s", who->name, strerror(errno));
    }
    if (getuid() != 0)
        drop_capabilities();
    return 0;
}

int identity_give(const struct identity *who, const char *dir, char *message, size_t size) {
    if (!who->name || mkdir(dir, 0755) != 0)
        return 0; /* it is there, or whoever opens it will say why it cannot be */
    if (chown(dir, who->uid, who->gid) == 0)
        return 0;
    return fail(message, size, "%s: %s", dir, strerror(errno));
}

int identity_may_write(const struct identity *who, const char *dir, const char *path, char *message,
                       size_t size) {
    char part[4096];
    for (size_t n = strlen(dir); n < sizeof part; n += 1 + strcspn(path + n + 1, "/")) {
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        if (access(part, W_OK) != 0 && errno != ENOENT)
            return fail(message, size, "%s: user %s may not write there: %s: chown -R %s %s", part,
                        who->name ? who->name : "that runs this", strerror(errno),
                        who->name ? who->name : "USER", dir);
        if (path[n] == '\0')
            break;
    }
    return 0;
}
