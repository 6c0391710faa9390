/* SPDX-License-Identifier: MIT */
/*
** A flow record on its way to a row: what the message header says about all of its records,
** the values of the record at hand, and the rules that need several values at once.
**
** Rules, where a record leaves a choice:
** - times: uptimes are turned into time with the header (v1 to v9) or with
**   systemInitTimeMilliseconds (IPFIX). When only one of first and last is exported, the other
**   follows from the duration (161, 162), for a last one from the event time (323), else it is the
**   same. A record without any time gets the event time or else the time of its arrival in both,
**   so that every row has a place in time. First after last is kept as sent.
** - ICMP: type and code are taken from 176 to 179, else from 32 and 139, else from the destination
**   port (type * 256 + code). Ports that only repeat them, or are zero, are NULL. Records of other
**   protocols have no ICMP type, though some templates send a zero. Records with 32 or 139 that have neither a
**   protocol nor ports, as softflowd's, are of ICMP.
** - TCP flags of the first packet and of the others, as YAF has them, are or-ed.
** - ipversion comes from the addresses when it is not exported.
** - sampling: what the record says, else what was announced (sampler.h) for its sampler id, for the
**   interface it was metered on (the output interface when direction is egress) or for all, else the
**   v5 header, else the operator's default (rates.h); the operator's rate instead of all that comes before
**   everything. A rate that is no whole number becomes the nearest one.
** - the first octets of a packet (PSAMP, RFC 5477: 313, 315) in a record without addresses are dissected: the
**   record is of that packet, and unless it has counters of its own they are 1 and the length of the IP packet
**   (of the frame, where it is none).
**   The octets stay in `extra`.
** - MPLS labels (70 to 79) are one text; of those that are all zero none is the last one.
** - direction 255 (RFC 7012: unknown) is NULL.
*/
#ifndef FLOWVT_RECORD_H
#define FLOWVT_RECORD_H

#include "plan.h"
#include "rates.h"
#include "sampler.h"
#include "schema/fvt.h"

/* Of a message: the same for all its records. */
struct record_header {
    const char *version;
    struct flow_ip exporter;
    const char *ident; /* NULL: none */
    uint32_t odid;
    uint32_t sequence;
    int64_t received; /* ms */
    int64_t exported; /* ms, the header's clock; the base of delta times (158, 159) */
    int64_t boot;     /* ms, when the exporter's uptime was 0; INT64_MIN: unknown */
    uint32_t uptime;  /* ms, of the header (v1 to v9): base of 21 and 22 when has_uptime */
    bool has_uptime;
    bool has_engine; /* v5 to v8 */
    uint8_t engine_type, engine_id;
    uint64_t sampling;                    /* of the header, 0: none */
    const struct sampler_table *samplers; /* NULL: none */
};

enum { FLOW_WORDS = (FLOW_NFIELDS + 63) / 64 };
enum { RECORD_TEXTS = 4, RECORD_TEXT = 65536 };
_Static_assert(NHELPERS <= 32, "bits of helpers");

struct record {
    struct record_header h;
    struct flow_row row;
    uint64_t base[FLOW_WORDS]; /* row.present[] with what h says: where each record begins */
    uint64_t helper[NHELPERS];
    uint32_t helpers;       /* bit HELPER_x - FLOW_NFIELDS: it has a value */
    const uint8_t *section; /* of the packet, with HELPER_IP_SECTION or HELPER_FRAME_SECTION */
    bool sampling_rounded;  /* finish found a rate that was no whole number */
    enum fvt_sampling sampling_origin; /* of the row's sampling, if it has one */
    char extra[EXTRA_MAX];             /* text of the column */
    struct extra_lists lists;          /* of the message */
    unsigned texts;                    /* used of text[] */
    char (*text)[RECORD_TEXT];         /* RECORD_TEXTS of them, for texts that had to be changed */
};

/* Take over a message header. */
void record_header(struct record *r, const struct record_header *h);

/* Make ready for one record of the message. */
static inline void record_begin(struct record *r) {
    memcpy(r->row.present, r->base, sizeof r->base);
    r->row.value[FLOW_odid].i = r->h.odid; /* the one that a record may have replaced (149) */
    r->helpers = 0;
    r->texts = 0;
}

static inline bool record_helper(const struct record *r, enum helper h) {
    return r->helpers >> (h - FLOW_NFIELDS) & 1;
}
static inline void record_set_helper(struct record *r, unsigned h, uint64_t v) {
    r->helper[h - FLOW_NFIELDS] = v;
    r->helpers |= 1u << (h - FLOW_NFIELDS);
}

/* Before that: does the record itself say when its flow began? */
bool record_says_start(const struct record *r);
/* Apply the rules above to the record at hand. */
void record_finish(struct record *r);
/* Then what the operator says of sampling: instead of what was found, 0 for nothing, or where nothing was.
** Returns the rate in force. */
static inline uint64_t record_choose_rate(struct record *r, const struct operator_rate *o,
                                          uint64_t found) {
    uint64_t n = o->instead ? o->instead : found ? 0 : o->fallback;
    if (!n)
        return found;
    r->sampling_origin = o->instead ? FVT_SAMPLING_OVERRIDE : FVT_SAMPLING_DEFAULT;
    r->sampling_rounded = false;
    return n;
}
static inline void record_operator_rate(struct record *r, const struct operator_rate *o) {
    bool has = flow_row_has(&r->row, FLOW_sampling);
    uint64_t n = record_choose_rate(r, o, has ? (uint64_t)r->row.value[FLOW_sampling].i : 0);
    if (n)
        flow_row_set(&r->row, FLOW_sampling, n);
}

/* Octets of the well-formed character at p (RFC 3629 section 4), 0 when there is none. NUL is none. */
size_t record_utf8_length(const uint8_t *p, size_t left);
/* Text of n octets as valid UTF-8: trailing NULs dropped, other octets that are not UTF-8 (RFC
** 3629) replaced by '?'. */
void record_set_text(struct record *r, int field, const uint8_t *p, size_t n);
/* Application id, RFC 6759 4.1: "engine:selector", decimal. */
void record_set_appid(struct record *r, int field, const uint8_t *p, size_t n);

#endif
