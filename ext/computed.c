/* SPDX-License-Identifier: MIT */
/*
** Numbers computed from columns of one flow.
*/
#include "computed.h"

static const struct {
    int n, column[COMPUTED_COLUMNS];
} inputs[] = {
    [COMPUTED_duration] = {2, {FLOW_tstart, FLOW_tend}},
    [COMPUTED_pps] = {3, {FLOW_tstart, FLOW_tend, FLOW_packets}},
    [COMPUTED_bps] = {3, {FLOW_tstart, FLOW_tend, FLOW_bytes}},
    [COMPUTED_bpp] = {2, {FLOW_bytes, FLOW_packets}},
    [COMPUTED_dscp] = {1, {FLOW_tos}},
    [COMPUTED_srcnet] = {2, {FLOW_srcip, FLOW_srcmask}},
    [COMPUTED_dstnet] = {2, {FLOW_dstip, FLOW_dstmask}},
    [COMPUTED_milliseconds] = {2, {FLOW_tstart, FLOW_tend}},
    [COMPUTED_hops] = {2, {FLOW_minttl, FLOW_maxttl}},
    [COMPUTED_client_ms] = {1, {FLOW_clientlatency}},
    [COMPUTED_server_ms] = {1, {FLOW_serverlatency}},
    [COMPUTED_app_ms] = {1, {FLOW_applatency}},
    [COMPUTED_srcblock] = {3, {FLOW_srcport, FLOW_pblockstart, FLOW_pblockend}},
    [COMPUTED_dstblock] = {3, {FLOW_dstport, FLOW_pblockstart, FLOW_pblockend}},
    [COMPUTED_sysid] = {3, {FLOW_exporter, FLOW_odid, FLOW_version}},
    [COMPUTED_count] = {0, {0}},
};

int computed_columns(enum computed id, int column[COMPUTED_COLUMNS]) {
    memcpy(column, inputs[id].column, sizeof inputs[id].column);
    return inputs[id].n;
}

bool computed_is_number(enum computed id) {
    return id != COMPUTED_srcnet && id != COMPUTED_dstnet;
}

/* a * scale / b, NULL when b is not above 0. */
static bool ratio(double a, double scale, double b, double *out) {
    *out = b > 0 ? a * scale / b : 0;
    return b > 0;
}

bool computed_number(enum computed id, const int64_t value[COMPUTED_COLUMNS], double *out) {
    switch (id) {
    case COMPUTED_duration:
        *out = ((double)value[1] - (double)value[0]) / 1000;
        return true;
    case COMPUTED_pps:
        return ratio((double)value[2], 1000, (double)value[1] - (double)value[0], out);
    case COMPUTED_bps:
        return ratio((double)value[2], 8000, (double)value[1] - (double)value[0], out);
    case COMPUTED_bpp:
        return ratio((double)value[0], 1, (double)value[1], out);
    case COMPUTED_dscp:
        *out = (double)(value[0] >> 2);
        return true;
    case COMPUTED_milliseconds:
    case COMPUTED_hops:
        *out = (double)value[1] - (double)value[0];
        return true;
    case COMPUTED_client_ms:
    case COMPUTED_server_ms:
    case COMPUTED_app_ms:
        *out = (double)value[0] / 1000;
        return true;
    case COMPUTED_srcblock:
    case COMPUTED_dstblock:
        *out = value[0] >= value[1] && value[0] <= value[2];
        return true;
    case COMPUTED_srcnet:
    case COMPUTED_dstnet:
    case COMPUTED_sysid:
    case COMPUTED_count:
        break;
    }
    return false;
}
