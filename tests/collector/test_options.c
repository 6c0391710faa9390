/* SPDX-License-Identifier: MIT */
/*
** What exporters say of themselves in options data: sampling rates, names of applications and interfaces, when they
** started; and how much of it is kept.
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
        put_set(&b, 400, cases[i].option);
        put_set(&b, 300, cases[i].record);
        if (!is_v9)
            ipfix_end(&b);
        rig_send(&r, &b);
        assert_int_equal(r.rows, 1);
        assert_int_equal(rig_faults(&r), 0);
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
    put_set(&b, 3, "0190 0003 0001 0095 0004 0135 0004 0136 0004");
    template_set(&b, 2, 300, "1/1");
    template_set(&b, 2, 301, "1/1 34/4");
    put_set(&b, 400, "00000001 00000003 0000000a");
    put_set(&b, 300, "05 05");
    ipfix_end(&b);
    rig_send(&r, &b);
    const struct fvt_exporter *stat = rig_stat(&r, "ipfix", 1);
    assert_int_equal(stat->sampling, 3);
    assert_int_equal(stat->sampling_origin, FVT_SAMPLING_OPTIONS);
    assert_int_equal(stat->sampling_rounded, 2);
    ipfix(&b, 3, 1);
    put_set(&b, 301, "05 00000064");
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
    put_set(&b, 300, "01 0d0001c5 02 03000050 03 0d000001");
    put_set(&b, 301, "04 0d0001c5 6f776e00 05 0d0001c5 00000000");
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
    put_set(&b, 300, "01 0d0001c5");
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
    put_set(&b, 401, "60000001 04 626c7565");
    put_set(&b, 402, "00000007 65746830");
    rig_send_ipfix(&r, &b);
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
    put_set(&b, 401, "60000002 03 726564 60000003 05 677265656e");
    rig_send_ipfix(&r, &b);
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
    put_set(&b, 3, "0190 0003 0001 000a 0004 0052 0008 0053 ffff");
    size_t set = set_begin(&b, 400);
    put(&b, 7, 4);
    put_text(&b, "Gi0/7", 8);
    put(&b, 6, 1);
    put_text(&b, "uplink", 6);
    put(&b, 8, 4);
    put_text(&b, "12345678", 8);
    put(&b, 0, 1);
    set_end(&b, set);
    rig_send_ipfix(&r, &b);
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
    put_set(&b, 3, "0190 0002 0001 0095 0004 00a0 0008");
    template_set(&b, 2, 300, "22/4 21/4");
    put_set(&b, 400, "00000001 0000018bcfe56800");
    put_set(&b, 300, "000003e8 000007d0");
    rig_send_ipfix(&r, &b);
    assert_string_equal(rig_text(&r, 0),
                        "tstart=2023-11-14T22:13:21.000 tend=2023-11-14T22:13:22.000");
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampling),          cmocka_unit_test(sampling_origin),
        cmocka_unit_test(application_names), cmocka_unit_test(many_names),
        cmocka_unit_test(options_kept),      cmocka_unit_test(many_samplers),
        cmocka_unit_test(interface_names),   cmocka_unit_test(uptime_from_options),
    };
    return cmocka_run_group_tests_name("collector: options", tests, NULL, NULL);
}
