/* SPDX-License-Identifier: MIT */
/*
** Sets of NetFlow v9 and IPFIX: both protocols wrap templates, options templates and data the
** same way and differ in ids and details, which struct set_protocol holds.
*/
#ifndef FLOWVT_SETS_H
#define FLOWVT_SETS_H

#include "decode.h"

struct set_message;

struct set_protocol {
    uint16_t template_id, options_id; /* set ids of templates and options templates */
    /* Parse one options template's head: its id, number of scope fields and of all fields, the
    ** scopes included. False when it is cut off or impossible. */
    bool (*options_head)(struct cursor *c, uint16_t *id, uint16_t *scopes, uint16_t *fields);
    bool enterprise;  /* element ids over 32767 are followed by an enterprise number */
    bool scope_types; /* scope fields have types of their own, RFC 3954 6.1 */
    bool withdrawal;  /* a template without fields withdraws */
};

struct set_message {
    struct collector *c;
    struct exporter *e;
    const struct datagram *d;
    const struct set_protocol *protocol;
    struct record_header header;
    uint32_t flows;   /* data records decoded */
    uint32_t options; /* options data records decoded */
    bool unknown;     /* some sets had no template: there were more */
    /* Templates that are new in this message. What was held for them is decoded at its end, when the sampling rates
    ** that it announces are known as well. */
    uint16_t learned[32];
    unsigned nlearned;
};

/* Decode all sets of a message. Faults are counted. */
void sets_decode(struct set_message *m, struct cursor body);

#endif
