/* SPDX-License-Identifier: MIT */
/*
** For the collector's tests: build export datagrams by hand, give them to a collector, and look at
** the rows that come out.
*/
#ifndef FLOWVT_TEST_BUILD_H
#define FLOWVT_TEST_BUILD_H

#include "collector/decode.h"

enum { ROWS = 64, TEXTS = 8192 };

/* Octets being written, network order. */
struct bytes {
    uint8_t at[65536];
    size_t n;
};

void put(struct bytes *b, uint64_t value, size_t octets);
/* A string of hexadecimal digits and spaces. */
void put_hex(struct bytes *b, const char *hex);
void put_text(struct bytes *b, const char *text, size_t octets); /* padded with NULs */
/* Overwrite two octets. */
void patch16(struct bytes *b, size_t where, uint16_t value);

/* Message headers; the fields nobody looks at have fixed values: exported at second 1700000000,
** uptime 100000 ms. */
void v9(struct bytes *b, uint32_t sequence, uint32_t source);
void ipfix(struct bytes *b, uint32_t sequence, uint32_t domain);
void ipfix_end(struct bytes *b); /* sets the length */

/* A set: returns where it began, for set_end(). */
size_t set_begin(struct bytes *b, uint16_t id);
void set_end(struct bytes *b, size_t begin);
void put_set(struct bytes *b, uint16_t id, const char *hex);
/* Template fields as a string: "8/4 12/4 29305:1/8 371/v", element/length; v is variable. Without
** field count; returns their number. */
uint16_t put_fields(struct bytes *b, const char *fields);
/* A whole template set with one template. */
void template_set(struct bytes *b, uint16_t set, uint16_t id, const char *fields);

/* A collector with what came out of it. */
struct rig {
    struct collector *c;
    struct flow_row row[ROWS];
    char text[ROWS][TEXTS]; /* copies of texts, a NUL behind each */
    size_t rows;
    unsigned faults[FVT_NBAD];
    int64_t now; /* ms, arrival of the next datagram */
    struct flow_ip from;
    uint16_t port;
    uint32_t stream; /* 0: datagrams */
    bool refuse;     /* rows */
};

void rig_open(struct rig *r, const struct collector_limits *limits);
void rig_close(struct rig *r);
/* Give it the datagram and empty b. */
void rig_send(struct rig *r, struct bytes *b);
void rig_send_ipfix(struct rig *r, struct bytes *b); /* sets the length, too */
/* How many faults there were, of all kinds. */
unsigned rig_faults(const struct rig *r);
/* Let time pass, ms, as a collector without datagrams sees it pass. */
void rig_pass(struct rig *r, int64_t ms);
const struct fvt_exporter *rig_stat(const struct rig *r, const char *version, uint32_t odid);

/* The row's fields as dump.h writes them, without those of META and trecv, in a static buffer. */
const char *rig_text(const struct rig *r, size_t row);
/* One field of a row the same way, "NULL" when it has no value. */
const char *rig_field(const struct rig *r, size_t row, const char *name);

#endif
