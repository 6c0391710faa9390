/* SPDX-License-Identifier: MIT */
/* The kinds of announcements. */
#include "announce.h"

#include <string.h>

enum { OBSERVATION_DOMAIN = 149, EXPORTING_PROCESS = 144, SELECTOR = 302 };

const struct announcement announce_metering = {ANNOUNCE_FIRST, OBSERVATION_DOMAIN, 1, {{164, 8}}};

const struct announcement announce_not_sent = {
    ANNOUNCE_FIRST + 1, EXPORTING_PROCESS, 3, {{166, 8}, {167, 8}, {168, 8}}};

const struct announcement announce_exported = {
    ANNOUNCE_FIRST + 2, OBSERVATION_DOMAIN, 3, {{41, 8}, {42, 8}, {40, 8}}};

/* samplingInterval, samplingAlgorithm: long deprecated and known to everybody */
const struct announcement announce_sampling = {
    ANNOUNCE_FIRST + 4, OBSERVATION_DOMAIN, 2, {{34, 4}, {35, 1}}};

/* samplerId, samplerMode, samplerRandomInterval */
const struct announcement *announce_sampler_v9(struct sampling_method method, uint64_t *values) {
    static const struct announcement kind = {ANNOUNCE_FIRST + 3, 0, 3, {{48, 1}, {49, 1}, {50, 4}}};
    const uint64_t v[] = {SAMPLING_SELECTOR, method.random ? 2 : 1, method.n};
    memcpy(values, v, sizeof v);
    return &kind;
}

/* selectorAlgorithm, samplingPacketInterval, samplingPacketSpace; of the random one also samplingSize and
** samplingPopulation, which are what RFC 5477 has for it, while the others are all that nfcapd knows. */
const struct announcement *announce_sampler(struct sampling_method method, uint64_t *values) {
    static const struct announcement kinds[] = {
        {ANNOUNCE_FIRST + 3, SELECTOR, 3, {{304, 2}, {305, 4}, {306, 4}}},
        {ANNOUNCE_FIRST + 3, SELECTOR, 5, {{304, 2}, {305, 4}, {306, 4}, {309, 4}, {310, 4}}}};
    const uint64_t v[] = {method.random ? 3 : 1, 1, method.n - 1, 1, method.n};
    memcpy(values, v, sizeof v);
    return &kinds[method.random];
}
