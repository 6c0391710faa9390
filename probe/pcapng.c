/* SPDX-License-Identifier: MIT */
/*
** The pcapng half of the capture reader (draft-ietf-opsawg-pcapng): blocks of a type, a length, a
** body, and the length again. Section headers set the byte order, interface descriptions the link
** type and the clock of the packets that refer to them. Other blocks are passed over.
*/
#include <stdlib.h>
#include <string.h>

#include "capfile_in.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete */
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    SECTION_MAGIC = 0x1a2b3c4d,
    OPTION_END = 0,
    OPTION_IF_NAME = 2,
    OPTION_IF_DESCRIPTION = 3,
    OPTION_IF_MAC = 6,
    OPTION_IF_TSRESOL = 9,
    OPTION_IF_TSOFFSET = 14,
    OPTION_EPB_FLAGS = 2, /* of packet blocks; the lowest two bits are the direction */
    FRAME = 12,           /* type and both lengths */
};

/* A block in the window. */
struct block {
    uint32_t type;
    uint32_t length; /* of the whole block */
    const uint8_t *body;
    uint32_t size; /* of the body */
};

/* Call each for every option in p[0..n); a list that runs over its end just ends. */
static void each_option(const struct capfile *c, const uint8_t *p, size_t n,
                        void (*each)(void *arg, unsigned code, const uint8_t *value, size_t length),
                        void *arg) {
    while (n >= 4) {
        unsigned code = capfile_u16(c->big, p);
        size_t length = capfile_u16(c->big, p + 2);
        size_t padded = (length + 3) & ~(size_t)3;
        if (code == OPTION_END || length > n - 4)
            return;
        each(arg, code, p + 4, length);
        if (padded > n - 4)
            return;
        p += 4 + padded;
        n -= 4 + padded;
    }
}

/* Where the options of a block go. */
struct options {
    bool big;
    struct capfile_interface *interface;
    bool impossible;
    int direction;
};

/* if_tsresol: a power of ten, or of two when the highest bit is set. 0 when it does not fit. */
static uint64_t resolution(unsigned octet) {
    unsigned exponent = octet & 0x7f;
    uint64_t base = octet & 0x80 ? 2 : 10, ticks = 1;
    while (exponent-- > 0) {
        if (ticks > UINT64_MAX / base)
            return 0;
        ticks *= base;
    }
    return ticks;
}

static void take_text(char out[CAPFILE_NAME], const uint8_t *value, size_t length) {
    size_t n = length < CAPFILE_NAME - 1 ? length : CAPFILE_NAME - 1;
    memcpy(out, value, n);
    out[n] = '\0';
}

static void interface_option(void *arg, unsigned code, const uint8_t *value, size_t length) {
    struct options *o = arg;
    struct capfile_interface *i = o->interface;
    if (code == OPTION_IF_NAME) {
        take_text(i->name, value, length);
    } else if (code == OPTION_IF_DESCRIPTION) {
        take_text(i->description, value, length);
    } else if (code == OPTION_IF_MAC && length >= 6) {
        memcpy(i->mac, value, 6);
    } else if (code == OPTION_IF_TSRESOL && length >= 1) {
        i->resolution = resolution(value[0]);
        o->impossible = i->resolution == 0;
    } else if (code == OPTION_IF_TSOFFSET && length >= 8) {
        uint64_t high = capfile_u32(o->big, value + (o->big ? 0 : 4));
        uint64_t low = capfile_u32(o->big, value + (o->big ? 4 : 0));
        i->offset = (int64_t)(high << 32 | low);
    }
}

static void packet_option(void *arg, unsigned code, const uint8_t *value, size_t length) {
    struct options *o = arg;
    if (code == OPTION_EPB_FLAGS && length >= 4)
        o->direction = (int)(capfile_u32(o->big, value) & 3) % 3;
}

static int read_interface(struct capfile *c, const struct block *b) {
    if (b->size < 8)
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: interface description of %lu octets",
                            (unsigned long long)c->offset, (unsigned long)b->length);
    if (c->ninterfaces >= CAPFILE_MAX_INTERFACES)
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: more than %d interfaces",
                            (unsigned long long)c->offset, CAPFILE_MAX_INTERFACES);
    if (c->ninterfaces == c->room) {
        uint32_t room = c->room ? c->room * 2 : 8;
        struct capfile_interface *more = realloc(c->interfaces, room * sizeof *more);
        if (!more)
            return capfile_fail(c, CAPFILE_IO, "out of memory for interfaces");
        c->interfaces = more;
        c->room = room;
    }
    struct capfile_interface *i = &c->interfaces[c->ninterfaces];
    memset(i, 0, sizeof *i);
    i->linktype = capfile_u16(c->big, b->body);
    i->snaplen = capfile_u32(c->big, b->body + 4);
    i->resolution = 1000000;
    struct options o = {.big = c->big, .interface = i};
    each_option(c, b->body + 8, b->size - 8, interface_option, &o);
    if (o.impossible)
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: impossible time resolution",
                            (unsigned long long)c->offset);
    c->ninterfaces++;
    return CAPFILE_PACKET;
}

/* Ticks of an interface's clock as microseconds since 1970. */
static int64_t to_time(const struct capfile_interface *i, uint64_t ticks) {
    uint64_t seconds = ticks / i->resolution, rest = ticks % i->resolution;
    uint64_t micro = i->resolution <= 1000000000000 ? rest * 1000000 / i->resolution
                                                    : rest / (i->resolution / 1000000);
    const int64_t limit = INT64_MAX / 4000000; /* far beyond any calendar */
    int64_t whole = seconds > (uint64_t)limit ? limit : (int64_t)seconds;
    int64_t offset = i->offset > limit ? limit : i->offset < -limit ? -limit : i->offset;
    return (whole + offset) * 1000000 + (int64_t)micro;
}

/* Enhanced packet block: interface, time, lengths, octets, options. The obsolete packet block has
** a 16-bit interface and a count of drops in the place of the 32-bit interface. */
static int read_packet(struct capfile *c, const struct block *b, struct capfile_packet *p) {
    if (b->size < 20)
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: packet block of %lu octets",
                            (unsigned long long)c->offset, (unsigned long)b->length);
    uint32_t number =
        b->type == BLOCK_PACKET ? capfile_u16(c->big, b->body) : capfile_u32(c->big, b->body);
    uint32_t captured = capfile_u32(c->big, b->body + 12);
    if (number >= c->ninterfaces)
        return capfile_fail(
            c, CAPFILE_BROKEN, "octet %llu: packet of interface %lu, but %lu are described",
            (unsigned long long)c->offset, (unsigned long)number, (unsigned long)c->ninterfaces);
    if (captured > b->size - 20)
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: packet of %lu octets in a block of %lu",
                            (unsigned long long)c->offset, (unsigned long)captured,
                            (unsigned long)b->length);
    const struct capfile_interface *i = &c->interfaces[number];
    uint64_t high = capfile_u32(c->big, b->body + 4), low = capfile_u32(c->big, b->body + 8);
    size_t options = (20 + (size_t)captured + 3) & ~(size_t)3;
    struct options o = {.big = c->big};
    if (options < b->size)
        each_option(c, b->body + options, b->size - options, packet_option, &o);
    p->time = to_time(i, high << 32 | low);
    p->linktype = i->linktype;
    p->data = b->body + 20;
    p->captured = captured;
    p->wire = capfile_u32(c->big, b->body + 16);
    p->interface = number;
    p->place = c->earlier + number + 1;
    p->ifindex = 0;
    p->direction = o.direction;
    c->last_time = p->time;
    return CAPFILE_PACKET;
}

/* Simple packet block: the length on the wire and the octets, of the first interface. It has no
** time; that of the packet before is the closest there is. */
static int read_simple(struct capfile *c, const struct block *b, struct capfile_packet *p) {
    if (b->size < 4 || c->ninterfaces == 0)
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: simple packet block %s",
                            (unsigned long long)c->offset,
                            b->size < 4 ? "without a length" : "before any interface");
    const struct capfile_interface *i = &c->interfaces[0];
    p->wire = capfile_u32(c->big, b->body);
    p->captured = p->wire < b->size - 4 ? p->wire : b->size - 4;
    if (i->snaplen != 0 && p->captured > i->snaplen)
        p->captured = i->snaplen;
    p->time = c->last_time;
    p->linktype = i->linktype;
    p->data = b->body + 4;
    p->interface = 0;
    p->place = c->earlier + 1;
    p->ifindex = 0;
    p->direction = 0;
    return CAPFILE_PACKET;
}

/* Byte order and version of a section; what the last one described is void. */
static int read_section(struct capfile *c, const uint8_t *h, size_t have) {
    if (have < FRAME + 12)
        return capfile_fail(c, CAPFILE_BROKEN,
                            "cut off at octet %llu: %zu octets of a section header",
                            (unsigned long long)c->offset, have);
    if (capfile_u32(true, h + 8) == SECTION_MAGIC)
        c->big = true;
    else if (capfile_u32(false, h + 8) == SECTION_MAGIC)
        c->big = false;
    else
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: section header without byte order",
                            (unsigned long long)c->offset);
    if (capfile_u16(c->big, h + 12) != 1)
        return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: pcapng version %u: 1 can be read",
                            (unsigned long long)c->offset, capfile_u16(c->big, h + 12));
    c->earlier += c->ninterfaces;
    c->ninterfaces = 0;
    return CAPFILE_PACKET;
}

static bool is_wanted(uint32_t type) {
    return type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_SIMPLE ||
           type == BLOCK_ENHANCED;
}

/* Pass over n octets, however many. */
static int pass(struct capfile *c, uint64_t n) {
    while (n > 0) {
        size_t have;
        capfile_peek(c, 1, &have);
        if (c->state != CAPFILE_PACKET)
            return c->state;
        if (have == 0)
            return capfile_fail(c, CAPFILE_BROKEN,
                                "cut off at octet %llu: %llu octets of a block "
                                "are missing",
                                (unsigned long long)c->offset, (unsigned long long)n);
        size_t step = have < n ? have : (size_t)n;
        capfile_skip(c, step);
        n -= step;
    }
    return CAPFILE_PACKET;
}

static int pcapng_next(struct capfile *c, struct capfile_packet *p) {
    for (;;) {
        size_t have;
        const uint8_t *h = capfile_peek(c, FRAME, &have);
        if (c->state != CAPFILE_PACKET)
            return c->state;
        if (have == 0)
            return c->state = CAPFILE_END;
        if (have < FRAME)
            return capfile_fail(c, CAPFILE_BROKEN,
                                "cut off at octet %llu: %zu octets of a block header",
                                (unsigned long long)c->offset, have);
        if (capfile_u32(true, h) == BLOCK_SECTION) {
            h = capfile_peek(c, FRAME + 12, &have);
            if (c->state != CAPFILE_PACKET || read_section(c, h, have) != CAPFILE_PACKET)
                return c->state;
        }
        struct block b = {.type = capfile_u32(c->big, h), .length = capfile_u32(c->big, h + 4)};
        if (b.length < FRAME || b.length & 3)
            return capfile_fail(c, CAPFILE_BROKEN, "octet %llu: a block of %lu octets cannot be",
                                (unsigned long long)c->offset, (unsigned long)b.length);
        if (!is_wanted(b.type)) {
            if (pass(c, b.length) != CAPFILE_PACKET)
                return c->state;
            continue;
        }
        if (b.length > CAPFILE_MAX_RECORD)
            return capfile_fail(
                c, CAPFILE_BROKEN, "octet %llu: a block of %lu octets cannot be: at most %d",
                (unsigned long long)c->offset, (unsigned long)b.length, CAPFILE_MAX_RECORD);
        h = capfile_peek(c, b.length, &have);
        if (c->state != CAPFILE_PACKET)
            return c->state;
        if (have < b.length)
            return capfile_fail(c, CAPFILE_BROKEN,
                                "cut off at octet %llu: %zu octets of a block of %lu",
                                (unsigned long long)c->offset, have, (unsigned long)b.length);
        if (capfile_u32(c->big, h + b.length - 4) != b.length)
            return capfile_fail(c, CAPFILE_BROKEN,
                                "octet %llu: a block begins with length %lu and ends with %lu",
                                (unsigned long long)c->offset, (unsigned long)b.length,
                                (unsigned long)capfile_u32(c->big, h + b.length - 4));
        b.body = h + 8;
        b.size = b.length - FRAME;
        int result = b.type == BLOCK_INTERFACE ? read_interface(c, &b)
                     : b.type == BLOCK_SIMPLE  ? read_simple(c, &b, p)
                                               : read_packet(c, &b, p);
        if (result != CAPFILE_PACKET)
            return result;
        capfile_skip(c, b.length);
        if (b.type != BLOCK_INTERFACE)
            return CAPFILE_PACKET;
    }
}

int pcapng_open(struct capfile *c) {
    size_t have;
    const uint8_t *h = capfile_peek(c, FRAME + 12, &have);
    if (have < 4 || capfile_u32(true, h) != BLOCK_SECTION)
        return CAPFILE_FOREIGN;
    if (read_section(c, h, have) != CAPFILE_PACKET)
        return c->state;
    c->next = pcapng_next;
    return CAPFILE_PACKET;
}
