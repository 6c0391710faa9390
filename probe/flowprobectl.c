/* SPDX-License-Identifier: MIT */
/*
** flowprobectl: asks a running flowprobe on its control socket (control.h).
**
**   flowprobectl statistics
**   flowprobectl -c /run/flowvt/wan.ctl dump-flows
**
** Exit status: 0; 1 when the probe is not there or said no; 2 for a wrong command line.
*/
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

enum { EXIT_REFUSED = 1, EXIT_WRONG = 2 };

static void complain(const char *what, const char *why) {
    fprintf(stderr, "flowprobectl: %s: %s\n", what, why);
}

static void usage(void) {
    static const struct {
        const char *words, *meaning;
    } verbs[] = {
#define VERB(words, function, slow, meaning) {words, meaning},
#include "commands.def"
#undef VERB
    };
    printf("usage: flowprobectl [-c SOCKET] COMMAND\n"
           "Asks a flowprobe that was started with -c SOCKET (default " CONTROL_PATH ").\n\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        printf("  %-24s %s\n", verbs[i].words, verbs[i].meaning);
}

static int call(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        complain(path, "the path is too long: at most 107 octets");
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    fprintf(stderr, "flowprobectl: %s: %s: is there a flowprobe with -c %s?\n", path,
            strerror(errno), path);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Copy the answer; 0 when all of it came and it is no error. */
static int print_answer(int fd, const char *path) {
    FILE *f = fdopen(fd, "r");
    char line[1024], text[65536];
    if (!f || !fgets(line, sizeof line, f)) {
        complain(path, "no answer");
        return EXIT_REFUSED;
    }
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "ok") != 0) {
        fprintf(stderr, "flowprobectl: %s\n",
                strncmp(line, "error: ", 7) == 0 ? line + 7 : "an answer of another kind");
        return EXIT_REFUSED;
    }
    size_t n, last = 0;
    while ((n = fread(text, 1, sizeof text, f)) > 0) {
        last = text[n - 1] == '\0';
        fwrite(text, 1, n - last, stdout);
    }
    if (fflush(stdout) != 0) {
        complain("standard output", strerror(errno));
        return EXIT_REFUSED;
    }
    if (!last) {
        complain(path, "the answer is cut short");
        return EXIT_REFUSED;
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *path = CONTROL_PATH;
    char request[128] = "";
    for (int c; (c = getopt(argc, argv, "+c:h")) != -1;) {
        switch (c) {
        case 'c':
            path = optarg;
            break;
        case 'h':
            usage();
            return 0;
        default:
            return EXIT_WRONG;
        }
    }
    for (int i = optind; i < argc; i++) {
        size_t n = strlen(request);
        snprintf(request + n, sizeof request - n, "%s%s", n ? " " : "", argv[i]);
    }
    if (request[0] == '\0' || strlen(request) + 1 >= sizeof request) {
        complain("no command", "one of those that flowprobectl -h lists");
        return EXIT_WRONG;
    }
    strcat(request, "\n");
    int fd = call(path);
    if (fd < 0)
        return EXIT_REFUSED;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
        complain(path, strerror(errno));
        return EXIT_REFUSED;
    }
    return print_answer(fd, path);
}
