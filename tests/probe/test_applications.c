/* SPDX-License-Identifier: MIT */
/*
** The connections behind flowprobe -k, with an engine made up here: the first octet of a packet is its application, and
** none where it is 0. So these hold whether the program is built with nDPI or not.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/applications.h"

enum { GUESS = 200, SYN = 0x02, ACK = 0x10 };

/* ---- the engine -------------------------------------------------------------------------- */

struct ndpi_flow_struct {
    unsigned packets;
};

static unsigned alive, most_alive, packets_seen;

const char *engine_version(void) {
    return "made up";
}

struct engine *engine_new(void) {
    alive = most_alive = packets_seen = 0;
    return malloc(1);
}

struct ndpi_flow_struct *engine_begin(struct engine *e) {
    (void)e;
    alive++;
    most_alive = alive > most_alive ? alive : most_alive;
    return calloc(1, sizeof(struct ndpi_flow_struct));
}

bool engine_packet(struct engine *e, struct ndpi_flow_struct *flow, const uint8_t *ip, size_t n,
                   int64_t ms, uint32_t *application) {
    (void)e, (void)ms;
    flow->packets++;
    packets_seen++;
    *application = n ? ip[0] : 0;
    return *application != 0;
}

enum engine_how engine_end(struct engine *e, struct ndpi_flow_struct *flow, bool decided,
                           uint32_t *application) {
    (void)e;
    free(flow);
    alive--;
    if (!decided && *application == 0) {
        *application = GUESS;
        return ENGINE_GUESSED;
    }
    return ENGINE_SEEN;
}

void engine_name(struct engine *e, uint32_t application, char name[ENGINE_NAME],
                 char meaning[ENGINE_MEANING], char category[ENGINE_CATEGORY]) {
    (void)e;
    snprintf(name, ENGINE_NAME, "app %lu", (unsigned long)application);
    meaning[0] = category[0] = '\0';
}

size_t engine_octets(void) {
    return sizeof(struct ndpi_flow_struct);
}

void engine_free(struct engine *e) {
    assert_int_equal(alive, 0);
    free(e);
}

/* ---- packets ----------------------------------------------------------------------------- */

/* Of connection n: TCP from its client, or back. */
static struct flow_add packet(uint32_t n, bool back, uint8_t tcpflags) {
    struct flow_add add = {.last = 1000000, .tcpflags = tcpflags};
    uint8_t *client = back ? add.key.dst : add.key.src, *server = back ? add.key.src : add.key.dst;
    client[0] = 10;
    memcpy(client + 1, &n, 3);
    server[0] = 192;
    add.key.family = 4;
    add.key.proto = 6;
    add.key.kind = HAS_PORTS;
    add.key.srcport = back ? 80 : 40000;
    add.key.dstport = back ? 40000 : 80;
    return add;
}

static void see(struct applications *a, const struct flow_add *add, uint32_t ifindex,
                uint8_t application) {
    applications_packet(a, add, ifindex, &application, 1);
}

static uint32_t end(struct applications *a, const struct flow_add *add) {
    const struct application *found = applications_end(a, &add->key);
    return found ? found->number : UINT32_MAX;
}

static void both_directions(void **state) {
    (void)state;
    struct applications *a = applications_new(100);
    struct flow_add out = packet(1, false, SYN), back = packet(1, true, SYN | ACK);
    char name[ENGINE_NAME];
    see(a, &out, 0, 0);
    applications_hold(a, &out.key);
    see(a, &back, 0, 0);
    applications_hold(a, &back.key);
    assert_null(applications_find(a, &out.key, name));
    see(a, &back, 0, 7);
    see(a, &out, 0, 9); /* it is decided */
    assert_string_equal(applications_find(a, &out.key, name), "app 7");
    assert_int_equal(packets_seen, 3);
    assert_int_equal(alive, 0);
    const struct application *first = applications_end(a, &out.key);
    assert_int_equal(first->number, 7);
    assert_string_equal(first->name, "app 7");
    assert_memory_equal(first->id, "22:7", first->id_length);
    assert_ptr_equal(applications_end(a, &back.key), first);
    struct flow_add never = packet(2, false, 0);
    assert_int_equal(end(a, &never), UINT32_MAX);
    assert_int_equal(applications_stats(a)->forgotten, 1);
    assert_int_equal(applications_stats(a)->connections[ENGINE_SEEN], 1);
    applications_free(a);
}

/* What a flow has not brought, its next one may; what ended, a SYN begins anew. */
static void flows_of_a_connection(void **state) {
    (void)state;
    struct applications *a = applications_new(100);
    struct flow_add p = packet(1, false, ACK);
    see(a, &p, 0, 0);
    applications_hold(a, &p.key);
    assert_int_equal(end(a, &p), GUESS);
    see(a, &p, 0, 5);
    applications_hold(a, &p.key);
    assert_int_equal(end(a, &p), 5);
    see(a, &p, 0, 6); /* goes on: it is what it was */
    applications_hold(a, &p.key);
    assert_int_equal(end(a, &p), 5);
    p.tcpflags = SYN;
    see(a, &p, 0, 6);
    applications_hold(a, &p.key);
    see(a, &p, 0, 4); /* a SYN of one that is there is sent again */
    assert_int_equal(end(a, &p), 6);
    applications_free(a);
}

static void packets_are_bounded(void **state) {
    (void)state;
    struct applications *a = applications_new(100);
    struct flow_add tcp = packet(1, false, ACK), udp = packet(2, false, 0);
    udp.key.proto = 17;
    for (int i = 0; i < 1000; i++)
        see(a, &tcp, 0, 0);
    assert_int_equal(packets_seen, APPLICATIONS_TCP_PACKETS + 1);
    for (int i = 0; i < 1000; i++)
        see(a, &udp, 0, 0);
    assert_int_equal(packets_seen, APPLICATIONS_TCP_PACKETS + APPLICATIONS_UDP_PACKETS + 2);
    assert_int_equal(alive, 0);
    applications_free(a);
}

/* Of what is seen on several interfaces one is looked at. */
static void one_interface(void **state) {
    (void)state;
    struct applications *a = applications_new(100);
    struct flow_add p = packet(1, false, SYN);
    see(a, &p, 3, 0);
    see(a, &p, 4, 0);
    see(a, &p, 3, 0);
    assert_int_equal(packets_seen, 2);
    applications_free(a);
}

/* A flood of connections, held by the flows of a table that is full, or by none. */
static void floods_are_bounded(void **state) {
    (void)state;
    enum { FLOWS = 50000, MANY = 400000 };
    struct applications *a = applications_new(FLOWS);
    for (uint32_t n = 0; n < MANY; n++) {
        struct flow_add p = packet(n, false, SYN);
        see(a, &p, 0, 0);
        if (n >= FLOWS) {
            struct flow_add oldest = packet(n - FLOWS, false, 0);
            assert_int_equal(end(a, &oldest), GUESS);
        }
        applications_hold(a, &p.key);
        assert_true(alive <= APPLICATIONS_LOOKED_AT);
    }
    assert_int_equal(most_alive, APPLICATIONS_LOOKED_AT);
    assert_int_equal(applications_stats(a)->forgotten, 0);
    for (uint32_t n = MANY; n < 2 * MANY; n++) { /* seen, and not metered */
        struct flow_add p = packet(n, false, SYN);
        see(a, &p, 0, 0);
    }
    for (uint32_t n = MANY - FLOWS; n < MANY; n++) {
        struct flow_add p = packet(n, false, SYN);
        assert_int_equal(end(a, &p), GUESS);
    }
    assert_int_equal(applications_stats(a)->forgotten, 0);
    applications_free(a);
}

/* More applications than are kept apart. */
static void many_applications(void **state) {
    (void)state;
    struct applications *a = applications_new(100);
    for (uint32_t n = 0; n < 256; n++) {
        struct flow_add p = packet(n, false, SYN);
        see(a, &p, 0, (uint8_t)n);
        assert_int_equal(end(a, &p), n ? n : GUESS);
    }
    unsigned known = 0;
    for (unsigned i = 0; i < APPLICATIONS_KNOWN; i++)
        known += applications_at(a, i) != NULL;
    assert_int_equal(known, 256); /* unknown is there from the beginning */
    applications_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions),     cmocka_unit_test(flows_of_a_connection),
        cmocka_unit_test(packets_are_bounded), cmocka_unit_test(one_interface),
        cmocka_unit_test(floods_are_bounded),  cmocka_unit_test(many_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
