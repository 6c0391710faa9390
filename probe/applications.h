/* SPDX-License-Identifier: MIT */
/*
** What applications flows are of. Connections are looked at by the engine (engine.h) as their packets come, which is
** before these are in the flow table; a flow that ends asks what its connection was found to be. Both directions are one
** connection, and a flow that was ended early (maxlife) and its next one are, too.
**
** Connections are held by the flows of the table that are theirs: applications_hold() when a flow begins,
** applications_end() when it ends. Those that no flow holds, since their packets still wait for the table, or were seen on an
** interface that does not count them, or since they paused, are remembered while there are few.
**
** Memory: 88 octets a connection, which mostly is two flows, and 4 to 8 of the hash; and what the engine takes of
** the at most APPLICATIONS_LOOKED_AT connections that are being looked at. When one more begins, the engine has to say of the
** oldest what it is.
*/
#ifndef FLOWVT_APPLICATIONS_H
#define FLOWVT_APPLICATIONS_H

#include "engine.h"
#include "table.h"

enum {
    APPLICATIONS_LOOKED_AT = 32768, /* connections, with nDPI 4.2 some 25 MB */
    APPLICATIONS_LOOSE = 65536,     /* connections that no flow holds */
    APPLICATIONS_KNOWN = 4096,      /* different applications */
    APPLICATIONS_UDP_PACKETS =
        24, /* that are looked at, as by ndpiReader; of other protocols, too */
    APPLICATIONS_TCP_PACKETS = 80,
};

/* One that flows are of. The id is in text as in column appid. Valid as long as the applications are. */
struct application {
    uint32_t number; /* engine.h */
    uint16_t rank;   /* 0 on: how many came before it */
    bool named;      /* this entry is one */
    uint8_t id_length;
    char id[14];
    char name[ENGINE_NAME], meaning[ENGINE_MEANING], category[ENGINE_CATEGORY];
    uint64_t flows, packets, bytes; /* that ended */
};

struct applications_stats {
    uint64_t packets;                   /* the engine looked at */
    uint64_t connections[ENGINE_NHOWS]; /* that are decided, by how */
    uint64_t early;                     /* of them, to make room for others */
    uint64_t forgotten;                 /* flows whose connection was not known any more */
    uint32_t looked_at;                 /* connections, now */
};

struct applications;

/* flows: most flows of the table. NULL: no memory, or no engine. */
struct applications *applications_new(uint32_t flows);

/* A packet, which adds add to its flow, and of which n octets were captured from its IP header on. ifindex: where it was
** seen, 0 where packets are seen once; of a connection that is seen in several places one is looked at. */
void applications_packet(struct applications *a, const struct flow_add *add, uint32_t ifindex,
                         const uint8_t *ip, size_t n);

/* A flow of key is in the table. */
void applications_hold(struct applications *a, const struct flow_key *key);

/* It ended. NULL when the connection is not known; what is returned may be counted in. */
struct application *applications_end(struct applications *a, const struct flow_key *key);

/* What a flow of key is, as far as is known by now; NULL: nothing. Its name, or a new one into name. */
const char *applications_find(const struct applications *a, const struct flow_key *key,
                              char name[ENGINE_NAME]);

const struct applications_stats *applications_stats(struct applications *a);

/* The one at i, of those that flows were found to be of, or NULL. i is 0 to APPLICATIONS_KNOWN - 1, in no order. */
const struct application *applications_at(const struct applications *a, unsigned i);

void applications_free(struct applications *a);

#endif
