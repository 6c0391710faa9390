/* SPDX-License-Identifier: MIT */
/*
** The exporters heard so far. One entry is one transport session of an exporter address, protocol version and
** observation domain (v9: source id, v5: engine, sFlow: sub-agent): it has its own sequence numbers, templates and
** samplers.
**
** Templates and sequence numbers belong to a transport session (RFC 7011 sections 3.1 and 8, RFC 3954 section 5).
** A TCP connection is one: datagram.stream says which. Of UDP, a session would be an address with its source port,
** but some routers use several ports for one domain, with one sequence and templates sent on one of them alone, while
** exporters behind one address (NAT) with the same domain id are told apart by nothing but the port. So all ports of an
** address are one session, 0, until a port is found to be another exporter's.
**
** A file knows exporters by address, domain and version alone: what their sessions count adds up there.
*/
#ifndef FLOWVT_EXPORTER_H
#define FLOWVT_EXPORTER_H

#include "pending.h"
#include "rates.h"
#include "sampler.h"
#include "schema/fvt.h"
#include "sequence.h"
#include "template.h"

struct exporter {
    struct fvt_exporter stat; /* key, and counters of the current file */
    uint32_t session;         /* 0: of all UDP ports that are not others' */
    struct exporter *next_in_bucket;
    struct exporter *newer, *older; /* by last use */
    struct sequence sequence;
    struct template_table templates;
    struct sampler_table samplers;
    struct operator_rate rate; /* once rated */
    bool rated;
    struct pending_list pending; /* data sets held for want of a template */
    size_t pending_octets;
    int64_t boot; /* IPFIX systemInitTimeMilliseconds from options data; INT64_MIN: unknown */
    bool changed; /* since stat was last handed to the store */
};

struct exporter_table {
    struct exporter **bucket;
    uint32_t nbuckets;
    uint32_t count;
    size_t template_octets; /* of all exporters */
    struct exporter *newest, *oldest;
    /* Called before an exporter is forgotten to make room. */
    void (*evict)(void *arg, struct exporter *e);
    void *evict_arg;
};

/* 0, or -1 when out of memory. */
int exporters_init(struct exporter_table *t, uint32_t max);
void exporters_free(struct exporter_table *t);

/* The entry of that key, made when it is not there; it becomes the newest. The oldest makes room
** when there are max already. NULL when out of memory. */
struct exporter *exporters_get(struct exporter_table *t, uint32_t max, const struct flow_ip *from,
                               const char *version, uint32_t odid, uint32_t session);
/* The entry or NULL; its age does not change. */
struct exporter *exporters_find(const struct exporter_table *t, const struct flow_ip *from,
                                const char *version, uint32_t odid, uint32_t session);

/* Note the rate last announced or found in a record; 0 is none and changes nothing, and neither does what an
** exporter says that the operator knows better. */
static inline void exporter_sampling(struct exporter *e, uint64_t rate, enum fvt_sampling origin) {
    if (rate && (!e->rate.instead || origin == FVT_SAMPLING_OVERRIDE)) {
        e->stat.sampling = rate;
        e->stat.sampling_origin = origin;
    }
}

/* Zero the counters: a new file begins. The last known sampling rate stays. */
void exporter_restart_counters(struct exporter *e);

#endif
