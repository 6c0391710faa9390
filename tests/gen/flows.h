/* SPDX-License-Identifier: MIT */
/*
** Flows for tests that must know exactly what was sent, and for benchmarks: flow number n is the
** same in every run.
*/
#ifndef FLOWVT_TESTS_FLOWS_H
#define FLOWVT_TESTS_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

struct flow {
    int family;
    uint8_t src[16], dst[16], next[16];
    uint16_t srcport, dstport;
    uint8_t proto, flags, tos, srcmask, dstmask;
    uint32_t packets, bytes, inif, outif, srcas, dstas;
    int64_t first, last; /* ms since 1970 */
    /* Of TRANSLATED alone: what an address became, the line's VLAN, one packet of how many was looked at. */
    uint8_t natsrc[16], natdst[16];
    uint16_t natsrcport, natdstport, srcvlan, dstvlan;
    uint32_t sampling;
};

/* Lines that flows may be of; flowgen's --kind says what each is. */
enum flow_kind {
    CAMPUS,
    ONEWAY,
    RANDOM,
    SCAN,
    FEW,
    V6,
    LONG,
    SHUFFLED,
    PLAIN,
    V4,
    FLOOD,
    SWEEP,
    SERVICES,
    HOURS,
    PROVIDER,
    NKINDS
};
extern const char *const flow_kinds[NKINDS];
/* The kind of that name, NKINDS when there is none. */
enum flow_kind flow_kind_of(const char *name);
/* Which fields a router or a probe would send of them. */
enum flow_fields { ROUTED, BARE, TRANSLATED };
enum flow_fields flow_fields_of(enum flow_kind kind);

/* Flow number n, without times. mix false: n can be read off it (kind is not looked at but for scans and
** the like): source port and destination port are its low and high 16 bits, the addresses repeat, and
** packets and bytes follow from n. */
void flow_make(struct flow *f, uint64_t n, bool mix, enum flow_kind kind);

/* Times of flow number n, exported at now (ms): as metered on a line, where it ended 1 to 16 seconds
** before; or begun at most span ms before. */
void flow_times_line(struct flow *f, uint64_t n, enum flow_kind kind, int64_t now);
void flow_times_within(struct flow *f, uint64_t n, int64_t span, int64_t now);

#endif
