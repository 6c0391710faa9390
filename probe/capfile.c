/* SPDX-License-Identifier: MIT */
/*
** The input side of capture reading: a window of octets that is refilled by read(), the recognition
** of the formats, and the pcap format. pcapng is in pcapng.c.
**
** pcap: a header of 24 octets, then packets of a 16-octet header and their octets
** (draft-ietf-opsawg-pcap).
*/
#include "capfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capfile_in.h"

enum {
    PCAP_HEADER = 24,
    PCAP_RECORD = 16,
    PCAP_RECORD_MODIFIED = 24,
    SENT_BY_US = 4,   /* packet type PACKET_OUTGOING */
    WINDOW = 1 << 18, /* large enough that read() costs nothing, small enough for the cache */
};

int capfile_fail(struct capfile *c, int result, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    vsnprintf(c->message, sizeof c->message, format, ap);
    va_end(ap);
    c->state = result;
    return result;
}

/* Make at least n octets available at c->at, if the input has them. Returns what there is. */
static size_t refill(struct capfile *c, size_t n) {
    size_t have = c->end - c->at;
    if (c->fd < 0 || c->eof)
        return have;
    if (n > c->size) {
        size_t size = c->size;
        while (size < n)
            size *= 2;
        uint8_t *bigger = realloc(c->buffer, size);
        if (!bigger) {
            capfile_fail(c, CAPFILE_IO, "out of memory for a record of %zu octets", n);
            return have;
        }
        c->buffer = bigger;
        c->size = size;
    }
    if (c->at > 0) {
        memmove(c->buffer, c->buffer + c->at, have);
        c->at = 0;
        c->end = have;
    }
    while (c->end < n && !c->eof) {
        ssize_t got = read(c->fd, c->buffer + c->end, c->size - c->end);
        if (got < 0 && errno == EINTR && !(c->stop && *c->stop))
            continue;
        if (got < 0 && errno != EINTR)
            capfile_fail(c, CAPFILE_IO, "reading after %llu octets: %s",
                         (unsigned long long)c->offset, strerror(errno));
        if (got <= 0)
            c->eof = true;
        else
            c->end += (size_t)got;
    }
    c->data = c->buffer;
    return c->end - c->at;
}

const uint8_t *capfile_peek(struct capfile *c, size_t n, size_t *have) {
    *have = c->end - c->at;
    if (*have < n)
        *have = refill(c, n);
    return c->data + c->at;
}

void capfile_skip(struct capfile *c, size_t n) {
    c->at += n;
    c->offset += n;
}

static uint32_t u32(const struct capfile *c, const uint8_t *p) {
    return capfile_u32(c->big, p);
}

static int pcap_next(struct capfile *c, struct capfile_packet *p) {
    size_t header = c->modified ? PCAP_RECORD_MODIFIED : PCAP_RECORD;
    size_t have;
    const uint8_t *h = capfile_peek(c, header, &have);
    if (have == 0 && c->state == CAPFILE_PACKET)
        return c->state = CAPFILE_END;
    if (c->state != CAPFILE_PACKET)
        return c->state;
    if (have < header)
        return capfile_fail(c, CAPFILE_BROKEN,
                            "cut off at octet %llu: %zu octets of a packet header of %zu",
                            (unsigned long long)c->offset, have, header);
    uint32_t captured = u32(c, h + 8), wire = u32(c, h + 12);
    if (c->swapped_lengths == 2 || (c->swapped_lengths == 1 && captured > wire)) {
        uint32_t t = captured;
        captured = wire;
        wire = t;
    }
    if (captured > CAPFILE_MAX_RECORD)
        return capfile_fail(
            c, CAPFILE_BROKEN, "octet %llu: a packet of %lu octets cannot be: at most %d",
            (unsigned long long)c->offset, (unsigned long)captured, CAPFILE_MAX_RECORD);
    h = capfile_peek(c, header + captured, &have);
    if (c->state != CAPFILE_PACKET)
        return c->state;
    if (have < header + captured)
        return capfile_fail(c, CAPFILE_BROKEN,
                            "cut off at octet %llu: %zu octets of a packet of %lu",
                            (unsigned long long)c->offset, have - header, (unsigned long)captured);
    uint32_t fraction = u32(c, h + 4);
    p->time = (int64_t)u32(c, h) * 1000000 + (c->nano ? fraction / 1000 : fraction);
    p->linktype = c->linktype;
    p->data = h + header;
    p->captured = captured;
    p->wire = wire;
    p->interface = 0;
    p->place = 0;
    p->ifindex = 0;
    p->direction = 0;
    if (c->modified) { /* interface, protocol, packet type as in cooked headers */
        p->ifindex = u32(c, h + PCAP_RECORD);
        p->direction = h[PCAP_RECORD + 6] == SENT_BY_US ? 2 : 1;
    }
    capfile_skip(c, header + captured);
    return CAPFILE_PACKET;
}

static const struct {
    uint32_t magic;
    bool nano, modified;
} magics[] = {
    {0xa1b2c3d4, false, false},
    {0xa1b23c4d, true, false},
    {0xa1b2cd34, false, true}, /* Alexey Kuznetzov's, with interface and packet type */
};

/* The pcap file header, if it is one. */
static int pcap_open(struct capfile *c) {
    size_t have;
    const uint8_t *h = capfile_peek(c, PCAP_HEADER, &have);
    if (have < 4)
        return CAPFILE_FOREIGN;
    size_t m = 0;
    for (; m < sizeof magics / sizeof *magics; m++) {
        if (capfile_u32(true, h) == magics[m].magic)
            c->big = true;
        else if (capfile_u32(false, h) != magics[m].magic)
            continue;
        break;
    }
    if (m == sizeof magics / sizeof *magics)
        return CAPFILE_FOREIGN;
    c->nano = magics[m].nano;
    c->modified = magics[m].modified;
    if (have < PCAP_HEADER)
        return capfile_fail(c, CAPFILE_BROKEN, "cut off: %zu octets of a file header of %d", have,
                            PCAP_HEADER);
    unsigned major = capfile_u16(c->big, h + 4), minor = capfile_u16(c->big, h + 6);
    if (major < 2)
        return capfile_fail(c, CAPFILE_BROKEN, "pcap version %u.%u: 2.0 and later can be read",
                            major, minor);
    if (major == 2 && minor <= 3) /* lengths were the other way round before 2.3, in 2.3 at times */
        c->swapped_lengths = minor < 3 ? 2 : 1;
    c->linktype = u32(c, h + 20) & 0x03ffffff; /* above: length of the frame check sequence */
    capfile_skip(c, PCAP_HEADER);
    c->next = pcap_next;
    return CAPFILE_PACKET;
}

static int recognise(struct capfile *c, struct capfile **out, char *message, size_t size) {
    c->state = CAPFILE_PACKET;
    int result = pcap_open(c);
    if (result == CAPFILE_FOREIGN && c->state == CAPFILE_PACKET)
        result = pcapng_open(c);
    if (c->state == CAPFILE_IO)
        result = CAPFILE_IO;
    if (result == CAPFILE_PACKET) {
        *out = c;
        return result;
    }
    if (result == CAPFILE_FOREIGN)
        snprintf(message, size, "not a capture file: pcap and pcapng can be read");
    else
        snprintf(message, size, "%s", c->message);
    capfile_close(c);
    return result;
}

int capfile_open(const char *path, struct capfile **out, char *message, size_t size) {
    struct capfile *c = calloc(1, sizeof *c);
    uint8_t *buffer = malloc(WINDOW);
    if (!c || !buffer) {
        free(c);
        free(buffer);
        snprintf(message, size, "out of memory");
        return CAPFILE_IO;
    }
    c->buffer = buffer;
    c->data = buffer;
    c->size = WINDOW;
    c->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (c->fd < 0) {
        snprintf(message, size, "%s", strerror(errno));
        capfile_close(c);
        return CAPFILE_IO;
    }
    return recognise(c, out, message, size);
}

int capfile_open_memory(const void *data, size_t length, struct capfile **out, char *message,
                        size_t size) {
    struct capfile *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(message, size, "out of memory");
        return CAPFILE_IO;
    }
    c->fd = -1;
    c->eof = true;
    c->data = data;
    c->end = length;
    return recognise(c, out, message, size);
}

int capfile_next(struct capfile *c, struct capfile_packet *p) {
    return c->state == CAPFILE_PACKET ? c->next(c, p) : c->state;
}

void capfile_stop_flag(struct capfile *c, const volatile sig_atomic_t *stop) {
    c->stop = stop;
}

const char *capfile_message(const struct capfile *c) {
    return c->message;
}

uint32_t capfile_interfaces(const struct capfile *c) {
    return c->ninterfaces;
}

const char *capfile_interface_name(const struct capfile *c, uint32_t interface) {
    return interface < c->ninterfaces ? c->interfaces[interface].name : "";
}

const char *capfile_interface_description(const struct capfile *c, uint32_t interface) {
    return interface < c->ninterfaces ? c->interfaces[interface].description : "";
}

const uint8_t *capfile_interface_mac(const struct capfile *c, uint32_t interface) {
    static const uint8_t none[6];
    if (interface >= c->ninterfaces || memcmp(c->interfaces[interface].mac, none, 6) == 0)
        return NULL;
    return c->interfaces[interface].mac;
}

void capfile_close(struct capfile *c) {
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c->interfaces);
    free(c->buffer);
    free(c);
}
