/* SPDX-License-Identifier: MIT */
/* Netfilter's log through netlink(7): linux/netfilter/nfnetlink_log.h. */
#include "nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    KERNEL_BATCH = 32768, /* octets of packets that the kernel hands over together */
    RECEIVE = 2 * 131072, /* more than the kernel's largest message */
    QUEUE = 256,          /* packets it waits for */
    HUNDREDTH_MS = 10,    /* its unit of time */
};

struct nflog {
    int fd;
    uint16_t group;
    bool counted;  /* a packet has come, and the next one's sequence number is known */
    uint32_t next; /* sequence number */
    uint32_t requests;
    uint64_t lost;
    uint8_t buffer[RECEIVE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* A request with one attribute; returns 0 or the error that the kernel answers with. */
static int configure(struct nflog *n, unsigned attribute, const void *value, size_t length) {
    struct {
        struct nlmsghdr header;
        struct nfgenmsg log;
        struct nlattr attribute;
        uint8_t value[16];
    } request;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof request.log) + NLA_HDRLEN + length);
    request.header.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.header.nlmsg_seq = ++n->requests;
    request.log.nfgen_family = AF_UNSPEC;
    request.log.version = NFNETLINK_V0;
    request.log.res_id = htons(n->group);
    request.attribute.nla_type = (uint16_t)attribute;
    request.attribute.nla_len = (uint16_t)(NLA_HDRLEN + length);
    memcpy(request.value, value, length);
    if (send(n->fd, &request, NLMSG_ALIGN(request.header.nlmsg_len), 0) < 0)
        return errno;
    for (;;) { /* packets may come before the answer; they are of the time before the start */
        ssize_t got = recv(n->fd, n->buffer, sizeof n->buffer, 0);
        if (got < 0 && errno != ENOBUFS && errno != EINTR)
            return errno;
        struct nlmsghdr h;
        if (got < (ssize_t)sizeof h)
            continue;
        memcpy(&h, n->buffer, sizeof h);
        if (h.nlmsg_type != NLMSG_ERROR || h.nlmsg_seq != n->requests)
            continue;
        int error;
        memcpy(&error, n->buffer + NLMSG_HDRLEN, sizeof error);
        return -error;
    }
}

static int set_flags(struct nflog *n, unsigned flags) {
    uint16_t value = htons((uint16_t)flags);
    return configure(n, NFULA_CFG_FLAGS, &value, sizeof value);
}

/* What the kernel will hand over, and how. */
static int set_up(struct nflog *n, unsigned snaplen) {
    const struct nfulnl_msg_config_cmd bind_group = {NFULNL_CFG_CMD_BIND};
    const struct nfulnl_msg_config_mode mode = {htonl(snaplen), NFULNL_COPY_PACKET, 0};
    const uint32_t batch = htonl(KERNEL_BATCH), wait = htonl(NFLOG_BATCH_MS / HUNDREDTH_MS);
    const uint32_t queue = htonl(QUEUE);
    int error = configure(n, NFULA_CFG_CMD, &bind_group, sizeof bind_group);
    if (error == 0)
        error = configure(n, NFULA_CFG_MODE, &mode, sizeof mode);
    if (error == 0)
        error = configure(n, NFULA_CFG_NLBUFSIZ, &batch, sizeof batch);
    if (error == 0)
        error = configure(n, NFULA_CFG_TIMEOUT, &wait, sizeof wait);
    if (error == 0)
        error = configure(n, NFULA_CFG_QTHRESH, &queue, sizeof queue);
    if (error == 0 && set_flags(n, NFULNL_CFG_F_SEQ | NFULNL_CFG_F_CONNTRACK) != 0)
        error = set_flags(n, NFULNL_CFG_F_SEQ); /* a kernel without conntrack in its log */
    return error;
}

struct nflog *nflog_open(unsigned group, unsigned snaplen, unsigned buffer, char *message,
                         size_t size) {
    struct nflog *n = calloc(1, sizeof *n);
    if (!n) {
        snprintf(message, size, "nflog:%u: out of memory", group);
        return NULL;
    }
    n->group = (uint16_t)group;
    n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    int error = n->fd < 0 ? errno : 0;
    int octets = (int)(buffer * 1024);
    if (error == 0 && buffer && /* beyond what others may have, where we may */
        setsockopt(n->fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) != 0)
        setsockopt(n->fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    if (error == 0)
        error = set_up(n, snaplen);
    if (error == 0)
        return n;
    snprintf(message, size, "nflog:%u: %s%s", group, strerror(error),
             error == EBUSY                                ? ": another program reads this group"
             : error == EPERM                              ? ": CAP_NET_ADMIN is needed"
             : error == EPROTONOSUPPORT || error == EINVAL ? ": the kernel has no nfnetlink_log"
                                                           : "");
    nflog_close(n);
    return NULL;
}

/* Packets that were lost before this one, by its sequence number. */
static void count_lost(struct nflog *n, const uint8_t *p, size_t left) {
    struct nlattr a;
    while (left >= NLA_HDRLEN) {
        memcpy(&a, p, sizeof a);
        if (a.nla_len < NLA_HDRLEN || a.nla_len > left)
            return;
        if ((a.nla_type & NLA_TYPE_MASK) == NFULA_SEQ && a.nla_len >= NLA_HDRLEN + 4) {
            uint32_t sequence;
            memcpy(&sequence, p + NLA_HDRLEN, sizeof sequence);
            sequence = ntohl(sequence);
            if (n->counted)
                n->lost += sequence - n->next;
            n->counted = true;
            n->next = sequence + 1;
            return;
        }
        size_t step = NLA_ALIGN(a.nla_len);
        p += step < left ? step : left;
        left -= step < left ? step : left;
    }
}

/* The packets of what was received; other messages are passed over. */
static int hand_over(struct nflog *n, size_t got,
                     void (*packet)(void *arg, const uint8_t *frame, size_t length), void *arg) {
    int packets = 0;
    struct nlmsghdr h;
    for (size_t at = 0; at + NLMSG_HDRLEN + sizeof(struct nfgenmsg) <= got;) {
        memcpy(&h, n->buffer + at, sizeof h);
        if (h.nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg) || h.nlmsg_len > got - at)
            break;
        const uint8_t *frame = n->buffer + at + NLMSG_HDRLEN;
        size_t length = h.nlmsg_len - NLMSG_HDRLEN;
        if (h.nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET)) {
            count_lost(n, frame + sizeof(struct nfgenmsg), length - sizeof(struct nfgenmsg));
            packet(arg, frame, length);
            packets++;
        }
        at += NLMSG_ALIGN(h.nlmsg_len);
    }
    return packets;
}

int nflog_read(struct nflog *n, int max,
               void (*packet)(void *arg, const uint8_t *frame, size_t length), void *arg,
               char *message, size_t size) {
    int packets = 0;
    while (packets < max) {
        ssize_t got = recv(n->fd, n->buffer, sizeof n->buffer, MSG_DONTWAIT);
        if (got > 0) {
            packets += hand_over(n, (size_t)got, packet, arg);
        } else if (got < 0 && (errno == ENOBUFS || errno == EINTR)) {
            continue; /* the sequence numbers will tell how many were lost */
        } else if (got == 0 || errno == EAGAIN) {
            break;
        } else {
            snprintf(message, size, "nflog:%u: %s", n->group, strerror(errno));
            return -1;
        }
    }
    return packets;
}

int nflog_fd(const struct nflog *n) {
    return n->fd;
}

uint64_t nflog_lost(const struct nflog *n) {
    return n->lost;
}

void nflog_close(struct nflog *n) {
    if (!n)
        return;
    if (n->fd >= 0)
        close(n->fd);
    free(n);
}
