/* SPDX-License-Identifier: MIT */
/*
** Packets from netfilter's log: one socket of netlink a group, bound to it, through which the kernel
** hands over what rules with that group match. libpcap has a device for it, too; this one has a
** buffer of a size that can be set, reads many packets at a time, knows how many were lost (by
** their sequence numbers), and asks for the connection tracking entry, where the kernel gives it.
**
** The frames are those of LINKTYPE_NFLOG.
*/
#ifndef FLOWVT_NFLOG_H
#define FLOWVT_NFLOG_H

#include <stddef.h>
#include <stdint.h>

enum { NFLOG_BATCH_MS = 100 }; /* the kernel may hold packets back this long */

struct nflog;

/* group: 0 to 65535. snaplen: octets of each packet. buffer: KiB, 0: the system's. NULL and a
** sentence in message: the kernel has no such log, or it may not be read. */
struct nflog *nflog_open(unsigned group, unsigned snaplen, unsigned buffer, char *message,
                         size_t size);

/* Hand over up to max packets that wait; a few more where they come together. Returns their number,
** or -1 and a sentence in message. Never waits. */
int nflog_read(struct nflog *n, int max,
               void (*packet)(void *arg, const uint8_t *frame, size_t length), void *arg,
               char *message, size_t size);

int nflog_fd(const struct nflog *n);        /* for poll() */
uint64_t nflog_lost(const struct nflog *n); /* packets that the buffer had no room for */
void nflog_close(struct nflog *n);

#endif
