/* SPDX-License-Identifier: MIT */
/*
** Structured data (RFC 6313): what becomes of lists in a record, good and hostile ones.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"

static struct bytes b;
static struct rig r;

/* Templates of records in lists: 301 and up. */
static const char *const inner[] = {
    "8/4 4/1",                 /* 301 */
    "483/4",                   /* 302 */
    "292/v",                   /* 303: records of which the list may be of the same template */
    "460/v 460/v",             /* 304 */
    "56/6 80/6",               /* 305: what YAF sends beside a flow */
    "6871:14/1 6871:15/1 8/4", /* 306 */
    "210/2 4/1",               /* 307 */
};

static const struct {
    const char *fields, *record, *extra;
    unsigned faults;
} cases[] = {
    /* values: by the key of their element, or of the list's own */
    {"291/v", "0d 03 01e3 0004 00010002 00030004", "{\"bgpCommunity\":[65538,196612]}", 0},
    {"291/13", "03 01e3 0004 00010002 00030004", "{\"bgpCommunity\":[65538,196612]}", 0},
    {"484/v", "09 04 01e3 0004 00010002", "{\"bgpSourceCommunityList\":[65538]}", 0},
    {"6871:345/v", "12 ff 806e ffff 00001ad7 02 6162 00 04 63223164",
     "{\"6871.345\":[\"ab\",null,\"c\\u00221d\"]}", 0},
    {"291/v", "0d 01 0008 0004 0a000001 0a000002",
     "{\"sourceIPv4Address\":{\"exactlyOneOf\":[\"10.0.0.1\",\"10.0.0.2\"]}}", 0},
    {"291/v", "09 00 0008 0004 0a000001", "{\"sourceIPv4Address\":{\"noneOf\":[\"10.0.0.1\"]}}", 0},
    {"291/v 291/v 291/v", "06 03 0004 0001 06 06 03 0004 0001 11 06 03 0004 0001 01",
     "{\"protocolIdentifier\":[6],\"protocolIdentifier#2\":[17],\"protocolIdentifier#3\":[1]}", 0},
    /* empty ones are left out */
    {"291/v", "05 03 01e3 0004", NULL, 0},
    {"292/v", "03 03 012d", NULL, 0},
    {"293/v", "01 03", NULL, 0},
    /* records */
    {"292/v", "0d 03 012d 0a000001 06 0a000002 11",
     "{\"subTemplateList\":[{\"sourceIPv4Address\":\"10.0.0.1\",\"protocolIdentifier\":6},"
     "{\"sourceIPv4Address\":\"10.0.0.2\",\"protocolIdentifier\":17}]}",
     0},
    {"443/v", "0d 02 012d 0a000001 06 0a000002 11",
     "{\"mibObjectValueTable\":{\"oneOrMoreOf\":[{\"sourceIPv4Address\":\"10.0.0.1\","
     "\"protocolIdentifier\":6},{\"sourceIPv4Address\":\"10.0.0.2\",\"protocolIdentifier\":17}]}}",
     0},
    {"293/v", "16 ff 012e 0008 00000007 012d 0009 0a000001 06 012e 0004",
     "{\"subTemplateMultiList\":[{\"bgpCommunity\":7},"
     "{\"sourceIPv4Address\":\"10.0.0.1\",\"protocolIdentifier\":6}]}",
     0},
    {"292/v", "0b 03 0130 02 6162 01 63 00 01 64",
     "{\"subTemplateList\":[{\"httpRequestHost\":\"ab\",\"httpRequestHost#2\":\"c\"},"
     "{\"httpRequestHost\":\"d\"}]}",
     0},
    {"292/v", "06 03 0133 0000 06", "{\"subTemplateList\":[{\"protocolIdentifier\":6}]}", 0},
    /* of a template that is not known */
    {"292/v", "06 03 0150 010203",
     "{\"subTemplateList\":[{\"template\":336,\"octets\":\"0x010203\"}]}", 0},
    {"293/v", "0e 03 0150 0005 ff 012e 0008 00000007",
     "{\"subTemplateMultiList\":[{\"template\":336,\"octets\":\"0xff\"},{\"bgpCommunity\":7}]}", 0},
    /* lists in lists, down to a bound */
    {"292/v", "0f 03 012f 0b 03 012f 07 03 012e 00000007",
     "{\"subTemplateList\":[{\"subTemplateList\":[{\"subTemplateList\":[{\"bgpCommunity\":7}]}]}]}",
     0},
    {"292/v",
     "27 03012f 23 03012f 1f 03012f 1b 03012f 17 03012f 13 03012f 0f 03012f 0b 03012f 07 03012e "
     "00000007",
     "{\"subTemplateList\":[{\"subTemplateList\":[{\"subTemplateList\":[{\"subTemplateList\":["
     "{\"subTemplateList\":[{\"subTemplateList\":[{\"subTemplateList\":[{\"subTemplateList\":["
     "{\"subTemplateList\":\"0x03012e00000007\"}]}]}]}]}]}]}]}]}",
     0},
    /* hostile: lengths over the end, none, templates that are none */
    {"291/v", "01 03", NULL, 0},
    {"291/v", "04 03 01e3 00", "{\"basicList\":\"0x0301e300\"}", 1},
    {"291/v", "06 03 01e3 0000 00", "{\"basicList\":\"0x0301e3000000\"}", 1},
    {"291/v", "08 03 01e3 0004 000102", "{\"bgpCommunity\":\"0x0301e30004000102\"}", 1},
    {"291/v", "07 03 01cc ffff ff ff", "{\"httpRequestHost\":\"0x0301ccffffffff\"}", 1},
    {"292/v", "02 03 01", "{\"subTemplateList\":\"0x0301\"}", 1},
    {"292/v", "04 03 0002 00", "{\"subTemplateList\":\"0x03000200\"}", 1},
    {"292/v", "05 03 012d 0a00", "{\"subTemplateList\":\"0x03012d0a00\"}", 1},
    {"292/v", "06 03 0130 05 61 62", "{\"subTemplateList\":\"0x030130056162\"}", 1},
    {"293/v", "05 03 012d 0003", "{\"subTemplateMultiList\":\"0x03012d0003\"}", 1},
    {"293/v", "06 03 012d 0009 0a", "{\"subTemplateMultiList\":\"0x03012d00090a\"}", 1},
    /* a bad list in a good one */
    {"292/v", "06 03 012f 02 0301", "{\"subTemplateList\":[{\"subTemplateList\":\"0x0301\"}]}", 1},
};

static void begin(const char *fields) {
    rig_open(&r, NULL);
    b.n = 0;
    ipfix(&b, 0, 7);
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
        template_set(&b, 2, (uint16_t)(301 + i), inner[i]);
    template_set(&b, 2, 300, fields);
}

static void send_record(const char *record) {
    size_t set = set_begin(&b, 300);
    put_hex(&b, record);
    set_end(&b, set);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 1);
}

static void in_extra(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i].fields);
        send_record(cases[i].record);
        const char *want = cases[i].extra ? cases[i].extra : "NULL";
        bool has = flow_row_has(&r.row[0], FLOW_extra);
        const char *extra = has ? r.row[0].value[FLOW_extra].text.p : "NULL";
        if (strcmp(extra, want) != 0)
            fail_msg("%s %s:\n  got      %s\n  expected %s", cases[i].fields, cases[i].record,
                     extra, want);
        if (rig_faults(&r) != cases[i].faults || r.faults[FVT_BAD_RECORD] != cases[i].faults)
            fail_msg("%s %s: %u faults", cases[i].fields, cases[i].record, rig_faults(&r));
        rig_close(&r);
    }
}

/* What does not fit is counted where it is missing, and the text remains JSON. */
static void too_long(void **state) {
    (void)state;
    begin("292/v 483/4");
    size_t set = set_begin(&b, 300);
    put(&b, 255, 1);
    put(&b, 3 + 4000, 2);
    put_hex(&b, "03 012e");
    for (int i = 0; i < 1000; i++)
        put(&b, 1000000000, 4);
    put_hex(&b, "00000005");
    set_end(&b, set);
    rig_send_ipfix(&r, &b);
    assert_int_equal(r.rows, 1);
    const char *extra = r.row[0].value[FLOW_extra].text.p;
    const size_t n = strlen(extra), each = strlen("{\"bgpCommunity\":1000000000},");
    assert_true(n > EXTRA_MAX - 128 && n < EXTRA_MAX);
    const char *omitted = strstr(extra, "{\"omitted\":");
    assert_non_null(omitted);
    unsigned left = 0;
    assert_int_equal(sscanf(omitted, "{\"omitted\":%u}]", &left), 1);
    assert_int_equal(left,
                     1000 - (size_t)(omitted - extra - strlen("{\"subTemplateList\":[")) / each);
    assert_string_equal(strchr(omitted, ']'), "],\"bgpCommunity\":5}");
    rig_close(&r);
}

/* Columns of what a subTemplateMultiList says once, unless the record says it. */
static void in_columns(void **state) {
    (void)state;
    static const struct {
        const char *fields, *record, *name, *value;
    } rows[] = {
        {"4/1 293/v", "06 11 03 0131 0010 020000000001 020000000002", "insrcmac",
         "02:00:00:00:00:01"},
        {"4/1 293/v", "06 0b 03 0132 000a 02 11 0a000001", "tcpflags", "19"},
        {"4/1 8/4 293/v", "06 0a000009 0b 03 0132 000a 02 11 0a000001", "srcip", "10.0.0.9"},
        {"4/1 6/1 293/v", "06 01 0b 03 0132 000a 02 11 0a000001", "tcpflags", "1"},
        /* two of one kind, one of several, a list that does not say it is so, another list */
        {"4/1 293/v", "06 11 03 0132 0010 02110a000001 02110a000001", "tcpflags", "NULL"},
        {"4/1 293/v", "06 0b 02 0132 000a 02 11 0a000001", "tcpflags", "NULL"},
        {"4/1 293/v", "06 0a 03 0132 0009 02 11 0a0000", "tcpflags", "NULL"},
        {"4/1 292/v", "06 09 03 0132 02 11 0a000001", "tcpflags", "NULL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].fields);
        send_record(rows[i].record);
        if (strcmp(rig_field(&r, 0, rows[i].name), rows[i].value) != 0)
            fail_msg("%s %s: %s is %s, not %s", rows[i].fields, rows[i].record, rows[i].name,
                     rig_field(&r, 0, rows[i].name), rows[i].value);
        rig_close(&r);
    }
}

/* The templates of another domain are none of this one's, and a template that is defined anew is the new one. */
static void of_the_session(void **state) {
    (void)state;
    begin("292/v");
    rig_send_ipfix(&r, &b);
    ipfix(&b, 0, 8);
    template_set(&b, 2, 300, "292/v");
    size_t set = set_begin(&b, 300);
    put_hex(&b, "07 03 012e 00000007");
    set_end(&b, set);
    rig_send_ipfix(&r, &b);
    assert_string_equal(r.row[0].value[FLOW_extra].text.p,
                        "{\"subTemplateList\":[{\"template\":302,\"octets\":\"0x00000007\"}]}");
    rig_pass(&r, 20000);
    ipfix(&b, 0, 7);
    template_set(&b, 2, 302, "4/1 5/1");
    set = set_begin(&b, 300);
    put_hex(&b, "07 03 012e 06 07 11 08");
    set_end(&b, set);
    rig_send_ipfix(&r, &b);
    assert_string_equal(r.row[1].value[FLOW_extra].text.p,
                        "{\"subTemplateList\":[{\"protocolIdentifier\":6,\"ipClassOfService\":7},"
                        "{\"protocolIdentifier\":17,\"ipClassOfService\":8}]}");
    rig_close(&r);
}

/* Templates of lists that are given up while options data is read, as what they were before is not needed any more, or
** as they are too old, are counted once. */
static void given_up(void **state) {
    (void)state;
    for (int old = 0; old < 2; old++) {
        begin("4/1");
        rig_send_ipfix(&r, &b);
        ipfix(&b, 0, 7);
        template_set(&b, 2, 302, "4/1 5/1");
        rig_send_ipfix(&r, &b);
        rig_pass(&r, 20000);
        if (old)
            rig_pass(&r, r.c->limits.template_ms);
        ipfix(&b, 0, 7);
        put_set(&b, 3, "0190 0002 0001 0090 0004 0124 ffff 0000");
        put_set(&b, 400, "00000001 05 03 012e 0607");
        rig_send_ipfix(&r, &b);
        assert_int_equal(rig_stat(&r, "ipfix", 7)->options, 1);
        size_t sum = 0;
        for (const struct exporter *e = r.c->exporters.newest; e; e = e->older)
            sum += exporter_announced(e);
        assert_int_equal(r.c->exporters.announced_octets, sum);
        rig_close(&r);
    }
}

/* Whether it is an object: brackets and strings end, and nothing is behind them. */
static bool is_object(const char *p) {
    char open[64];
    unsigned n = 0;
    if (*p != '{')
        return false;
    for (; *p; p++) {
        if (*p == '"') {
            for (p++; *p != '"'; p++)
                if ((unsigned char)*p < 0x20)
                    return false;
        } else if (*p == '{' || *p == '[') {
            if (n == sizeof open)
                return false;
            open[n++] = *p;
        } else if ((*p == '}' || *p == ']') && (n == 0 || open[--n] != *p - 2)) {
            return false;
        }
        if (n == 0)
            return p[1] == '\0';
    }
    return false;
}

/* Records with bits flipped at random: what comes out is an object, whatever was in them. */
static void damaged(void **state) {
    (void)state;
    enum { FLIPS = 150, SEED = 6313 };
    uint64_t random = SEED;
    size_t shown = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i].fields);
        rig_send_ipfix(&r, &b);
        for (int k = 0; k < FLIPS; k++) {
            ipfix(&b, 0, 7);
            size_t set = set_begin(&b, 300), from = b.n;
            put_hex(&b, cases[i].record);
            for (int bits = 0; bits < 3; bits++) {
                random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                b.at[from + (random >> 33) % (b.n - from)] ^= (uint8_t)(1u << (random >> 30 & 7));
            }
            set_end(&b, set);
            r.rows = 0;
            rig_send_ipfix(&r, &b);
            if (r.rows && flow_row_has(&r.row[0], FLOW_extra) &&
                !is_object(r.row[0].value[FLOW_extra].text.p))
                fail_msg("%s %s, flip %d: %s", cases[i].fields, cases[i].record, k,
                         r.row[0].value[FLOW_extra].text.p);
            shown += r.rows;
        }
        rig_close(&r);
    }
    assert_true(shown > sizeof cases / sizeof *cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_extra),       cmocka_unit_test(too_long), cmocka_unit_test(in_columns),
        cmocka_unit_test(of_the_session), cmocka_unit_test(given_up), cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests_name("collector: structured data", tests, NULL, NULL);
}
