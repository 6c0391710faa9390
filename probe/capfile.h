/* SPDX-License-Identifier: MIT */
/*
** Reader of capture files: pcap (microseconds or nanoseconds, either byte order, Kuznetzov's
** modified format) and pcapng (sections of either byte order, several interfaces of different link
** types and time resolutions; enhanced, simple and obsolete packet blocks). It reads forward only,
** so pipes will do, and needs no libpcap, which refuses pcapng files of mixed link types.
**
** Memory is bounded by CAPFILE_MAX_RECORD whatever the file says.
*/
#ifndef FLOWVT_CAPFILE_H
#define FLOWVT_CAPFILE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CAPFILE_MAX_RECORD = 16 << 20,  /* a longer packet is a fault */
    CAPFILE_MAX_INTERFACES = 65536, /* of one pcapng section */
    CAPFILE_NAME = 64,              /* octets of names that are kept, with a NUL */
};

struct capfile;

struct capfile_packet {
    int64_t time;        /* microseconds since 1970 UTC */
    unsigned linktype;   /* LINKTYPE_ number */
    const uint8_t *data; /* valid until the next call */
    uint32_t captured;   /* octets at data */
    uint32_t wire;       /* octets the packet had; as the file says, may be below captured */
    uint32_t interface;  /* pcapng: number within the section */
    uint32_t place;      /* pcapng: of the interface among all of the file, from 1 on */
    uint32_t ifindex;    /* Kuznetzov's format: of the machine that captured; 0: not told */
    int direction;       /* as the file says: 0 unknown, 1 received, 2 sent */
};

enum capfile_result {
    CAPFILE_PACKET = 1,
    CAPFILE_END = 0,
    CAPFILE_FOREIGN = -1, /* not a capture file (capfile_open only) */
    CAPFILE_BROKEN = -2,  /* a capture file, broken from here on */
    CAPFILE_IO = -3,      /* the system said no */
};

/* Open path, "-" for standard input, and read its header. Returns CAPFILE_PACKET and sets *out, or
** a negative result and writes one sentence to message. */
int capfile_open(const char *path, struct capfile **out, char *message, size_t size);

/* The same on octets in memory, which must outlive the reader. */
int capfile_open_memory(const void *data, size_t length, struct capfile **out, char *message,
                        size_t size);

/* The next packet. After a result other than CAPFILE_PACKET it stays at that result. */
int capfile_next(struct capfile *c, struct capfile_packet *p);

/* A read() that a signal interrupts ends the capture when *stop is set by then. */
void capfile_stop_flag(struct capfile *c, const volatile sig_atomic_t *stop);

/* Why the last capfile_next() was BROKEN or IO: one sentence without the file's name. */
const char *capfile_message(const struct capfile *c);

/* Interfaces that the section has described so far; 0 where the format describes none. */
uint32_t capfile_interfaces(const struct capfile *c);

/* Name and description of an interface of the section, or "". Valid until the next packet. */
const char *capfile_interface_name(const struct capfile *c, uint32_t interface);
const char *capfile_interface_description(const struct capfile *c, uint32_t interface);

/* Six octets, or NULL where the file does not tell. */
const uint8_t *capfile_interface_mac(const struct capfile *c, uint32_t interface);

void capfile_close(struct capfile *c);

#endif
