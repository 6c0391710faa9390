/* SPDX-License-Identifier: MIT */
/*
** Names to sockets, and sockets' addresses to those of rows.
*/
#include "address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Or -1 and errno. */
static int bind_one(const struct addrinfo *a, bool dual) {
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    int v6only = !dual;
    if (fd < 0)
        return -1;
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
    /* For UDP it would let two programs have the port. */
    if (a->ai_socktype == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int address_bind(const char *addr, uint16_t port, int type, char *message, size_t size) {
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = type,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    struct addrinfo *list, *a;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(addr, service, &hints, &list);
    if (failed) {
        snprintf(message, size, "%s: %s: -b takes an address of this machine",
                 addr ? addr : "any address", gai_strerror(failed));
        return -1;
    }
    /* Without an address an IPv6 socket serves both families; IPv4 alone where there is no IPv6. */
    int fd = -1;
    for (int pass = 0; pass < 2 && fd < 0; pass++)
        for (a = list; a && fd < 0; a = a->ai_next)
            if (addr || a->ai_family == (pass == 0 ? AF_INET6 : AF_INET))
                fd = bind_one(a, addr == NULL);
    int saved = errno;
    freeaddrinfo(list);
    if (fd < 0)
        snprintf(message, size, "%s %sport %u: %s", addr ? addr : "any address",
                 type == SOCK_STREAM ? "TCP " : "", port, strerror(saved));
    return fd;
}

bool address_of(const struct sockaddr_storage *from, struct flow_ip *ip, uint16_t *port) {
    if (from->ss_family == AF_INET) {
        struct sockaddr_in a;
        memcpy(&a, from, sizeof a);
        *ip = flow_ip_make(4, &a.sin_addr);
        *port = ntohs(a.sin_port);
        return true;
    }
    if (from->ss_family != AF_INET6)
        return false;
    struct sockaddr_in6 a;
    memcpy(&a, from, sizeof a);
    bool mapped = IN6_IS_ADDR_V4MAPPED(&a.sin6_addr);
    *ip = flow_ip_make(mapped ? 4 : 6, a.sin6_addr.s6_addr + (mapped ? 12 : 0));
    *port = ntohs(a.sin6_port);
    return true;
}

struct flow_ip address_listening(int fd) {
    static const uint8_t any[16];
    struct sockaddr_storage a = {0};
    struct flow_ip ip = {0};
    uint16_t port;
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0 || !address_of(&a, &ip, &port) ||
        memcmp(ip.addr, any, sizeof any) == 0)
        ip = (struct flow_ip){0};
    return ip;
}
