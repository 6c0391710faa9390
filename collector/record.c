/* SPDX-License-Identifier: MIT */
/*
** The rules that make a row out of a record's values; they are listed in record.h.
*/
#include "record.h"

#include <stdio.h>

#include "packet.h"

void record_header(struct record *r, const struct record_header *h) {
    struct flow_row *row = &r->row;
    r->h = *h;
    flow_row_clear(row);
    flow_row_set_text(row, FLOW_version, h->version, strlen(h->version));
    row->value[FLOW_exporter].ip = h->exporter;
    flow_row_mark(row, FLOW_exporter);
    if (h->ident)
        flow_row_set_text(row, FLOW_ident, h->ident, strlen(h->ident));
    flow_row_set(row, FLOW_odid, h->odid);
    flow_row_set(row, FLOW_exportseq, h->sequence);
    flow_row_set_time(row, FLOW_trecv, h->received);
    if (h->has_engine) {
        flow_row_set(row, FLOW_enginetype, h->engine_type);
        flow_row_set(row, FLOW_engineid, h->engine_id);
    }
    memcpy(r->base, row->present, sizeof r->base);
}

static inline uint64_t helper(const struct record *r, enum helper h) {
    return record_helper(r, h) ? r->helper[h - FLOW_NFIELDS] : 0;
}
static inline bool is_zero_or_null(const struct flow_row *row, int f) {
    return !flow_row_has(row, f) || row->value[f].i == 0;
}

/* ---- time ------------------------------------------------------------------------------- */

/* An uptime as time. Relative to the header's uptime where there is one: the difference is right
** across the wrap of the 32-bit counter too, and for uptimes somewhat ahead of the header's. */
static bool uptime_to_ms(const struct record *r, enum helper h, int64_t *ms) {
    if (!record_helper(r, h))
        return false;
    uint64_t up = helper(r, h);
    int64_t boot = r->h.boot;
    if (r->h.has_uptime) {
        *ms = r->h.exported + (int32_t)((uint32_t)up - r->h.uptime);
        return true;
    }
    if (record_helper(r, HELPER_BOOT) && helper(r, HELPER_BOOT) < INT64_MAX / 2)
        boot = (int64_t)helper(r, HELPER_BOOT);
    if (boot == INT64_MIN || up > UINT32_MAX)
        return false;
    *ms = boot + (int64_t)up;
    return true;
}

static bool duration_ms(const struct record *r, int64_t *ms) {
    if (record_helper(r, HELPER_DURATION_MS))
        *ms = (int64_t)(helper(r, HELPER_DURATION_MS) & UINT32_MAX);
    else if (record_helper(r, HELPER_DURATION_US))
        *ms = (int64_t)(helper(r, HELPER_DURATION_US) & UINT32_MAX) / 1000;
    else
        return false;
    return true;
}

bool record_says_start(const struct record *r) {
    int64_t ms;
    const bool end = flow_row_has(&r->row, FLOW_tend) || uptime_to_ms(r, HELPER_END_UPTIME, &ms);
    return flow_row_has(&r->row, FLOW_tstart) || uptime_to_ms(r, HELPER_START_UPTIME, &ms) ||
           (end && duration_ms(r, &ms));
}

static void finish_times(struct record *r) {
    struct flow_row *row = &r->row;
    int64_t ms, duration = 0;
    if (uptime_to_ms(r, HELPER_START_UPTIME, &ms))
        flow_row_set_time(row, FLOW_tstart, ms);
    if (uptime_to_ms(r, HELPER_END_UPTIME, &ms))
        flow_row_set_time(row, FLOW_tend, ms);

    bool start = flow_row_has(row, FLOW_tstart), end = flow_row_has(row, FLOW_tend);
    if (start && end)
        return;
    int64_t event = flow_row_has(row, FLOW_eventtime) ? row->value[FLOW_eventtime].i : INT64_MIN;
    bool known = duration_ms(r, &duration);
    if (start) {
        int64_t first = row->value[FLOW_tstart].i;
        bool far = known && first > INT64_MAX - duration;
        int64_t last = known && !far ? first + duration : event > first ? event : first;
        flow_row_set_time(row, FLOW_tend, last);
        return;
    }
    if (!end)
        flow_row_set_time(row, FLOW_tend, event != INT64_MIN ? event : r->h.received);
    int64_t last = row->value[FLOW_tend].i;
    flow_row_set_time(row, FLOW_tstart, last < INT64_MIN + duration ? last : last - duration);
}

/* ---- ICMP ------------------------------------------------------------------------------- */

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMPV6 = 58 };

static void finish_icmp(struct record *r) {
    struct flow_row *row = &r->row;
    bool ports = flow_row_has(row, FLOW_srcport) || flow_row_has(row, FLOW_dstport);
    if (!flow_row_has(row, FLOW_proto) && !ports && record_helper(r, HELPER_ICMP))
        flow_row_set(row, FLOW_proto,
                     flow_row_has(row, FLOW_srcip) && row->value[FLOW_srcip].ip.family == 6
                         ? PROTO_ICMPV6
                         : PROTO_ICMP);
    int64_t proto = flow_row_has(row, FLOW_proto) ? row->value[FLOW_proto].i : -1;
    if (proto != PROTO_ICMP && proto != PROTO_ICMPV6) {
        if (proto >= 0) {
            flow_row_unset(row, FLOW_icmptype);
            flow_row_unset(row, FLOW_icmpcode);
        }
        return;
    }
    bool have_port = flow_row_has(row, FLOW_dstport);
    uint64_t port = have_port ? (uint64_t)row->value[FLOW_dstport].i : 0;
    if (!flow_row_has(row, FLOW_icmptype) && !flow_row_has(row, FLOW_icmpcode)) {
        uint64_t packed = record_helper(r, HELPER_ICMP) ? helper(r, HELPER_ICMP) : port;
        if (!record_helper(r, HELPER_ICMP) && !have_port)
            return;
        flow_row_set(row, FLOW_icmptype, packed >> 8 & 255);
        flow_row_set(row, FLOW_icmpcode, packed & 255);
    }
    uint64_t type = is_zero_or_null(row, FLOW_icmptype) ? 0 : (uint64_t)row->value[FLOW_icmptype].i;
    uint64_t code = is_zero_or_null(row, FLOW_icmpcode) ? 0 : (uint64_t)row->value[FLOW_icmpcode].i;
    if (is_zero_or_null(row, FLOW_srcport) && (port == 0 || port == (type << 8 | code))) {
        flow_row_unset(row, FLOW_srcport);
        flow_row_unset(row, FLOW_dstport);
    }
}

/* ---- sampling and addresses ------------------------------------------------------------- */

/* What the record itself says. */
static struct sampling_rate own_rate(const struct record *r) {
    const struct flow_row *row = &r->row;
    uint64_t interval =
        flow_row_has(row, FLOW_sampling) ? (uint64_t)row->value[FLOW_sampling].i : 0;
    uint64_t probability = helper(r, HELPER_PROBABILITY);
    struct sampling_elements said = {
        .interval = interval,
        .packet_interval = helper(r, HELPER_PACKET_INTERVAL),
        .space = helper(r, HELPER_SPACE),
        .size = helper(r, HELPER_SIZE),
        .population = helper(r, HELPER_POPULATION),
    };
    memcpy(&said.probability, &probability, sizeof said.probability);
    return sampling_rate_of(&said);
}

/* A flow seen as it left was metered on the interface that it left by. */
static const union flow_value *metered_on(const struct flow_row *row) {
    bool egress = flow_row_has(row, FLOW_direction) && row->value[FLOW_direction].i == 1;
    int field = egress ? FLOW_outif : FLOW_inif;
    return flow_row_has(row, field) ? &row->value[field] : NULL;
}

static struct sampling_rate announced_rate(const struct record *r) {
    const struct flow_row *row = &r->row;
    const union flow_value *interface = metered_on(row);
    uint64_t id = (uint64_t)row->value[FLOW_samplerid].i;
    uint64_t ifindex = interface ? (uint64_t)interface->i : 0;
    return sampler_rate(r->h.samplers, flow_row_has(row, FLOW_samplerid) ? &id : NULL,
                        interface ? &ifindex : NULL);
}

static void finish_sampling(struct record *r) {
    struct flow_row *row = &r->row;
    bool exported = flow_row_has(row, FLOW_sampling);
    struct sampling_rate rate = {0};
    r->sampling_origin = FVT_SAMPLING_RECORD;
    if (r->helpers || exported)
        rate = own_rate(r);
    if (!rate.n && r->h.samplers && r->h.samplers->count) {
        rate = announced_rate(r);
        r->sampling_origin = FVT_SAMPLING_OPTIONS;
    }
    if (!rate.n) {
        rate.n = r->h.sampling;
        r->sampling_origin = FVT_SAMPLING_HEADER;
    }
    r->sampling_rounded = rate.rounded;
    if (rate.n)
        flow_row_set(row, FLOW_sampling, rate.n);
    else if (exported)
        flow_row_unset(row, FLOW_sampling);
}

static void finish_ipversion(struct record *r) {
    struct flow_row *row = &r->row;
    if (flow_row_has(row, FLOW_ipversion))
        return;
    int from = flow_row_has(row, FLOW_srcip) ? FLOW_srcip : FLOW_dstip;
    if (flow_row_has(row, from))
        flow_row_set(row, FLOW_ipversion, row->value[from].ip.family);
}

/* ipTTL is of all packets alike, or of one of them: the smallest and the largest that are known. */
static void finish_ttl(struct record *r) {
    if (!record_helper(r, HELPER_TTL))
        return;
    flow_row_set(&r->row, FLOW_maxttl, helper(r, HELPER_TTL));
    if (!flow_row_has(&r->row, FLOW_minttl))
        flow_row_set(&r->row, FLOW_minttl, helper(r, HELPER_TTL));
}

/* Flags of TCP that are told apart by the packet, where they are not sent together. */
static void finish_flags(struct record *r) {
    static const struct {
        int field;
        enum helper first, other;
    } sides[] = {{FLOW_tcpflags, HELPER_FIRST_FLAGS, HELPER_OTHER_FLAGS},
                 {FLOW_revtcpflags, HELPER_REV_FIRST_FLAGS, HELPER_REV_OTHER_FLAGS}};
    struct flow_row *row = &r->row;
    if (flow_row_has(row, FLOW_proto) && row->value[FLOW_proto].i != PROTO_TCP)
        return;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        if (!flow_row_has(row, sides[i].field) &&
            (record_helper(r, sides[i].first) || record_helper(r, sides[i].other)))
            flow_row_set(row, sides[i].field,
                         (helper(r, sides[i].first) | helper(r, sides[i].other)) & 0xfff);
}

/* Exporters fill the elements of their template that there are no labels for with zeros. */
static void finish_labels(struct record *r) {
    uint32_t entry[MPLS_LABELS];
    unsigned n = 0;
    for (unsigned i = 0; i < MPLS_LABELS; i++) {
        entry[i] = (uint32_t)helper(r, HELPER_LABEL + i) & 0xffffff;
        n = entry[i] ? i + 1 : n;
    }
    if (n == 0 || r->texts == RECORD_TEXTS)
        return;
    char *text = r->text[r->texts++];
    flow_row_set_text(&r->row, FLOW_mpls, text, mpls_write(text, entry, n));
}

void record_finish(struct record *r) {
    packet_of_section(r);
    finish_times(r);
    finish_icmp(r);
    finish_flags(r);
    finish_ttl(r);
    finish_sampling(r);
    finish_ipversion(r);
    if (r->helpers >> (HELPER_LABEL - FLOW_NFIELDS))
        finish_labels(r);
}

/* ---- texts ------------------------------------------------------------------------------ */

size_t record_utf8_length(const uint8_t *p, size_t left) {
    static const struct {
        uint8_t first, last, n, low, high; /* low, high: of the second octet */
    } forms[] = {
        {0x01, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
        {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
        {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (*p < forms[i].first || *p > forms[i].last)
            continue;
        if (forms[i].n > left)
            return 0;
        if (forms[i].n > 1 && (p[1] < forms[i].low || p[1] > forms[i].high))
            return 0;
        for (size_t k = 2; k < forms[i].n; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].n;
    }
    return 0;
}

void record_set_text(struct record *r, int field, const uint8_t *p, size_t n) {
    while (n && p[n - 1] == 0)
        n--;
    size_t good = 0, step;
    while (good < n && (step = record_utf8_length(p + good, n - good)) != 0)
        good += step;
    if (good == n) {
        flow_row_set_text(&r->row, field, (const char *)p, n);
        return;
    }
    if (r->texts == RECORD_TEXTS)
        return;
    char *out = r->text[r->texts++];
    for (size_t i = 0; i < n; i += step) {
        step = record_utf8_length(p + i, n - i);
        if (step)
            memcpy(out + i, p + i, step);
        else
            out[i] = '?', step = 1;
    }
    flow_row_set_text(&r->row, field, out, n);
}

void record_set_appid(struct record *r, int field, const uint8_t *p, size_t n) {
    enum { ENGINE_PEN = 20 }; /* a private enterprise number precedes the selector */
    if (n < 2 || n > 13 || r->texts == RECORD_TEXTS)
        return;
    char *out = r->text[r->texts++];
    int len;
    if (p[0] == ENGINE_PEN && n > 5)
        len = snprintf(out, RECORD_TEXT, "%u:%u:%llu", p[0], be32(p + 1),
                       (unsigned long long)ben(p + 5, n - 5));
    else if (n <= 9)
        len = snprintf(out, RECORD_TEXT, "%u:%llu", p[0], (unsigned long long)ben(p + 1, n - 1));
    else
        return;
    flow_row_set_text(&r->row, field, out, (size_t)len);
}
