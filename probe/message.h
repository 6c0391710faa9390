/* SPDX-License-Identifier: MIT */
/*
** Export formats: what turns rows into datagrams. A format writes into one message buffer, which
** the
** exporter sends when it is full or old enough. NetFlow v5 is in netflow5.c; v9 and IPFIX, which
** differ in headers and in how they write times, share template.c.
**
** Clocks. The formats carry time as the exporter's clock, which here is the clock of the packets (a
** file
** may be of last year). In v5 and v9 flow times are milliseconds since boot; the message's header
** ties them to the calendar. "Boot" is an hour before the first flow; a flow that the 32 bits
** cannot reach from there gets a message of its own with another boot, so every reader computes
** the right time from each datagram.
*/
#ifndef FLOWVT_MESSAGE_H
#define FLOWVT_MESSAGE_H

#include "announce.h"
#include "applications.h"
#include "sampling.h"
#include "schema/field.h"

enum { MESSAGE_MAX = 1472 };

struct message {
    uint8_t
        data[MESSAGE_MAX + 8]; /* the last octets are room for put_uint() to write a whole word */
    size_t limit;              /* octets that may be used, at most MESSAGE_MAX */
    size_t length;             /* octets used; 0: not begun */
    unsigned records;          /* data records in it, options data included */
    unsigned count;            /* what the header counts: records and templates */
    size_t set;                /* offset of the open set, 0: none */
    unsigned set_id;
    int64_t clock; /* ms since 1970, whole seconds: time in the header */
    int64_t boot;  /* ms since 1970 */
};

/* How IPFIX has the times of flows. */
enum time_format { TIME_MILLI, TIME_SEC, TIME_MICRO, TIME_NANO, TIME_NFORMATS };

/* State of the exporter that formats share. */
struct format_state {
    struct message message;
    uint32_t odid;
    struct sampling_method sampling;
    enum time_format time_format;
    struct flow_times times; /* of the row at hand, where time_format is finer than it */
    uint64_t records;        /* data records in messages sent so far */
    uint64_t messages;       /* sent so far */
    int64_t boot;            /* usual boot time, ms since 1970 */
    bool booted;             /* boot has been chosen */
    struct template_table *templates;
    /* Send message, and leave it empty (length 0). */
    void (*send)(void *arg);
    void *arg;
};

struct format {
    const char *name; /* as in version of the store */
    /* Add a row; calls send when the message is full. now: ms since 1970. Returns records written:
    ** 0 if the format cannot carry it, more than 1 if it had to split it. */
    unsigned (*add)(struct format_state *s, const struct flow_row *row, int64_t now);
    /* Fill in the header of the message before it is sent. */
    void (*finish)(struct format_state *s);
    /* Tell the name of an interface; NULL where the format has no means. */
    void (*interface)(struct format_state *s, uint32_t ifindex, const char *name,
                      const char *description, int64_t now);
    /* Tell the name of an application; NULL where the format has no means. */
    void (*application)(struct format_state *s, const struct application *a, int64_t now);
    /* Of the sampling in force; NULL where the header tells. values: 5 at most. Returns the kind of announcement. */
    const struct announcement *(*sampler)(struct sampling_method method, uint64_t *values);
    /* Write one options data record: scope and a's values. NULL where the format has no means. */
    void (*announce)(struct format_state *s, const struct announcement *a, uint64_t scope,
                     const uint64_t *values, int64_t now);
    /* Templates are to be sent again with the next data; NULL where there are none. */
    void (*refresh)(struct format_state *s);
};

extern const struct format format_v5, format_v9, format_ipfix;

/* ms, or the nearest time that v5 and v9 can express: 1970 to 2106. */
int64_t message_time(int64_t ms);

/* ms as a header has it: whole seconds, rounded up so that no flow ends after it, 1970 to 2106. */
int64_t message_second(int64_t ms);

/* Choose the clock and the boot time of an empty message for a flow with these times. */
void message_begin(struct format_state *s, int64_t now, int64_t tstart, int64_t tend);

/* Whether a begun message can carry a flow with these times; moves its clock on if so. All in
** ms since 1970. */
bool message_add(struct format_state *s, int64_t now, int64_t tstart, int64_t tend);

struct template_table *templates_new(void);
void templates_free(struct template_table *t);

/* Big-endian writers; the caller has made sure of the room. */
static inline void put8(struct message *m, uint64_t v) {
    m->data[m->length++] = (uint8_t)v;
}
static inline void put16(struct message *m, uint64_t v) {
    put8(m, v >> 8);
    put8(m, v);
}
static inline void put32(struct message *m, uint64_t v) {
    put16(m, v >> 16);
    put16(m, v);
}
static inline void put_bytes(struct message *m, const void *p, size_t n) {
    memcpy(m->data + m->length, p, n);
    m->length += n;
}
/* v in n octets (1 to 8), the largest number if it does not fit. */
static inline void put_uint(struct message *m, uint64_t v, unsigned n) {
    if (n < 8 && v >> (8 * n))
        v = (UINT64_C(1) << (8 * n)) - 1;
    v = __builtin_bswap64(v << (64 - 8 * n));
    memcpy(m->data + m->length, &v, sizeof v);
    m->length += n;
}
static inline void set16(struct message *m, size_t at, uint64_t v) {
    m->data[at] = (uint8_t)(v >> 8);
    m->data[at + 1] = (uint8_t)v;
}
static inline void set32(struct message *m, size_t at, uint64_t v) {
    set16(m, at, v >> 16);
    set16(m, at + 2, v);
}

#endif
