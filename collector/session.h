/* SPDX-License-Identifier: MIT */
/*
** Which session of an exporter's address, version and domain a datagram is of, where several UDP ports send.
**
** A port that is new is of the session that is there when it is the same exporter's: when the exporter's uptime was 0
** at the same time, or, for what has no uptime (IPFIX), when the sequence number is near the one expected. Else it is
** another exporter behind the same address, with a session of its own: or the same one, after it began anew. That
** is no loss either way, for its templates are to be sent again, and data waits for them.
**
** Some routers have two exporters of their own, that number apart and send the same templates. So a session of a port
** that has announced a template just as session 0 has it, and none otherwise, is its kin: it may use the templates of
** session 0 until it has its own.
**
** Two exporters that began at the same time may be taken for one. Then the numbers of a port follow each other, again
** and again, where they do not follow those of the other port: that port becomes a session of its own, and what was
** counted as lost meanwhile is taken back.
*/
#ifndef FLOWVT_SESSION_H
#define FLOWVT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "sequence.h"

struct collector;
struct template_definition;
struct datagram;
struct exporter;

enum session_kin { SESSION_UNKNOWN, SESSION_KIN, SESSION_STRANGER };

enum { SESSION_PORTS = 8 }; /* that are remembered; of more, the decision is made again */

struct session_port {
    uint16_t port; /* 0: unused */
    bool other;    /* it has a session of its own */
    uint8_t alone; /* datagrams that followed this port's, and not those of the session */
    uint32_t next; /* number that would follow the last one */
    int64_t
        lost; /* what its datagrams changed in the count of lost ones since two ports were seen to share it */
};

/* Of the session of all ports. */
struct session {
    struct session_port port[SESSION_PORTS];
    uint8_t now;      /* the one that sent the datagram at hand */
    uint8_t newest;   /* and the one whose datagram had the highest number */
    uint8_t count;    /* of ports in use, ever, up to their number */
    uint8_t replaced; /* slot that the next new one gets when there are too many */
    uint32_t number;  /* of the last datagram */
    int64_t boot; /* when the uptime was 0, by the last datagram, ms since 1970 UTC; 0: not known */
};

/* What a header says. */
struct session_mark {
    bool numbered;
    uint32_t number; /* sequence number */
    int64_t boot;    /* ms since 1970 UTC; 0: not known */
};

/* The exporter's entry; made when it is not there. NULL when out of memory. */
struct exporter *session_get(struct collector *c, const struct datagram *d, const char *version,
                             uint32_t odid, const struct session_mark *mark);

/* The session whose templates e may use as well, or NULL. */
struct exporter *session_kin_of(const struct collector *c, const struct exporter *e);
/* e announced a template. True when it has become kin by it. */
bool session_announced(const struct collector *c, struct exporter *e,
                       const struct template_definition *d);

/* Take what the header of a datagram says of loss. Returns the change of what is lost. */
int64_t session_sequence(struct exporter *e, const struct sequence_mark *mark);

#endif
