/* SPDX-License-Identifier: MIT */
/*
** Hand-made datagrams and a collector to try them on.
*/
#include "build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/dump.h"

void put(struct bytes *b, uint64_t value, size_t octets) {
    for (size_t i = octets; i-- > 0;)
        b->at[b->n++] = (uint8_t)(value >> 8 * i);
}

void put_hex(struct bytes *b, const char *hex) {
    for (unsigned v; *hex; hex += *hex == ' ' ? 1 : 2)
        if (*hex != ' ' && sscanf(hex, "%2x", &v) == 1)
            b->at[b->n++] = (uint8_t)v;
}

void put_text(struct bytes *b, const char *text, size_t octets) {
    size_t n = strlen(text);
    memset(b->at + b->n, 0, octets);
    memcpy(b->at + b->n, text, n < octets ? n : octets);
    b->n += octets;
}

void patch16(struct bytes *b, size_t where, uint16_t value) {
    b->at[where] = (uint8_t)(value >> 8);
    b->at[where + 1] = (uint8_t)value;
}

void v9(struct bytes *b, uint32_t sequence, uint32_t source) {
    put(b, 9, 2);
    put(b, 1, 2);
    put(b, 100000, 4);
    put(b, 1700000000, 4);
    put(b, sequence, 4);
    put(b, source, 4);
}

void ipfix(struct bytes *b, uint32_t sequence, uint32_t domain) {
    put(b, 10, 2);
    put(b, 0, 2);
    put(b, 1700000000, 4);
    put(b, sequence, 4);
    put(b, domain, 4);
}

void ipfix_end(struct bytes *b) {
    patch16(b, 2, (uint16_t)b->n);
}

size_t set_begin(struct bytes *b, uint16_t id) {
    size_t begin = b->n;
    put(b, id, 2);
    put(b, 0, 2);
    return begin;
}

void set_end(struct bytes *b, size_t begin) {
    patch16(b, begin + 2, (uint16_t)(b->n - begin));
}

uint16_t put_fields(struct bytes *b, const char *fields) {
    uint16_t count = 0;
    while (*fields) {
        char *end;
        unsigned long pen = 0, id = strtoul(fields, &end, 10);
        if (*end == ':') {
            pen = id;
            id = strtoul(end + 1, &end, 10);
        }
        assert_int_equal(*end, '/');
        unsigned long length = end[1] == 'v' ? 65535 : strtoul(end + 1, NULL, 10);
        put(b, pen ? id | 0x8000 : id, 2);
        put(b, length, 2);
        if (pen)
            put(b, pen, 4);
        count++;
        fields = strchr(end, ' ');
        if (!fields)
            break;
        fields++;
    }
    return count;
}

void put_set(struct bytes *b, uint16_t id, const char *hex) {
    size_t set = set_begin(b, id);
    put_hex(b, hex);
    set_end(b, set);
}

void template_set(struct bytes *b, uint16_t set, uint16_t id, const char *fields) {
    size_t begin = set_begin(b, set);
    put(b, id, 2);
    put(b, 0, 2);
    patch16(b, begin + 6, put_fields(b, fields));
    set_end(b, begin);
}

static bool keep_row(void *arg, const struct flow_row *row) {
    struct rig *r = arg;
    if (r->refuse)
        return false;
    assert_true(r->rows < ROWS);
    struct flow_row *copy = &r->row[r->rows];
    *copy = *row;
    char *text = r->text[r->rows];
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (flow_fields[f].class != FLOW_TEXT || !flow_row_has(row, f))
            continue;
        size_t n = row->value[f].text.n;
        assert_true(text + n < r->text[r->rows] + TEXTS);
        memcpy(text, row->value[f].text.p, n);
        copy->value[f].text.p = text;
        text[n] = '\0';
        text += n + 1;
    }
    r->rows++;
    return true;
}

static void count_fault(void *arg, const struct datagram *d, enum fvt_malformed cause) {
    (void)d;
    ((struct rig *)arg)->faults[cause]++;
}

void rig_open(struct rig *r, const struct collector_limits *limits) {
    static const uint8_t address[4] = {192, 0, 2, 1};
    memset(r, 0, sizeof *r);
    r->c = collector_new((struct flow_sink){keep_row, r, NULL}, (struct fault_sink){count_fault, r},
                         limits);
    assert_non_null(r->c);
    r->now = INT64_C(1700000001000);
    r->from = flow_ip_make(4, address);
    r->port = 2055;
}

void rig_close(struct rig *r) {
    collector_free(r->c);
}

void rig_send(struct rig *r, struct bytes *b) {
    /* A copy that ends where the datagram does, for the sanitizers. */
    uint8_t *copy = malloc(b->n ? b->n : 1);
    assert_non_null(copy);
    memcpy(copy, b->at, b->n);
    const struct datagram d = {.data = copy,
                               .size = b->n,
                               .from = r->from,
                               .port = r->port,
                               .stream = r->stream,
                               .received = r->now};
    collector_datagram(r->c, &d);
    free(copy);
    b->n = 0;
}

void rig_send_ipfix(struct rig *r, struct bytes *b) {
    ipfix_end(b);
    rig_send(r, b);
}

unsigned rig_faults(const struct rig *r) {
    unsigned n = 0;
    for (int i = 0; i < FVT_NBAD; i++)
        n += r->faults[i];
    return n;
}

void rig_pass(struct rig *r, int64_t ms) {
    for (int64_t step; ms > 0; ms -= step) {
        step = ms < 30000 ? ms : 30000;
        r->now += step;
        collector_tick(r->c, r->now);
    }
}

const struct fvt_exporter *rig_stat(const struct rig *r, const char *version, uint32_t odid) {
    const struct exporter *e = exporters_find(&r->c->exporters, &r->from, version, odid, r->stream);
    return e ? &e->stat : NULL;
}

static const char *dumped(const struct flow_row *row) {
    static char text[4096];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    dump_row(out, row);
    fclose(out);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

const char *rig_text(const struct rig *r, size_t row) {
    assert_true(row < r->rows);
    struct flow_row copy = r->row[row];
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (flow_fields[f].role == FLOW_META || f == FLOW_trecv)
            copy.present[f >> 6] &= ~(UINT64_C(1) << (f & 63));
    return dumped(&copy);
}

const char *rig_field(const struct rig *r, size_t row, const char *name) {
    assert_true(row < r->rows);
    int f = flow_field_find(name, strlen(name));
    assert_true(f >= 0);
    if (!flow_row_has(&r->row[row], f))
        return "NULL";
    struct flow_row one = r->row[row];
    flow_row_clear(&one);
    flow_row_mark(&one, f);
    return strchr(dumped(&one), '=') + 1;
}
