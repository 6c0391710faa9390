/* SPDX-License-Identifier: MIT */
/*
** Bounds of a collector that small inputs reach, so that making room is exercised too.
*/
#ifndef FLOWVT_FUZZ_LIMITS_H
#define FLOWVT_FUZZ_LIMITS_H

#include "collector/decode.h"

static const struct collector_limits limits = {
    .exporters = 6,
    .interfaces = 8,
    .names = 16,
    .told = 8,
    .totals = 8,
    .announced = 64 << 10,
    .exporter_template = 32 << 10,
    .pending = 16 << 10,
    .exporter_pending = 8 << 10,
    .pending_ms = 100,
    .template_ms = 1000000,
};

#endif
