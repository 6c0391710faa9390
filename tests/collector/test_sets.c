/* SPDX-License-Identifier: MIT */
/*
** Templates and the data that refers to them: every order they may come in, withdrawal,
** redefinition, padding, faults, bounds.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"

static struct bytes b;
static struct rig r;

static void begin(const struct collector_limits *limits) {
    b.n = 0;
    rig_open(&r, limits);
}
static void end(void) {
    rig_close(&r);
}

/* A data set whose record is one octet (element 1), n records counting up from first. */
static void data(uint16_t id, unsigned first, unsigned n) {
    size_t set = set_begin(&b, id);
    for (unsigned i = 0; i < n; i++)
        put(&b, first + i, 1);
    set_end(&b, set);
}

static void template_before_data(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    template_set(&b, 2, 256, "1/1");
    rig_send_ipfix(&r, &b);
    ipfix(&b, 0, 1);
    data(256, 10, 4);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 4);
    assert_string_equal(rig_field(&r, 3, "bytes"), "13");
    /* Another domain and another exporter do not know it; another port of the exporter does. */
    ipfix(&b, 0, 2);
    data(256, 10, 4);
    rig_send_ipfix(&r, &b);
    r.from.addr[3]++;
    ipfix(&b, 0, 1);
    data(256, 10, 4);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 4);
    r.from.addr[3]--;
    r.port = 9999;
    ipfix(&b, 4, 1);
    data(256, 10, 4);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 8);
    end();
}

static void data_before_template(void **state) {
    (void)state;
    begin(NULL);
    v9(&b, 1, 5);
    data(256, 1, 4);
    data(257, 50, 4);
    rig_send(&r, &b);
    r.now += 5000;
    v9(&b, 2, 5);
    template_set(&b, 0, 256, "1/1");
    data(256, 7, 4);
    rig_send(&r, &b);
    assert_int_equal(r.rows, 8);
    assert_string_equal(rig_field(&r, 4, "bytes"), "1");
    assert_string_equal(rig_field(&r, 4, "trecv"), "2023-11-14T22:13:21.000");
    assert_string_equal(rig_field(&r, 4, "exportseq"), "1");
    assert_string_equal(rig_field(&r, 0, "bytes"), "7");
    assert_string_equal(rig_field(&r, 0, "trecv"), "2023-11-14T22:13:26.000");
    assert_string_equal(rig_field(&r, 0, "exportseq"), "2");
    assert_int_equal(rig_stat(&r, "v9", 5)->no_template, 0);
    /* The other set is given up in the end, and counted. */
    rig_pass(&r, collector_defaults.pending_ms - 6000);
    assert_int_equal(rig_stat(&r, "v9", 5)->no_template, 0);
    rig_pass(&r, 6001);
    assert_int_equal(rig_stat(&r, "v9", 5)->no_template, 1);
    assert_int_equal(r.c->pending.octets, 0);
    assert_int_equal(rig_faults(&r), 0);
    end();
}

static void data_before_template_in_one_datagram(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 1, 5);
    data(256, 1, 4);
    template_set(&b, 2, 256, "1/1");
    data(256, 9, 4);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 8);
    assert_string_equal(rig_field(&r, 4, "bytes"), "1");
    end();
}

/* RFC 7011 8.1 over TCP; 8.4: over UDP there are none. */
static void withdrawal(void **state) {
    (void)state;
    static const struct {
        uint16_t set, id;
        size_t rows;
    } cases[] = {
        {2, 256, 0}, /* that template */
        {2, 257, 4}, /* another one */
        {3, 256, 4}, /* an options template, which it is not */
        {2, 2, 0},   /* all templates */
        {3, 3, 4},   /* all options templates */
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        bool stream = i % 2;
        begin(NULL);
        r.stream = stream ? EXPORTER_FIRST_STREAM : 0;
        ipfix(&b, 0, 1);
        template_set(&b, 2, 256, "1/1");
        template_set(&b, cases[i / 2].set, cases[i / 2].id, "");
        data(256, 1, 4);
        rig_send_ipfix(&r, &b);
        assert_int_equal(r.rows, stream ? cases[i / 2].rows : 4);
        assert_int_equal(rig_faults(&r), 0);
        end();
    }
}

/* What was sent with a withdrawn template, or before any, is no data of a later one of that id: over TCP all is in
** order. Over UDP it may have been overtaken. */
static void data_before_template_in_order(void **state) {
    (void)state;
    for (int withdrawn = 0; withdrawn < 2; withdrawn++)
        for (uint32_t stream = 0; stream <= EXPORTER_FIRST_STREAM;
             stream += EXPORTER_FIRST_STREAM) {
            begin(NULL);
            r.stream = stream;
            ipfix(&b, 0, 1);
            if (withdrawn && stream) {
                template_set(&b, 2, 256, "1/1");
                template_set(&b, 2, 256, "");
            }
            data(256, 1, 4);
            rig_send_ipfix(&r, &b);
            assert_int_equal(r.rows, 0);
            ipfix(&b, 0, 1);
            template_set(&b, 2, 256, "1/2");
            data(256, 5, 2);
            rig_send_ipfix(&r, &b);
            assert_int_equal(r.rows, stream ? 1 : 3);
            assert_int_equal(rig_stat(&r, "ipfix", 1)->no_template, stream ? 1 : 0);
            end();
        }
}

static void redefinition(void **state) {
    (void)state;
    begin(NULL);
    v9(&b, 1, 1);
    template_set(&b, 0, 256, "1/1");
    data(256, 1, 4);
    template_set(&b, 0, 256, "2/2");
    data(256, 1, 4);
    template_set(&b, 0, 256, "2/2");
    data(256, 1, 4);
    rig_send(&r, &b);
    assert_int_equal(r.rows, 8);
    assert_string_equal(rig_field(&r, 3, "bytes"), "4");
    assert_string_equal(rig_field(&r, 4, "packets"), "258");
    assert_string_equal(rig_field(&r, 4, "bytes"), "NULL");
    end();
}

static void v9_data(uint32_t sequence, const char *hex) {
    v9(&b, sequence, 1);
    put_set(&b, 256, hex);
    rig_send(&r, &b);
}

/* Datagrams that were sent before a redefinition and come after it are of the template before. */
static void redefinition_under_way(void **state) {
    (void)state;
    begin(NULL);
    v9(&b, 1, 1);
    template_set(&b, 0, 256, "1/2 2/1");
    rig_send(&r, &b);
    v9_data(2, "0001 02");
    v9(&b, 5, 1);
    template_set(&b, 0, 256, "2/4");
    rig_send(&r, &b);
    v9_data(4, "0003 04");
    v9_data(6, "00000005");
    v9_data(3, "0006 07");
    assert_int_equal(r.rows, 4);
    assert_string_equal(rig_field(&r, 1, "bytes"), "3");
    assert_string_equal(rig_field(&r, 1, "packets"), "4");
    assert_string_equal(rig_field(&r, 2, "packets"), "5");
    assert_string_equal(rig_field(&r, 3, "packets"), "7");
    /* Nothing is under way for so long: an exporter that counts anew. */
    rig_pass(&r, 30000);
    v9_data(3, "00000008");
    assert_string_equal(rig_field(&r, 4, "packets"), "8");
    assert_int_equal(rig_faults(&r), 0);
    end();
}

/* An exporter that starts again, with other meanings of the same ids, and data on the way before them. */
static void restart_with_other_templates(void **state) {
    (void)state;
    begin(NULL);
    v9(&b, 100000, 1);
    template_set(&b, 0, 256, "1/2 2/2");
    template_set(&b, 0, 257, "2/2 1/2");
    rig_send(&r, &b);
    v9_data(100001, "0001 0002");
    v9(&b, 1, 1);
    template_set(&b, 0, 257, "1/2 2/2");
    template_set(&b, 0, 256, "2/2 1/2");
    rig_send(&r, &b);
    v9_data(2, "0003 0004");
    v9_data(3, "0005 0006");
    assert_int_equal(r.rows, 3);
    assert_string_equal(rig_field(&r, 0, "bytes"), "1");
    assert_string_equal(rig_field(&r, 1, "bytes"), "4");
    assert_string_equal(rig_field(&r, 2, "bytes"), "6");
    end();
}

/* RFC 7011 8.4: a template that is not announced again is not used for ever; over TCP it is. */
static void lifetime(void **state) {
    (void)state;
    const int64_t life = collector_defaults.template_ms;
    for (uint32_t stream = 0; stream <= EXPORTER_FIRST_STREAM; stream += EXPORTER_FIRST_STREAM) {
        begin(NULL);
        r.stream = stream;
        for (int i = 0; i < 2; i++) {
            ipfix(&b, 0, 1);
            template_set(&b, 2, 256, "1/1");
            rig_send_ipfix(&r, &b);
            rig_pass(&r, life - 1000);
            ipfix(&b, 0, 1);
            data(256, 1, 1);
            rig_send_ipfix(&r, &b);
            assert_int_equal(r.rows, i + 1);
        }
        r.now += 10 * life; /* the clock was set: no time has passed */
        ipfix(&b, 0, 1);
        data(256, 1, 1);
        rig_send_ipfix(&r, &b);
        assert_int_equal(r.rows, stream ? 3 : 2);
        assert_int_equal(r.c->expired, stream ? 0 : 1);
        /* What came meanwhile has waited. */
        ipfix(&b, 0, 1);
        template_set(&b, 2, 256, "1/1");
        rig_send_ipfix(&r, &b);
        assert_int_equal(r.rows, 3);
        end();
    }
}

/* The clock is set forward by a day: templates stay. */
static void clock_step(void **state) {
    (void)state;
    begin(NULL);
    for (int i = 0; i < 4; i++) {
        ipfix(&b, 0, 1);
        if (i == 0)
            template_set(&b, 2, 256, "1/1");
        data(256, 1, 1);
        rig_send_ipfix(&r, &b);
        r.now += INT64_C(86400000) * (i % 2 ? -1 : 1);
        collector_tick(r.c, r.now);
    }
    assert_int_equal(r.rows, 4);
    end();
}

static void several_templates_in_a_set(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 2);
    for (unsigned id = 300; id < 340; id++) {
        put(&b, id, 2);
        put(&b, 1, 2);
        put_fields(&b, "1/1");
    }
    put(&b, 0, 2); /* padding */
    set_end(&b, set);
    for (unsigned id = 300; id < 340; id++)
        data((uint16_t)id, id - 300, 1);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 40);
    assert_string_equal(rig_field(&r, 39, "bytes"), "39");
    assert_int_equal(rig_faults(&r), 0);
    end();
}

/* Sets as hexadecimal after the header of a message that also holds two templates: 256 "1/4" and
 *257
 ** "371/v". */
static void padding_and_faults(void **state) {
    (void)state;
    static const struct {
        const char *sets;
        size_t rows;
        int fault; /* -1: none */
    } cases[] = {
        {"0100 0008 00000001", 1, -1},
        {"0100 000b 00000001 000000", 1, -1}, /* padding */
        {"0100 000b 00000001 ffffff", 1, -1}, /* that is not zero */
        {"0100 0004", 0, -1},                 /* empty set */
        {"0100 0008 00000001 0100 000c 00000002 00000003", 3, -1},
        {"0101 0008 00 00 00 00", 4, -1}, /* four empty texts, or padding: no loss */
        {"0101 000a 02 6161 01 62 00", 3, -1},
        {"0101 0009 02 6161 05 62", 1, FVT_BAD_RECORD}, /* second text runs over the end */
        {"0101 0007 ff 00 08", 0, FVT_BAD_RECORD},
        {"0100 0003 00", 0, FVT_BAD_SET},             /* length under 4 */
        {"0100 0010 00000001", 1, FVT_BAD_SET},       /* length over the end: what is there */
        {"00ff 0008 00000000", 0, FVT_BAD_SET},       /* reserved id */
        {"0002 0008 00ff 0001", 0, FVT_BAD_TEMPLATE}, /* template id under 256 */
        {"0002 000c 0105 0002 0001 0004", 0, FVT_BAD_TEMPLATE},      /* fields missing */
        {"0002 000c 0105 0001 0001 0000", 0, FVT_BAD_TEMPLATE},      /* records without octets */
        {"0002 000c 0105 0001 8001 0004", 0, FVT_BAD_TEMPLATE},      /* enterprise number missing */
        {"0003 000e 0105 0001 0002 0001 0004", 0, FVT_BAD_TEMPLATE}, /* more scopes than fields */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(NULL);
        ipfix(&b, 0, 1);
        template_set(&b, 2, 256, "1/4");
        template_set(&b, 2, 257, "371/v");
        put_hex(&b, cases[i].sets);
        rig_send_ipfix(&r, &b);
        unsigned wanted = cases[i].fault >= 0;
        if (r.rows != cases[i].rows || rig_faults(&r) != wanted ||
            (wanted && r.faults[cases[i].fault] != 1))
            fail_msg("%s: %zu rows, %u faults", cases[i].sets, r.rows, rig_faults(&r));
        if (wanted)
            assert_int_equal(rig_stat(&r, "ipfix", 1)->malformed[cases[i].fault], 1);
        end();
    }
}

/* Whole datagrams. */
static void malformed_datagrams(void **state) {
    (void)state;
    static const struct {
        const char *octets, *version;
        int fault;
    } cases[] = {
        {"", "unknown", FVT_BAD_SHORT},
        {"09", "unknown", FVT_BAD_SHORT},
        {"0004 0000", "unknown", FVT_BAD_VERSION},
        {"000b 0000", "unknown", FVT_BAD_VERSION},
        {"0000 0004 0001", "unknown", FVT_BAD_VERSION},
        {"0000 0005 0001", "sflow", FVT_BAD_SHORT},
        {"0005 0001", "v5", FVT_BAD_SHORT},
        {"0009 0001", "v9", FVT_BAD_SHORT},
        {"000a 0010", "ipfix", FVT_BAD_SHORT},
        {"000a 0020 65000000 00000000 00000000", "ipfix", FVT_BAD_SHORT},
        {"000a 0008 65000000 00000000 00000000", "ipfix", FVT_BAD_SHORT},
        {"000a 0010 65000000 00000000 00000000 ff", "ipfix", FVT_BAD_SHORT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(NULL);
        put_hex(&b, cases[i].octets);
        rig_send(&r, &b);
        const struct fvt_exporter *e = rig_stat(&r, cases[i].version, 0);
        if (!e || e->datagrams != 1 || rig_faults(&r) != 1 || e->malformed[cases[i].fault] != 1)
            fail_msg("'%s': not counted as expected", cases[i].octets);
        end();
    }
}

/* Elements without octets are in some templates; not in such numbers that records of an octet cost a second. */
static void empty_elements(void **state) {
    (void)state;
    static const unsigned empty[] = {0, 1, 256, 257, 16000};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        const bool kept = empty[i] <= 256;
        begin(NULL);
        ipfix(&b, 0, 1);
        size_t set = set_begin(&b, 2);
        put(&b, 256, 2);
        put(&b, empty[i] + 1, 2);
        for (unsigned k = 0; k < empty[i]; k++)
            put_hex(&b, "0001 0000");
        put_hex(&b, "0004 0001");
        set_end(&b, set);
        put_set(&b, 256, "06 11");
        rig_send_ipfix(&r, &b);
        assert_int_equal(r.rows, kept ? 2 : 0);
        assert_int_equal(r.faults[FVT_BAD_TEMPLATE], !kept);
        end();
    }
}

/* What follows a broken datagram is decoded as ever. */
static void faults_harm_nothing_else(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    template_set(&b, 2, 256, "1/1");
    rig_send_ipfix(&r, &b);
    ipfix(&b, 0, 1);
    put_hex(&b, "0002 000c 0100 0002 0001 0004"); /* its own template, cut off */
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.faults[FVT_BAD_TEMPLATE], 1);
    ipfix(&b, 0, 1);
    data(256, 1, 4);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 4);
    end();
}

static void v9_count_and_zeros(void **state) {
    (void)state;
    begin(NULL);
    v9(&b, 1, 1);
    patch16(&b, 2, 1); /* says one, holds more */
    template_set(&b, 0, 256, "1/1");
    data(256, 1, 4);
    data(256, 5, 4);
    put(&b, 0, 8); /* filled up with zeros */
    rig_send(&r, &b);
    assert_int_equal(r.rows, 8);
    assert_int_equal(rig_faults(&r), 0);
    end();
}

static void several_messages_in_a_datagram(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    template_set(&b, 2, 256, "1/1");
    ipfix_end(&b);
    for (unsigned domain = 1; domain <= 2; domain++) {
        size_t message = b.n;
        ipfix(&b, 0, domain);
        data(256, 1, 4);
        patch16(&b, message + 2, (uint16_t)(b.n - message));
    }
    rig_send(&r, &b);
    assert_int_equal(r.rows, 4); /* the template is domain 1's */
    assert_int_equal(rig_faults(&r), 0);
    assert_int_equal(rig_stat(&r, "ipfix", 1)->datagrams, 1);
    end();
}

/* Floods stay within the bounds, and one exporter's does not cost another its templates. */
static void bounds(void **state) {
    (void)state;
    static const struct collector_limits limits = {
        .exporters = 8,
        .interfaces = 4,
        .announced = 64 << 10,
        .exporter_template = 16 << 10,
        .pending = 8 << 10,
        .exporter_pending = 4 << 10,
        .pending_ms = 1000,
    };
    begin(&limits);
    ipfix(&b, 0, 1);
    template_set(&b, 2, 256, "1/1");
    rig_send_ipfix(&r, &b);
    r.from.addr[3] = 2;
    for (unsigned i = 0; i < 2000; i++) {
        ipfix(&b, i, 1);
        template_set(&b, 2, (uint16_t)(256 + i), "1/1 2/1 8/4 12/4 371/v");
        data((uint16_t)(10000 + i), 0, 100);
        rig_send_ipfix(&r, &b);
        assert_true(r.c->exporters.announced_octets <= limits.announced);
        assert_true(r.c->pending.octets <= limits.pending);
    }
    const struct fvt_exporter *e = rig_stat(&r, "ipfix", 1);
    assert_true(e->no_template > 1900 && e->no_template < 2000);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 2255); /* the newest template is there */
    put_hex(&b, "01 02 0a000001 0a000002 00");
    set_end(&b, set);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 1);
    r.from.addr[3] = 1;
    ipfix(&b, 0, 1);
    data(256, 0, 1);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 2);
    /* Exporters beyond the bound: those that sent nothing good go. */
    for (unsigned i = 0; i < 100; i++) {
        r.from.addr[3] = (uint8_t)(10 + i);
        ipfix(&b, 0, 1);
        rig_send_ipfix(&r, &b);
        assert_true(r.c->exporters.count <= limits.exporters);
    }
    r.from.addr[3] = 10;
    assert_null(rig_stat(&r, "ipfix", 1));
    r.from.addr[3] = 1;
    ipfix(&b, 0, 1);
    data(256, 0, 1);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 3);
    end();
}

/* Rows that the sink does not keep are no flows of the exporter. */
static void refused_rows(void **state) {
    (void)state;
    begin(NULL);
    r.refuse = true;
    ipfix(&b, 0, 1);
    template_set(&b, 2, 256, "1/1");
    data(256, 1, 4);
    rig_send_ipfix(&r, &b);
    assert_int_equal(rig_stat(&r, "ipfix", 1)->flows, 0);
    assert_int_equal(rig_stat(&r, "ipfix", 1)->bytes, 0);
    end();
}

/* Two connections of one address and domain: the same id means another template in each. */
static void streams(void **state) {
    (void)state;
    static const char *const fields[] = {"1/1 2/1", "2/1 1/1"};
    begin(NULL);
    for (uint32_t stream = 1; stream <= 2; stream++) {
        r.stream = EXPORTER_FIRST_STREAM + stream;
        ipfix(&b, 1000 * stream, 1);
        template_set(&b, 2, 256, fields[stream - 1]);
        rig_send_ipfix(&r, &b);
    }
    for (uint32_t stream = 1; stream <= 2; stream++) {
        r.stream = EXPORTER_FIRST_STREAM + stream;
        ipfix(&b, 1000 * stream, 1);
        put_set(&b, 256, "01 02");
        rig_send_ipfix(&r, &b);
        assert_string_equal(rig_field(&r, stream - 1, "bytes"), stream == 1 ? "1" : "2");
        assert_int_equal(rig_stat(&r, "ipfix", 1)->lost, 0);
        assert_int_equal(rig_stat(&r, "ipfix", 1)->datagrams, 2);
    }
    /* What came over one ends with it. */
    collector_end_stream(r.c, r.stream);
    assert_null(rig_stat(&r, "ipfix", 1));
    r.stream--;
    ipfix(&b, 1001, 1);
    data(256, 0, 2);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 3);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(template_before_data),
        cmocka_unit_test(data_before_template),
        cmocka_unit_test(data_before_template_in_one_datagram),
        cmocka_unit_test(withdrawal),
        cmocka_unit_test(data_before_template_in_order),
        cmocka_unit_test(redefinition),
        cmocka_unit_test(redefinition_under_way),
        cmocka_unit_test(restart_with_other_templates),
        cmocka_unit_test(lifetime),
        cmocka_unit_test(clock_step),
        cmocka_unit_test(several_templates_in_a_set),
        cmocka_unit_test(padding_and_faults),
        cmocka_unit_test(malformed_datagrams),
        cmocka_unit_test(empty_elements),
        cmocka_unit_test(faults_harm_nothing_else),
        cmocka_unit_test(v9_count_and_zeros),
        cmocka_unit_test(several_messages_in_a_datagram),
        cmocka_unit_test(bounds),
        cmocka_unit_test(refused_rows),
        cmocka_unit_test(streams),
    };
    return cmocka_run_group_tests_name("collector: sets", tests, NULL, NULL);
}
