/* SPDX-License-Identifier: MIT */
/* nDPI 4.2, as Debian 12 has it; the order of calls is that of its own program, ndpiReader. */
#include "engine.h"

#ifndef WITH_NDPI

const char *engine_version(void) {
    return NULL;
}

struct engine *engine_new(void) {
    return NULL;
}

/* Without an engine nothing below is called. */
struct ndpi_flow_struct *engine_begin(struct engine *e) {
    (void)e;
    return NULL;
}

bool engine_packet(struct engine *e, struct ndpi_flow_struct *flow, const uint8_t *ip, size_t n,
                   int64_t ms, uint32_t *application) {
    (void)e, (void)flow, (void)ip, (void)n, (void)ms, (void)application;
    return true;
}

enum engine_how engine_end(struct engine *e, struct ndpi_flow_struct *flow, bool decided,
                           uint32_t *application) {
    (void)e, (void)flow, (void)decided, (void)application;
    return ENGINE_NOT;
}

void engine_name(struct engine *e, uint32_t application, char name[ENGINE_NAME],
                 char meaning[ENGINE_MEANING], char category[ENGINE_CATEGORY]) {
    (void)e, (void)application;
    name[0] = meaning[0] = category[0] = '\0';
}

size_t engine_octets(void) {
    return 0;
}

void engine_free(struct engine *e) {
    (void)e;
}

#else

#include <ndpi/ndpi_api.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACKET_MOST = UINT16_MAX, IP6_HEADER = 40, BEHIND = 64 };

struct engine {
    struct ndpi_detection_module_struct *module;
    uint64_t now;                         /* ms since 1970; the library's does not go back */
    uint8_t packet[PACKET_MOST + BEHIND]; /* zeros behind it */
};

const char *engine_version(void) {
    return ndpi_revision();
}

struct engine *engine_new(void) {
    NDPI_PROTOCOL_BITMASK all;
    struct engine *e = calloc(1, sizeof *e);
    if (!e || !(e->module = ndpi_init_detection_module(ndpi_no_prefs))) {
        free(e);
        return NULL;
    }
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(e->module, &all);
    ndpi_finalize_initialization(e->module);
    return e;
}

struct ndpi_flow_struct *engine_begin(struct engine *e) {
    (void)e;
    struct ndpi_flow_struct *flow = ndpi_flow_malloc(sizeof *flow);
    if (flow)
        memset(flow, 0, sizeof *flow);
    return flow;
}

static uint32_t number_of(ndpi_protocol p) {
    uint32_t master = p.master_protocol, app = p.app_protocol;
    if (app == NDPI_PROTOCOL_UNKNOWN || app == master)
        return app ? app : master;
    return master << 16 | app;
}

static void set16(uint8_t *p, size_t value) {
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

/* A copy whose IP header says n octets at most, which is what the library believes. Returns its length. */
static uint16_t take(struct engine *e, const uint8_t *ip, size_t n) {
    n = n < PACKET_MOST ? n : PACKET_MOST;
    memcpy(e->packet, ip, n);
    memset(e->packet + n, 0, BEHIND);
    bool six = n > 0 && ip[0] >> 4 == 6;
    size_t before = six ? IP6_HEADER : 0; /* octets that the length does not count */
    uint8_t *field = e->packet + (six ? 4 : 2);
    if (n < before + 4)
        return (uint16_t)n;
    size_t told = (size_t)field[0] << 8 | field[1];
    if (told == 0 || told + before > n) /* cut short, or of segmentation offload */
        set16(field, n - before);
    return (uint16_t)n;
}

bool engine_packet(struct engine *e, struct ndpi_flow_struct *flow, const uint8_t *ip, size_t n,
                   int64_t ms, uint32_t *application) {
    if (ms > 0 && (uint64_t)ms > e->now)
        e->now = (uint64_t)ms;
    uint16_t length = take(e, ip, n);
    *application =
        number_of(ndpi_detection_process_packet(e->module, flow, e->packet, length, e->now));
    return *application != ENGINE_UNKNOWN && !ndpi_extra_dissection_possible(e->module, flow);
}

static enum engine_how how_of(const struct ndpi_flow_struct *flow, uint32_t application) {
    if (application == ENGINE_UNKNOWN)
        return ENGINE_NOT;
    return flow->confidence == NDPI_CONFIDENCE_MATCH_BY_PORT ||
                   flow->confidence == NDPI_CONFIDENCE_MATCH_BY_IP
               ? ENGINE_GUESSED
               : ENGINE_SEEN;
}

enum engine_how engine_end(struct engine *e, struct ndpi_flow_struct *flow, bool decided,
                           uint32_t *application) {
    uint8_t guessed;
    if (!decided)
        *application = number_of(ndpi_detection_giveup(e->module, flow, 1, &guessed));
    enum engine_how how = how_of(flow, *application);
    ndpi_flow_free(flow);
    return how;
}

void engine_name(struct engine *e, uint32_t application, char name[ENGINE_NAME],
                 char meaning[ENGINE_MEANING], char category[ENGINE_CATEGORY]) {
    char text[ENGINE_MEANING];
    ndpi_protocol p = {.master_protocol = (uint16_t)(application >> 16),
                       .app_protocol = (uint16_t)application};
    snprintf(name, ENGINE_NAME, "%s", ndpi_protocol2name(e->module, p, text, sizeof text));
    const char *what = ndpi_get_proto_name(e->module, p.app_protocol);
    if (p.master_protocol)
        snprintf(meaning, ENGINE_MEANING, "%s over %s", what,
                 ndpi_get_proto_name(e->module, p.master_protocol));
    else
        snprintf(meaning, ENGINE_MEANING, "%s", what);
    snprintf(category, ENGINE_CATEGORY, "%s",
             ndpi_category_get_name(e->module, ndpi_get_proto_category(e->module, p)));
}

size_t engine_octets(void) {
    return sizeof(struct ndpi_flow_struct);
}

void engine_free(struct engine *e) {
    if (!e)
        return;
    ndpi_exit_detection_module(e->module);
    free(e);
}

#endif
