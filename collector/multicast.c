/* SPDX-License-Identifier: MIT */
/*
** RFC 3678: one option joins groups of either family.
*/
#include "multicast.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct group {
    int family;
    struct group_req request;
    const char *interface; /* or NULL */
};

static bool parse(const char *text, struct group *g, char *message, size_t size) {
    char address[INET6_ADDRSTRLEN];
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    size_t n = strcspn(text, "%");
    *g = (struct group){.interface = text[n] ? text + n + 1 : NULL};
    snprintf(address, sizeof address, "%.*s", (int)n, text);
    if (n < sizeof address && inet_pton(AF_INET, address, &four.sin_addr) == 1 &&
        IN_MULTICAST(ntohl(four.sin_addr.s_addr))) {
        g->family = AF_INET;
        memcpy(&g->request.gr_group, &four, sizeof four);
    } else if (n < sizeof address && inet_pton(AF_INET6, address, &six.sin6_addr) == 1 &&
               IN6_IS_ADDR_MULTICAST(&six.sin6_addr)) {
        g->family = AF_INET6;
        memcpy(&g->request.gr_group, &six, sizeof six);
    }
    bool named = !g->interface || (*g->interface && strlen(g->interface) < IF_NAMESIZE);
    if (!g->family || !named)
        snprintf(message, size,
                 "write a multicast address, as in 239.1.1.1 or ff05::1, or ADDRESS%%INTERFACE");
    return g->family && named;
}

bool multicast_check(const char *text, char *message, size_t size) {
    struct group g;
    return parse(text, &g, message, size);
}

int multicast_join(int fd, const char *text, char *message, size_t size) {
    struct group g;
    if (!parse(text, &g, message, size))
        return -1;
    if (g.interface && !(g.request.gr_interface = if_nametoindex(g.interface))) {
        snprintf(message, size, "%s: there is no interface %s", text, g.interface);
        return -1;
    }
    int level = g.family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    if (setsockopt(fd, level, MCAST_JOIN_GROUP, &g.request, sizeof g.request) == 0)
        return 0;
    snprintf(message, size, "%s: %s%s", text, strerror(errno),
             errno == ENODEV ? ": name an interface, as in ADDRESS%INTERFACE" : "");
    return -1;
}
