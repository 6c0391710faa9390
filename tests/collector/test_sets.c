/* SPDX-License-Identifier: MIT */
/*
** Templates and the data that refers to them: every order they may come in, withdrawal,
** redefinition, padding, options data, faults, bounds.
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
static void send_ipfix(void) {
    ipfix_end(&b);
    rig_send(&r, &b);
}
static unsigned faults(void) {
    unsigned n = 0;
    for (int i = 0; i < FVT_NBAD; i++)
        n += r.faults[i];
    return n;
}

static void template_before_data(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    template_set(&b, 2, 256, "1/1");
    send_ipfix();
    ipfix(&b, 0, 1);
    data(256, 10, 4);
    send_ipfix();
    assert_int_equal(r.rows, 4);
    assert_string_equal(rig_field(&r, 3, "bytes"), "13");
    /* Another domain and another exporter do not know it; another port of the exporter does. */
    ipfix(&b, 0, 2);
    data(256, 10, 4);
    send_ipfix();
    r.from.addr[3]++;
    ipfix(&b, 0, 1);
    data(256, 10, 4);
    send_ipfix();
    assert_int_equal(r.rows, 4);
    r.from.addr[3]--;
    r.port = 9999;
    ipfix(&b, 4, 1);
    data(256, 10, 4);
    send_ipfix();
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
    assert_int_equal(faults(), 0);
    end();
}

static void data_before_template_in_one_datagram(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 1, 5);
    data(256, 1, 4);
    template_set(&b, 2, 256, "1/1");
    data(256, 9, 4);
    send_ipfix();
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
        send_ipfix();
        assert_int_equal(r.rows, stream ? cases[i / 2].rows : 4);
        assert_int_equal(faults(), 0);
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
    size_t set = set_begin(&b, 256);
    put_hex(&b, hex);
    set_end(&b, set);
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
    assert_int_equal(faults(), 0);
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
            send_ipfix();
            rig_pass(&r, life - 1000);
            ipfix(&b, 0, 1);
            data(256, 1, 1);
            send_ipfix();
            assert_int_equal(r.rows, i + 1);
        }
        r.now += 10 * life; /* the clock was set: no time has passed */
        ipfix(&b, 0, 1);
        data(256, 1, 1);
        send_ipfix();
        assert_int_equal(r.rows, stream ? 3 : 2);
        assert_int_equal(r.c->expired, stream ? 0 : 1);
        /* What came meanwhile has waited. */
        ipfix(&b, 0, 1);
        template_set(&b, 2, 256, "1/1");
        send_ipfix();
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
        send_ipfix();
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
    send_ipfix();
    assert_int_equal(r.rows, 40);
    assert_string_equal(rig_field(&r, 39, "bytes"), "39");
    assert_int_equal(faults(), 0);
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
        send_ipfix();
        unsigned wanted = cases[i].fault >= 0;
        if (r.rows != cases[i].rows || faults() != wanted ||
            (wanted && r.faults[cases[i].fault] != 1))
            fail_msg("%s: %zu rows, %u faults", cases[i].sets, r.rows, faults());
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
        if (!e || e->datagrams != 1 || faults() != 1 || e->malformed[cases[i].fault] != 1)
            fail_msg("'%s': not counted as expected", cases[i].octets);
        end();
    }
}

/* What follows a broken datagram is decoded as ever. */
static void faults_harm_nothing_else(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    template_set(&b, 2, 256, "1/1");
    send_ipfix();
    ipfix(&b, 0, 1);
    put_hex(&b, "0002 000c 0100 0002 0001 0004"); /* its own template, cut off */
    send_ipfix();
    assert_int_equal(r.faults[FVT_BAD_TEMPLATE], 1);
    ipfix(&b, 0, 1);
    data(256, 1, 4);
    send_ipfix();
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
    assert_int_equal(faults(), 0);
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
    assert_int_equal(faults(), 0);
    assert_int_equal(rig_stat(&r, "ipfix", 1)->datagrams, 1);
    end();
}

/* An options template, its data, and a flow record; the sampling that the flow gets. */
static void sampling(void **state) {
    (void)state;
    static const struct {
        int version;
        const char *head; /* options template: scopes and fields as on the wire, after its id */
        const char *option, *fields, *record, *sampling;
    } cases[] = {
        /* v9, scope system: for all */
        {9, "0004 0008 0001 0004 0022 0004 0023 0001", "00000000 00000064 02", "1/1", "05", "100"},
        /* a rate of 0 is none */
        {9, "0004 0004 0001 0004 0022 0004", "00000000 00000000", "1/1", "05", "NULL"},
        /* by sampler id, v9 48 and 50 */
        {9, "0004 0008 0001 0004 0030 0001 0032 0004", "00000000 02 000007d0", "1/1 48/1", "05 02",
         "2000"},
        {9, "0004 0008 0001 0004 0030 0001 0032 0004", "00000000 02 000007d0", "1/1 48/1", "05 03",
         "NULL"},
        /* the only sampler holds for records that name none */
        {9, "0004 0008 0001 0004 0030 0001 0032 0004", "00000000 02 000007d0", "1/1", "05", "2000"},
        /* scope interface */
        {9, "0004 0004 0002 0004 0022 0004", "00000007 0000000a", "1/1 10/4", "05 00000007", "10"},
        /* it says nothing of another interface, or of a record that tells none */
        {9, "0004 0004 0002 0004 0022 0004", "00000007 0000000a", "1/1 10/4", "05 00000009",
         "NULL"},
        {9, "0004 0004 0002 0004 0022 0004", "00000007 0000000a", "1/1", "05", "NULL"},
        /* a flow that leaves was metered on the interface it leaves by */
        {9, "0004 0004 0002 0004 0022 0004", "00000007 0000000a", "10/4 14/4 61/1",
         "00000009 00000007 01", "10"},
        {9, "0004 0004 0002 0004 0022 0004", "00000007 0000000a", "10/4 14/4 61/1",
         "00000007 00000009 01", "NULL"},
        {9, "0004 0004 0002 0004 0022 0004", "00000000 0000000a", "1/1 10/4", "05 00000009", "10"},
        /* IPFIX: selector id as scope; population and size before packet interval */
        {10, "0004 0001 012e 0008 0135 0004 0136 0004 0131 0004",
         "0000000000000001 00000001 00001000 00001000", "1/1 302/8", "05 0000000000000001", "4096"},
        /* packet interval and space, RFC 5477 */
        {10, "0003 0001 0095 0004 0131 0004 0132 0004", "00000001 00000001 00000063", "1/1", "05",
         "100"},
        /* a rate that is no whole number becomes the nearest */
        {10, "0003 0001 0095 0004 0135 0004 0136 0004", "00000001 00000003 0000000b", "1/1", "05",
         "4"},
        {10, "0003 0001 0095 0004 0131 0004 0132 0004", "00000001 00000002 00000003", "1/1", "05",
         "3"},
        /* more than all is no rate */
        {10, "0003 0001 0095 0004 0135 0004 0136 0004", "00000001 0000000b 00000003", "1/1", "05",
         "NULL"},
        /* probability, float64 and float32; above 1 it is none */
        {10, "0002 0001 0095 0004 0137 0008", "00000001 3f847ae147ae147b", "1/1", "05", "100"},
        {10, "0002 0001 0095 0004 0137 0004", "00000001 3c23d70a", "1/1", "05", "100"},
        {10, "0002 0001 0095 0004 0137 0008", "00000001 4000000000000000", "1/1", "05", "NULL"},
        {10, "0002 0001 0095 0004 0137 0008", "00000001 7ff8000000000000", "1/1", "05", "NULL"},
        {10, "0002 0001 0095 0004 0022 0004", "00000001 00000063", "1/1 311/8",
         "05 3fd0000000000000", "4"},
        /* the record's own */
        {10, "0002 0001 0095 0004 0022 0004", "00000001 00000063", "1/1 34/4", "05 00000007", "7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(NULL);
        bool is_v9 = cases[i].version == 9;
        (is_v9 ? v9 : ipfix)(&b, 0, 1);
        size_t set = set_begin(&b, is_v9 ? 1 : 3);
        put(&b, 400, 2);
        put_hex(&b, cases[i].head);
        set_end(&b, set);
        template_set(&b, is_v9 ? 0 : 2, 300, cases[i].fields);
        set = set_begin(&b, 400);
        put_hex(&b, cases[i].option);
        set_end(&b, set);
        set = set_begin(&b, 300);
        put_hex(&b, cases[i].record);
        set_end(&b, set);
        if (!is_v9)
            ipfix_end(&b);
        rig_send(&r, &b);
        assert_int_equal(r.rows, 1);
        assert_int_equal(faults(), 0);
        if (strcmp(rig_field(&r, 0, "sampling"), cases[i].sampling) != 0)
            fail_msg("%s %s: got %s, expected %s", cases[i].head, cases[i].option,
                     rig_field(&r, 0, "sampling"), cases[i].sampling);
        assert_int_equal(rig_stat(&r, is_v9 ? "v9" : "ipfix", 1)->options, 1);
        end();
    }
}

/* Which rate an exporter has, where it came from, and how many flows had one rounded. */
static void sampling_origin(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 3);
    put_hex(&b, "0190 0003 0001 0095 0004 0135 0004 0136 0004");
    set_end(&b, set);
    template_set(&b, 2, 300, "1/1");
    template_set(&b, 2, 301, "1/1 34/4");
    set = set_begin(&b, 400);
    put_hex(&b, "00000001 00000003 0000000a");
    set_end(&b, set);
    set = set_begin(&b, 300);
    put_hex(&b, "05 05");
    set_end(&b, set);
    ipfix_end(&b);
    rig_send(&r, &b);
    const struct fvt_exporter *stat = rig_stat(&r, "ipfix", 1);
    assert_int_equal(stat->sampling, 3);
    assert_int_equal(stat->sampling_origin, FVT_SAMPLING_OPTIONS);
    assert_int_equal(stat->sampling_rounded, 2);
    ipfix(&b, 3, 1);
    set = set_begin(&b, 301);
    put_hex(&b, "05 00000064");
    set_end(&b, set);
    ipfix_end(&b);
    rig_send(&r, &b);
    assert_int_equal(stat->sampling, 100);
    assert_int_equal(stat->sampling_origin, FVT_SAMPLING_RECORD);
    assert_int_equal(stat->sampling_rounded, 2);
    end();
}

/* Application names of options data, RFC 6759: for the exporter that announced them, whichever domain. */
static void application_names(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 3);
    put_hex(&b, "0190 0003 0001 005f 0004 0060 0008 005e 0004"); /* appid -> name, description */
    set_end(&b, set);
    set = set_begin(&b, 400);
    put_hex(&b, "0d0001c5"); /* 13:453 */
    put_text(&b, "https", 8);
    put_text(&b, "TLS", 4);
    put_hex(&b, "03000050"); /* 3:80 */
    put_text(&b, "http", 8);
    put_text(&b, "web", 4);
    set_end(&b, set);
    ipfix_end(&b);
    rig_send(&r, &b);
    ipfix(&b, 2, 2);
    template_set(&b, 2, 300, "1/1 95/4");
    template_set(&b, 2, 301, "1/1 95/4 96/4");
    set = set_begin(&b, 300);
    put_hex(&b, "01 0d0001c5 02 03000050 03 0d000001");
    set_end(&b, set);
    set = set_begin(&b, 301);
    put_hex(&b, "04 0d0001c5 6f776e00 05 0d0001c5 00000000");
    set_end(&b, set);
    ipfix_end(&b);
    rig_send(&r, &b);
    static const char *const names[] = {"\"https\"", "\"http\"", "NULL", "\"own\"", "\"https\""};
    assert_int_equal(r.rows, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(rig_field(&r, i, "appname"), names[i]);
    assert_string_equal(rig_field(&r, 2, "appid"), "\"13:1\"");
    /* Another exporter has other names. */
    r.from.addr[3]++;
    ipfix(&b, 0, 1);
    template_set(&b, 2, 300, "1/1 95/4");
    set = set_begin(&b, 300);
    put_hex(&b, "01 0d0001c5");
    set_end(&b, set);
    ipfix_end(&b);
    rig_send(&r, &b);
    assert_string_equal(rig_field(&r, 5, "appname"), "NULL");
    end();
}

/* Other options data are kept as they are, the last of each template and scope. */
static void options_kept(void **state) {
    (void)state;
    struct collector_limits limits = collector_defaults;
    limits.told = 3;
    begin(&limits);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 3);
    put_hex(&b, "0190 0003 0001 0090 0004 002a 0008 00a6 0008"); /* process -> exported, not sent */
    set_end(&b, set);
    set = set_begin(&b, 3);
    put_hex(&b, "0191 0002 0001 00ea 0004 00ec ffff"); /* VRF -> name */
    set_end(&b, set);
    set = set_begin(&b, 3);
    put_hex(&b, "0192 0002 0001 000a 0004 0052 0004"); /* interface -> name */
    set_end(&b, set);
    set = set_begin(&b, 400);
    put_hex(&b, "00000001 000000000000000a 0000000000000000");
    put_hex(&b, "00000002 0000000000000014 0000000000000001");
    put_hex(&b, "00000001 000000000000000b 0000000000000002");
    set_end(&b, set);
    set = set_begin(&b, 401);
    put_hex(&b, "60000001 04 626c7565");
    set_end(&b, set);
    set = set_begin(&b, 402);
    put_hex(&b, "00000007 65746830");
    set_end(&b, set);
    send_ipfix();
    static const struct {
        const char *scope, *data;
    } kept[] = {
        {"{\"exportingProcessId\":1}",
         "{\"exportedFlowRecordTotalCount\":11,\"notSentFlowTotalCount\":2}"},
        {"{\"exportingProcessId\":2}",
         "{\"exportedFlowRecordTotalCount\":20,\"notSentFlowTotalCount\":1}"},
        {"{\"ingressVRFID\":1610612737}", "{\"VRFname\":\"blue\"}"},
    };
    const struct told_table *t = &r.c->told;
    assert_int_equal(t->index.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct fvt_option *o = &t->entry[i].option;
        assert_int_equal(o->nscope, strlen(kept[i].scope));
        assert_memory_equal(o->scope, kept[i].scope, o->nscope);
        assert_int_equal(o->ndata, strlen(kept[i].data));
        assert_memory_equal(o->data, kept[i].data, o->ndata);
        assert_int_equal(o->time, r.now);
        assert_int_equal(o->template, i < 2 ? 400 : 401);
        assert_string_equal(o->version, "ipfix");
    }
    /* The oldest makes room. */
    ipfix(&b, 5, 1);
    set = set_begin(&b, 401);
    put_hex(&b, "60000002 03 726564 60000003 05 677265656e");
    set_end(&b, set);
    send_ipfix();
    assert_int_equal(t->index.count, 3);
    assert_memory_equal(t->entry[0].option.data, "{\"VRFname\":\"red\"}", 17);
    assert_memory_equal(t->entry[1].option.data, "{\"VRFname\":\"green\"}", 19);
    end();
}

/* More names than there is room for: the oldest make room. A name may change. */
static void many_names(void **state) {
    (void)state;
    enum { MAX = 100 };
    struct name_table t = {0};
    const struct flow_ip ip = {.family = 4};
    char key[16], text[80];
    for (int i = 0; i < MAX + 10; i++) {
        int n = snprintf(key, sizeof key, "13:%d", i);
        names_learn(&t, MAX, &ip, key, (size_t)n, text,
                    (size_t)snprintf(text, sizeof text, "n%d", i));
    }
    names_learn(&t, MAX, &ip, "13:50", 5, "new", 3);
    assert_int_equal(t.index.count, MAX);
    for (int i = 0; i < MAX + 10; i++) {
        int n = snprintf(key, sizeof key, "13:%d", i);
        const struct name *found = names_find(&t, &ip, key, (size_t)n);
        snprintf(text, sizeof text, i == 50 ? "new" : "n%d", i);
        assert_int_equal(found != NULL, i >= 10);
        if (found)
            assert_memory_equal(found->text, text, found->ntext);
    }
    memset(text, 'x', 63);
    memcpy(text + 63, "\xc3\xa4", 2);
    names_learn(&t, MAX, &ip, "13:50", 5, text, 65);
    assert_int_equal(names_find(&t, &ip, "13:50", 5)->ntext, 63);
    names_free(&t);
}

static struct sampling_rate rate_of(const struct sampler_table *t, uint64_t id) {
    return sampler_rate(t, &id, NULL);
}

/* More samplers than there is room for: those not announced for longest make room. */
static void many_samplers(void **state) {
    (void)state;
    struct sampler_table t = {0};
    for (uint64_t id = 0; id < SAMPLER_MAX; id++)
        sampler_set(&t, SAMPLER_ID, id, (struct sampling_rate){.n = id + 1});
    sampler_set(&t, SAMPLER_ID, 0, (struct sampling_rate){.n = 7});
    for (uint64_t id = SAMPLER_MAX; id < SAMPLER_MAX + 10; id++)
        sampler_set(&t, SAMPLER_ID, id, (struct sampling_rate){.n = id + 1});
    assert_int_equal(t.count, SAMPLER_MAX);
    assert_int_equal(rate_of(&t, 0).n, 7);
    for (uint64_t id = 1; id < SAMPLER_MAX + 10; id++)
        assert_int_equal(rate_of(&t, id).n, id <= 10 ? 0 : id + 1);
    sampler_free(&t);
}

static void interface_names(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 3);
    put_hex(&b, "0190 0003 0001 000a 0004 0052 0008 0053 ffff");
    set_end(&b, set);
    set = set_begin(&b, 400);
    put(&b, 7, 4);
    put_text(&b, "Gi0/7", 8);
    put(&b, 6, 1);
    put_text(&b, "uplink", 6);
    put(&b, 8, 4);
    put_text(&b, "12345678", 8);
    put(&b, 0, 1);
    set_end(&b, set);
    send_ipfix();
    const struct interface_table *names = &r.c->exporters.newest->interfaces;
    assert_int_equal(names->index.count, 2);
    const struct fvt_interface *i = &names->entry[0].names;
    assert_int_equal(i->ifindex, 7);
    assert_string_equal(i->name, "Gi0/7");
    assert_string_equal(i->description, "uplink");
    assert_string_equal(names->entry[1].names.name, "12345678");
    assert_int_equal(r.rows, 0);
    end();
}

/* The exporter's start, announced in options data, makes uptimes times (RFC 5610 style exporters
** such as softflowd). */
static void uptime_from_options(void **state) {
    (void)state;
    begin(NULL);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 3);
    put_hex(&b, "0190 0002 0001 0095 0004 00a0 0008");
    set_end(&b, set);
    template_set(&b, 2, 300, "22/4 21/4");
    set = set_begin(&b, 400);
    put_hex(&b, "00000001 0000018bcfe56800");
    set_end(&b, set);
    set = set_begin(&b, 300);
    put_hex(&b, "000003e8 000007d0");
    set_end(&b, set);
    send_ipfix();
    assert_string_equal(rig_text(&r, 0),
                        "tstart=2023-11-14T22:13:21.000 tend=2023-11-14T22:13:22.000");
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
    send_ipfix();
    r.from.addr[3] = 2;
    for (unsigned i = 0; i < 2000; i++) {
        ipfix(&b, i, 1);
        template_set(&b, 2, (uint16_t)(256 + i), "1/1 2/1 8/4 12/4 371/v");
        data((uint16_t)(10000 + i), 0, 100);
        send_ipfix();
        assert_true(r.c->exporters.announced_octets <= limits.announced);
        assert_true(r.c->pending.octets <= limits.pending);
    }
    const struct fvt_exporter *e = rig_stat(&r, "ipfix", 1);
    assert_true(e->no_template > 1900 && e->no_template < 2000);
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, 2255); /* the newest template is there */
    put_hex(&b, "01 02 0a000001 0a000002 00");
    set_end(&b, set);
    send_ipfix();
    assert_int_equal(r.rows, 1);
    r.from.addr[3] = 1;
    ipfix(&b, 0, 1);
    data(256, 0, 1);
    send_ipfix();
    assert_int_equal(r.rows, 2);
    /* Exporters beyond the bound: those that sent nothing good go. */
    for (unsigned i = 0; i < 100; i++) {
        r.from.addr[3] = (uint8_t)(10 + i);
        ipfix(&b, 0, 1);
        send_ipfix();
        assert_true(r.c->exporters.count <= limits.exporters);
    }
    r.from.addr[3] = 10;
    assert_null(rig_stat(&r, "ipfix", 1));
    r.from.addr[3] = 1;
    ipfix(&b, 0, 1);
    data(256, 0, 1);
    send_ipfix();
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
    send_ipfix();
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
        send_ipfix();
    }
    for (uint32_t stream = 1; stream <= 2; stream++) {
        r.stream = EXPORTER_FIRST_STREAM + stream;
        ipfix(&b, 1000 * stream, 1);
        size_t set = set_begin(&b, 256);
        put_hex(&b, "01 02");
        set_end(&b, set);
        send_ipfix();
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
    send_ipfix();
    assert_int_equal(r.rows, 3);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(template_before_data),
        cmocka_unit_test(data_before_template),
        cmocka_unit_test(data_before_template_in_one_datagram),
        cmocka_unit_test(withdrawal),
        cmocka_unit_test(redefinition),
        cmocka_unit_test(redefinition_under_way),
        cmocka_unit_test(restart_with_other_templates),
        cmocka_unit_test(lifetime),
        cmocka_unit_test(clock_step),
        cmocka_unit_test(several_templates_in_a_set),
        cmocka_unit_test(padding_and_faults),
        cmocka_unit_test(malformed_datagrams),
        cmocka_unit_test(faults_harm_nothing_else),
        cmocka_unit_test(v9_count_and_zeros),
        cmocka_unit_test(several_messages_in_a_datagram),
        cmocka_unit_test(sampling),
        cmocka_unit_test(sampling_origin),
        cmocka_unit_test(application_names),
        cmocka_unit_test(many_names),
        cmocka_unit_test(options_kept),
        cmocka_unit_test(many_samplers),
        cmocka_unit_test(interface_names),
        cmocka_unit_test(uptime_from_options),
        cmocka_unit_test(bounds),
        cmocka_unit_test(refused_rows),
        cmocka_unit_test(streams),
    };
    return cmocka_run_group_tests_name("collector: sets", tests, NULL, NULL);
}
