/* SPDX-License-Identifier: MIT */
/* Queue lengths through sock_diag(7): one request for one socket, found as a datagram would find
 * it. */
#include "queue.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Ports, addresses and the loopback property of a socket address; false for other families. */
static bool parts(const struct sockaddr_storage *a, uint16_t *port, uint32_t address[4]) {
    if (a->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        *port = in.sin_port;
        memcpy(address, &in.sin_addr, sizeof in.sin_addr);
        return true;
    }
    if (a->ss_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, a, sizeof in);
        *port = in.sin6_port;
        memcpy(address, &in.sin6_addr, sizeof in.sin6_addr);
        return true;
    }
    return false;
}

bool queue_probe_init(struct queue_probe *p, int fd) {
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t n = sizeof own, m = sizeof peer;
    memset(p, 0, sizeof *p);
    if (getsockname(fd, (struct sockaddr *)&own, &n) != 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &m) != 0)
        return false;
    /* The collector's socket is looked up with our addresses as its peer: what the kernel does
    ** with a datagram. Source and destination are its view. */
    if (!parts(&own, &p->id.idiag_sport, p->id.idiag_src) ||
        !parts(&peer, &p->id.idiag_dport, p->id.idiag_dst))
        return false;
    p->family = (uint8_t)own.ss_family;
    p->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    p->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return memcmp(p->id.idiag_src, p->id.idiag_dst, sizeof p->id.idiag_src) == 0;
}

int queue_open(void) {
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    struct timeval patience = {.tv_usec = 100000};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

uint32_t queue_octets(int netlink, const struct queue_probe *p) {
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.body.sdiag_family = p->family;
    request.body.sdiag_protocol = IPPROTO_UDP;
    request.body.idiag_states = ~0u;
    request.body.id = p->id;
    if (send(netlink, &request, sizeof request, 0) < 0)
        return 0;
    struct {
        struct nlmsghdr header;
        struct inet_diag_msg body;
        uint8_t attributes[1024];
    } reply;
    ssize_t n = recv(netlink, &reply, sizeof reply, 0);
    if (n < (ssize_t)(sizeof reply.header + sizeof reply.body) ||
        reply.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return 0;
    return reply.body.idiag_rqueue;
}
