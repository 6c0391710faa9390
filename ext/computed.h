/* SPDX-License-Identifier: MIT */
/*
** Numbers computed from columns of one flow. SQL shows them and filters compare them, with the same
** arithmetic.
*/
#ifndef FLOWVT_COMPUTED_H
#define FLOWVT_COMPUTED_H

#include "../schema/field.h"

enum computed {
    COMPUTED_duration, /* seconds; below 0 if the exporter says so */
    COMPUTED_pps,      /* packets a second; NULL when the duration is not above 0 */
    COMPUTED_bps,      /* bits a second; likewise */
    COMPUTED_bpp,      /* octets a packet; NULL without packets */
    COMPUTED_dscp,
    COMPUTED_srcnet, /* srcip in its route's prefix (srcmask): text, not a number */
    COMPUTED_dstnet,
    COMPUTED_milliseconds, /* the duration again, as filters count it */
    COMPUTED_hops,         /* maxttl - minttl */
    COMPUTED_srcblock, /* 1 if srcport is one of the ports from pblockstart to pblockend, else 0 */
    COMPUTED_dstblock,
    COMPUTED_client_ms, /* latencies in milliseconds, as filters have them */
    COMPUTED_server_ms,
    COMPUTED_app_ms,
    COMPUTED_sysid, /* the number of the flow's exporter, see schema/sysid.h and exporters.h */
    COMPUTED_count, /* the flow's number among those of the store: of its place, not of columns */
};

enum { COMPUTED_COLUMNS = 3 };

/* The fields that id is made of, into column. Returns how many. Counters are meant as scaled by the
** sampling rate. */
int computed_columns(enum computed id, int column[COMPUTED_COLUMNS]);

/* Is it a number in SQL, not a text? */
bool computed_is_number(enum computed id);

/* The number made of value[], none of them NULL, in the order of computed_columns(). False: NULL, or
** no number (srcnet, dstnet). */
bool computed_number(enum computed id, const int64_t value[COMPUTED_COLUMNS], double *out);

#endif
