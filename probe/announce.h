/* SPDX-License-Identifier: MIT */
/*
** What an exporter tells of itself in options data (RFC 3954 section 6.1, RFC 7011 section 4, RFC 5477): each kind
** is one options template, whose values are all numbers.
*/
#ifndef FLOWVT_ANNOUNCE_H
#define FLOWVT_ANNOUNCE_H

#include "sampling.h"

enum {
    ANNOUNCE_FIRST = 513, /* template ids: from here on */
    ANNOUNCE_FIELDS = 6,
};

struct announcement {
    uint16_t id;
    uint16_t scope; /* IPFIX element, 4 octets; v9 has the scope System */
    uint16_t nfields;
    struct {
        uint16_t element, octets;
    } fields[ANNOUNCE_FIELDS];
};

/* Scope observationDomainId: ignoredPacketTotalCount (4.2). */
extern const struct announcement announce_metering;
/* Scope exportingProcessId: notSentFlowTotalCount, notSentPacketTotalCount, notSentOctetTotalCount (4.3). */
extern const struct announcement announce_not_sent;
/* Scope observationDomainId: exportedMessageTotalCount, exportedFlowRecordTotalCount, exportedOctetTotalCount
** (4.1). */
extern const struct announcement announce_exported;

/* Scope observationDomainId: samplingInterval, samplingAlgorithm, which hold for all flows. */
extern const struct announcement announce_sampling;

/* What tells of the sampling in NetFlow v9, and in IPFIX (RFC 5477 section 8.2); values: ANNOUNCE_FIELDS at most. */
const struct announcement *announce_sampler_v9(struct sampling_method method, uint64_t *values);
const struct announcement *announce_sampler(struct sampling_method method, uint64_t *values);

#endif
