/* SPDX-License-Identifier: MIT */
/*
** Export datagrams to flow rows.
**
** A collector takes datagrams one by one, with the address they came from, recognises the
** protocol of each by its version field, and hands every flow record in it to the sink as a row
** of the field catalogue. What the exporters announced on the way (templates, sampling rates,
** interface names, uptimes) is kept per exporter and observation domain, within fixed bounds of
** memory. Any octets are safe input: what cannot be decoded is counted by exporter and cause.
**
** A protocol is one file with a function collector_<protocol>() and one line in the table of
** decode.c. The pieces the protocols share are exporter.h (who sent it, and what was lost),
** template.h, plan.h (a template compiled for speed), record.h (a row from start to end),
** options.h and pending.h.
*/
#ifndef FLOWVT_DECODE_H
#define FLOWVT_DECODE_H

#include "exporter.h"
#include "interface.h"
#include "names.h"
#include "pending.h"
#include "plan.h"
#include "record.h"
#include "told.h"
#include "totals.h"

/* One UDP payload as received, or one message of a stream. */
struct datagram {
    const uint8_t *data;
    size_t size;
    struct flow_ip from; /* IPv4-mapped addresses as IPv4 */
    uint16_t port;       /* source port; 0 is not known */
    uint32_t stream;     /* 0: UDP; else of each connection, EXPORTER_FIRST_STREAM or above */
    int64_t received;    /* ms since 1970 UTC */
    const char *ident;   /* of the source, or NULL; outlives the collector */
};

/* Where the rows go. The row and its texts are the collector's and valid during the call. row
** returns whether it kept the row; only then it counts as a flow of the exporter. */
struct flow_sink {
    bool (*row)(void *arg, const struct flow_row *row);
    void *arg;
    /* NULL: all come one by one. Else many may come at once, also of several datagrams and after them: see
    ** collector_flush(). Returns how many of them, from the first on, were kept. */
    uint32_t (*rows)(void *arg, const struct flow_rows *rows);
};

/* Called when a datagram, or part of one, could not be decoded. */
struct fault_sink {
    void (*fault)(void *arg, const struct datagram *d, enum fvt_malformed cause);
    void *arg;
};

/* Bounds of memory and time. What goes over a bound of one exporter makes room for itself, oldest first; over a
** bound of all, those exporters make room that are worth least, see exporter.h. */
struct collector_limits {
    uint32_t exporters;       /* exporter, domain, version and session together are one */
    uint32_t interfaces;      /* names of one exporter's */
    uint32_t names;           /* of applications, of all exporters */
    uint32_t told;            /* records of options data, of all exporters */
    uint32_t totals;          /* flows whose total counters are remembered, of all exporters */
    size_t announced;         /* octets of all templates, samplers and names of interfaces */
    size_t exporter_template; /* octets of one exporter's templates */
    int64_t template_ms; /* how long a template holds that is not announced again; 0: for ever */
    size_t pending;      /* octets of all held data sets */
    size_t exporter_pending; /* octets of one exporter's held data sets */
    int64_t pending_ms;      /* how long a data set is held */
};
extern const struct collector_limits collector_defaults;

struct collector {
    struct flow_sink sink;
    struct fault_sink faults;
    struct collector_limits limits;
    struct element_map elements;
    struct exporter_table exporters;
    struct name_table names;
    struct told_table told;
    struct totals_table totals;
    struct pending pending;
    struct fixed_plans *fixed;
    struct domains *domains; /* of NetFlow version 9 */
    struct rates rates;      /* the operator's, owned: collector_rates() */
    int64_t clock;    /* ms that have passed; steps of the system's clock are no time that passes */
    int64_t now;      /* the system's, ms, as of clock; 0: not told yet */
    uint64_t changes; /* so often something new was announced */
    bool touched;     /* something was announced; for whoever wants to know to set back */
    uint64_t expired; /* templates that were not announced for too long */
    uint32_t faults_seen;    /* bit per cause: already counted for this datagram */
    struct record record;    /* the row being built */
    struct columns *columns; /* rows that are not handed on yet, columns.c */
    /* Called before an exporter is forgotten to make room for another; may be NULL. */
    void (*on_forget)(void *arg, struct exporter *e);
    void *on_forget_arg;
    /* Called with what an interface counted; may be NULL. */
    void (*on_counters)(void *arg, const struct fvt_if_counters *counters);
    void *on_counters_arg;
};

/* limits may be NULL: the defaults. NULL when out of memory. */
struct collector *collector_new(struct flow_sink sink, struct fault_sink faults,
                                const struct collector_limits *limits);
void collector_free(struct collector *c);

/* Take over the operator's sampling rates, in the place of those before; *rates is none then. */
void collector_rates(struct collector *c, struct rates *rates);

/* Decode one datagram. Never fails: what is wrong with it is counted. */
void collector_datagram(struct collector *c, const struct datagram *d);

/* Count octets that are no message, as of an unknown exporter. */
void collector_garbage(struct collector *c, const struct datagram *d, enum fvt_malformed cause);

/* Hand on the rows that were kept back to come many at once, and count them for their exporter. Call it before anything
** that is to follow them: looking at counts of exporters, flushing the store, turning to another file. */
void collector_flush(struct collector *c);

/* Drop and count held data that nobody will decode any more. Call it about once a second. */
void collector_tick(struct collector *c, int64_t now);
/* A connection has ended: forget what came over it. */
void collector_end_stream(struct collector *c, uint32_t stream);
/* Drop and count all held data: no template will come any more. */
void collector_drop_pending(struct collector *c);

/* ---- for the decoders ------------------------------------------------------------------- */

/* Count a fault of the exporter, and tell the fault sink: once for a datagram and cause. octets: what cannot be
** used for it, which adds up. */
void collector_fault(struct collector *c, struct exporter *e, const struct datagram *d,
                     enum fvt_malformed cause, size_t octets);

/* The exporter that sent d; version is a name of fvt_exporter.version, mark is what its header says, NULL when there
** is none. Counts the datagram. NULL when out of memory. */
struct exporter *collector_exporter(struct collector *c, const struct datagram *d,
                                    const char *version, uint32_t odid,
                                    const struct session_mark *mark);

/* Decode the records of a set, of the message that record_header() was told, into rows for the sink, counting
** them for e and in *flows. Returns what was left: PLAN_END or PLAN_OVERRUN. */
enum plan_result collector_records(struct collector *c, struct exporter *e, const struct plan *plan,
                                   struct cursor *set, uint32_t *flows);

/* Memory for rows that come many at once. NULL when out of memory. */
struct columns *columns_new(void);
void columns_free(struct columns *columns);

/* Finish the row in c->record and hand it to the sink, counting it for e. totals: the plan's, 0 without one. */
void collector_emit(struct collector *c, struct exporter *e, unsigned totals);

/* The records of NetFlow v1, v5, v6, v7 and v8, as if templates had announced them. NULL when out
** of memory. */
struct fixed_plans *fixed_plans_new(const struct element_map *elements);
void fixed_plans_free(struct fixed_plans *plans);

/* A datagram of one of these versions, of at least two octets. */
void collector_fixed(struct collector *c, const struct datagram *d);
void collector_netflow9(struct collector *c, const struct datagram *d);
void collector_ipfix(struct collector *c, const struct datagram *d);
/* sFlow version 5, or what is of no version. */
void collector_sflow(struct collector *c, const struct datagram *d);

#endif
