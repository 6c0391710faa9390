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
** address are one session, 0, until a port is found to be another exporter's
** (session.h): that is the session of its number.
**
** A file knows exporters by address, domain and version alone: what their sessions count adds up there.
*/
#ifndef FLOWVT_EXPORTER_H
#define FLOWVT_EXPORTER_H

#include "interface.h"
#include "pending.h"
#include "rates.h"
#include "sampler.h"
#include "schema/fvt.h"
#include "sequence.h"
#include "session.h"
#include "template.h"

/* How much is lost when an exporter is forgotten: what makes room for others is forgotten in this order, of the
** same one the one not heard for longest first. Addresses of datagrams can be made up, so that an exporter which has
** been sending good data must not have to make room for one of which nothing could be decoded; and one that has sent
** much of it not for one that sent a little. */
enum exporter_worth {
    EXPORTER_NOTHING, /* no record could be decoded yet */
    EXPORTER_FEW,
    EXPORTER_SOME,
    EXPORTER_MANY,
    EXPORTER_STREAM, /* of a TCP connection, which will not say its templates again */
    EXPORTER_WORTHS
};

enum {
    EXPORTER_FIRST_STREAM = 1 << 16, /* sessions below are UDP's */
    EXPORTER_SILENT_MS = 3600 * 1000 /* one not heard for so long goes before all others */
};

struct exporter {
    struct fvt_exporter stat; /* key, and counters that no file has yet */
    struct fvt_exporter told; /* key, and those handed over to files, since the entry was made */
    /* Of the lost, what came late after all, since the entry was made, and as of when told was. */
    uint64_t recovered, told_recovered;
    uint32_t session; /* 0: of all UDP ports that are not others' */
    struct exporter *next_in_bucket;
    struct exporter *newer, *older;    /* by first datagram */
    struct exporter *fresher, *staler; /* of the same worth, by last use */
    uint8_t worth;                     /* whose list it is in; decoded may say more */
    uint64_t decoded;                  /* records, since it was first heard */
    int64_t heard;                     /* last time, ms of the collector's clock */
    struct sequence sequence;
    struct session ports; /* of session 0 */
    enum session_kin kin; /* of others: to session 0 */
    struct template_table templates;
    struct sampler_table samplers;
    struct interface_table interfaces;
    struct operator_rate rate; /* once rated */
    bool rated;
    struct pending_list pending; /* data sets held for want of a template */
    size_t pending_octets;
    size_t announced; /* octets, as exporter_table.announced_octets has them */
    int64_t boot;     /* IPFIX systemInitTimeMilliseconds from options data; INT64_MIN: unknown */
    bool changed;     /* since stat was last handed to the store */
    bool in_file;     /* the current file has something of it */
};

struct exporter_table {
    struct exporter **bucket;
    uint32_t nbuckets;
    uint32_t count;
    size_t announced_octets; /* of all exporters: exporter_announced(), as of exporters_changed() */
    struct exporter *newest, *oldest;
    struct exporter_list {
        struct exporter *freshest, *stalest;
    } by_worth[EXPORTER_WORTHS];
    struct exporter *last;      /* got last */
    int64_t now;                /* ms of the collector's clock, kept by the collector */
    uint64_t dropped;           /* exporters forgotten to make room, since the start */
    uint64_t dropped_templates; /* and templates */
    /* Called before an exporter is forgotten. */
    void (*evict)(void *arg, struct exporter *e);
    void *evict_arg;
};

/* 0, or -1 when out of memory. */
int exporters_init(struct exporter_table *t, uint32_t max);
void exporters_free(struct exporter_table *t);

/* The entry of that key, made when it is not there; it becomes the one last used. The one worth least makes
** room when there are max already. NULL when out of memory. */
struct exporter *exporters_get(struct exporter_table *t, uint32_t max, const struct flow_ip *from,
                               const char *version, uint32_t odid, uint32_t session);
/* The entry or NULL; its age does not change. */
struct exporter *exporters_find(const struct exporter_table *t, const struct flow_ip *from,
                                const char *version, uint32_t odid, uint32_t session);

/* A connection ended: forget all that came over it. */
void exporters_end_session(struct exporter_table *t, uint32_t session);

/* Octets of what it announced: templates, samplers, names of interfaces. */
size_t exporter_announced(const struct exporter *e);
/* What e announced may have changed. */
void exporters_changed(struct exporter_table *t, struct exporter *e);
/* When what all announced takes more than max octets, make room for an eighth of it: those worth least give way,
** of the same worth those that have most, down to equal shares; of one exporter the oldest templates. */
void exporters_make_room(struct exporter_table *t, size_t max);

/* Note the rate last announced or found in a record; 0 is none and changes nothing, and neither does what an
** exporter says that the operator knows better. */
static inline void exporter_sampling(struct exporter *e, uint64_t rate, enum fvt_sampling origin) {
    if (rate && (!e->rate.instead || origin == FVT_SAMPLING_OVERRIDE)) {
        e->stat.sampling = rate;
        e->stat.sampling_origin = origin;
    }
}

/* The counters are in a file now. The last known sampling rate stays. */
void exporter_handed_over(struct exporter *e);

#endif
