/* SPDX-License-Identifier: MIT */
/*
** Telling systemd how things are (sd_notify(3): datagrams of NAME=VALUE lines to the socket in
** $NOTIFY_SOCKET), for units of Type=notify, and calming its watchdog ($WATCHDOG_USEC).
*/
#ifndef FLOWVT_NOTIFY_H
#define FLOWVT_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un to;
    socklen_t length;
    int64_t every, due; /* ms of the watchdog, 0: none; monotonic ms of the next sign of life */
};

/* Take address and watchdog from the environment, and out of it: other programs that are started are
** not the service. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* text: lines of the protocol, such as "READY=1". Nothing is said about failures: who does not listen
** does not hear. */
void notify_say(const struct notify *n, const char *text);
/* The configuration is being read again; "READY=1" says that it is over. */
void notify_reloading(const struct notify *n);
/* To be called several times a second. */
void notify_alive(struct notify *n);

#endif
