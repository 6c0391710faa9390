/* SPDX-License-Identifier: MIT */
/* What the two halves of the capture reader share: capfile.c (input, pcap) and pcapng.c. */
#ifndef FLOWVT_CAPFILE_IN_H
#define FLOWVT_CAPFILE_IN_H

#include <stdbool.h>

#include "capfile.h"

struct capfile_interface {
    unsigned linktype;
    uint32_t snaplen;    /* 0: no limit */
    uint64_t resolution; /* ticks a second */
    int64_t offset;      /* seconds */
    char name[CAPFILE_NAME], description[CAPFILE_NAME];
    uint8_t mac[6]; /* zeros: not told */
};

struct capfile {
    int fd;        /* -1: octets in memory */
    bool eof;      /* nothing more to be read from fd */
    bool big;      /* byte order of the file, or of the section */
    bool nano;     /* pcap: fraction in nanoseconds */
    bool modified; /* pcap: longer packet headers */
    int swapped_lengths;
    int state; /* result of every further capfile_next() */
    unsigned linktype;
    const uint8_t *data; /* the window: buffer, or the memory of the caller */
    uint8_t *buffer;
    size_t size, at, end;
    uint64_t offset; /* in the file, of data + at */
    int (*next)(struct capfile *c, struct capfile_packet *p);
    const volatile sig_atomic_t *stop;
    struct capfile_interface *interfaces; /* of this section */
    uint32_t ninterfaces, room;
    uint32_t earlier;  /* interfaces of the sections before */
    int64_t last_time; /* of the packet before */
    char message[200];
};

/* At least n octets from the cursor on if the input has them; *have: how many there are. */
const uint8_t *capfile_peek(struct capfile *c, size_t n, size_t *have);
/* n must be no more than *have of the last peek. */
void capfile_skip(struct capfile *c, size_t n);
/* Set state and message, return result. */
__attribute__((format(printf, 3, 4))) int capfile_fail(struct capfile *c, int result,
                                                       const char *format, ...);
int pcapng_open(struct capfile *c);

static inline uint16_t capfile_u16(bool big, const uint8_t *p) {
    return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}
static inline uint32_t capfile_u32(bool big, const uint8_t *p) {
    uint32_t a = capfile_u16(big, p), b = capfile_u16(big, p + 2);
    return big ? a << 16 | b : b << 16 | a;
}

#endif
