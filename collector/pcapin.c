/* SPDX-License-Identifier: MIT */
/*
** Reads captures with the probe's reader and dissector and puts fragmented datagrams together, as
** the kernel would have done before a socket saw them (RFC 791 3.2, RFC 8200 4.5).
*/
#include "pcapin.h"

#include <stdio.h>
#include <stdlib.h>

#include "probe/capfile.h"
#include "probe/dissect.h"

enum {
    PROTO_UDP = 17,
    UDP_HEADER = 8,
    DATAGRAM_MAX = 65536,
    UNIT = 8, /* octets that fragment offsets count in */
    SLOTS = 16,
};

/* A datagram being put together. */
struct assembly {
    bool used;
    uint64_t age;
    uint8_t family, src[16], dst[16];
    uint32_t fragid;
    uint32_t have;                          /* octets that are there */
    uint8_t there[DATAGRAM_MAX / UNIT / 8]; /* bit per unit */
    uint8_t data[DATAGRAM_MAX];             /* from the UDP header on */
};

struct pcapin {
    void (*handle)(void *arg, const struct datagram *d);
    void *arg;
    struct pcapin_counts *counts;
    uint64_t clock;
    struct assembly *slot; /* SLOTS of them, from the first fragment on */
};

static void deliver(struct pcapin *in, const struct capfile_packet *cap, const struct packet *p,
                    const uint8_t *data, size_t size, uint16_t port) {
    struct datagram d = {
        .data = data,
        .size = size,
        .from = flow_ip_make(p->family, p->src),
        .port = port,
        .received = cap->time / 1000 - (cap->time % 1000 < 0),
    };
    in->counts->datagrams++;
    in->handle(in->arg, &d);
}

static bool is_of(const struct assembly *a, const struct packet *p) {
    return a->used && a->family == p->family && a->fragid == p->fragid &&
           memcmp(a->src, p->src, sizeof a->src) == 0 && memcmp(a->dst, p->dst, sizeof a->dst) == 0;
}

static struct assembly *assembly_for(struct pcapin *in, const struct packet *p) {
    struct assembly *a = in->slot;
    for (int i = 0; i < SLOTS; i++) {
        if (is_of(&in->slot[i], p))
            return &in->slot[i];
        if (in->slot[i].age < a->age)
            a = &in->slot[i];
    }
    in->counts->incomplete += a->used;
    memset(a, 0, offsetof(struct assembly, data));
    a->used = true;
    a->family = p->family;
    a->fragid = p->fragid;
    memcpy(a->src, p->src, sizeof a->src);
    memcpy(a->dst, p->dst, sizeof a->dst);
    return a;
}

/* Put n octets at offset at; what is there already stays. */
static void place(struct assembly *a, size_t at, const uint8_t *data, size_t n) {
    for (size_t i = 0; i < n && at + i < DATAGRAM_MAX; i += UNIT) {
        size_t unit = (at + i) / UNIT, part = n - i < UNIT ? n - i : UNIT;
        uint8_t bit = (uint8_t)(1u << (unit & 7));
        if (a->there[unit / 8] & bit)
            continue;
        a->there[unit / 8] |= bit;
        memcpy(a->data + at + i, data + i, part);
        a->have += (uint32_t)part;
    }
}

static void fragment(struct pcapin *in, const struct capfile_packet *cap, const struct packet *p) {
    /* The first fragment's payload begins behind the UDP header, the others' behind IP. */
    size_t before = p->fragoffset == 0 && p->has & HAS_PORTS ? UDP_HEADER : 0;
    if (!in->slot)
        in->slot = calloc(SLOTS, sizeof *in->slot);
    if (!in->slot) {
        in->counts->incomplete++;
        return;
    }
    struct assembly *a = assembly_for(in, p);
    a->age = ++in->clock;
    place(a, (size_t)p->fragoffset * UNIT, cap->data + p->payload_at - before,
          p->payload_captured + before);
    bool head = a->there[0] & 1;
    size_t length = head ? be16(a->data + 4) : 0;
    if (!head || length < UDP_HEADER || a->have < length)
        return;
    deliver(in, cap, p, a->data + UDP_HEADER, length - UDP_HEADER, be16(a->data));
    a->used = false;
    a->age = 0;
}

static void frame(struct pcapin *in, const struct capfile_packet *cap) {
    struct packet p;
    in->counts->packets++;
    if (dissect(cap->linktype, cap->data, cap->captured, cap->wire, &p) != PACKET_IP ||
        p.proto != PROTO_UDP) {
        in->counts->others++;
        return;
    }
    if (p.fragment) {
        fragment(in, cap, &p);
        return;
    }
    if (!(p.has & HAS_PORTS)) {
        in->counts->others++;
        return;
    }
    in->counts->cut += p.payload_captured < p.payload_length;
    deliver(in, cap, &p, cap->data + p.payload_at, p.payload_captured, p.srcport);
}

int pcapin_run(const char *path, void (*handle)(void *arg, const struct datagram *d), void *arg,
               const volatile sig_atomic_t *stop, struct pcapin_counts *counts, char *message,
               size_t size) {
    struct capfile *file;
    struct capfile_packet cap;
    struct pcapin in = {.handle = handle, .arg = arg, .counts = counts};
    *counts = (struct pcapin_counts){0};
    if (capfile_open(path, &file, message, size) != CAPFILE_PACKET)
        return -1;
    capfile_stop_flag(file, stop);
    int result = CAPFILE_PACKET;
    while (result == CAPFILE_PACKET && !*stop) {
        result = capfile_next(file, &cap);
        if (result == CAPFILE_PACKET)
            frame(&in, &cap);
    }
    if (result < 0)
        snprintf(message, size, "%s", capfile_message(file));
    for (int i = 0; in.slot && i < SLOTS; i++)
        counts->incomplete += in.slot[i].used;
    free(in.slot);
    capfile_close(file);
    return result < 0 ? -1 : 0;
}
