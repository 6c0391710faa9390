/* SPDX-License-Identifier: MIT */
/*
** The field catalogue of fields.def as an enum and a table, and the row that carries the fields
** of one flow from a decoder or meter to the writer of a flow file.
*/
#ifndef FLOWVT_FIELD_H
#define FLOWVT_FIELD_H

#include <endian.h>
#include <stdbool.h>

#include "value.h"

enum flow_class { FLOW_UINT, FLOW_TIME, FLOW_IP, FLOW_MAC, FLOW_TEXT };
enum flow_role { FLOW_DIM, FLOW_COUNTER, FLOW_CLOCK, FLOW_META };

/* FLOW_srcip, FLOW_bytes, ... in the order of fields.def; never written to a file. */
enum flow_field {
#define FIELD(name, class, role, octets, elements, v9, filter, meaning) FLOW_##name,
#include "fields.def"
#undef FIELD
    FLOW_NFIELDS
};

/* An information element: private enterprise number (0: IANA) and element id, RFC 7011 3.2. */
#define FLOW_ELEMENT(pen, id) (((uint64_t)(pen) << 16) | (uint64_t)(id))

struct flow_field_def {
    const char *name; /* SQL column */
    enum flow_class class;
    enum flow_role role;
    unsigned octets;          /* length in an exported template, 0: not exported */
    const uint64_t *elements; /* FLOW_ELEMENT()s, first choice first, ended by 0 */
    const uint64_t *v9;       /* further NetFlow v9 types, ended by 0 */
    const char *filter;       /* nfdump's spelling, "" for none */
    const char *meaning;
};

extern const struct flow_field_def flow_fields[FLOW_NFIELDS];

/* The field of that SQL name (n octets, any case), or -1. */
int flow_field_find(const char *name, size_t n);
/* The same, looking from the field first on, and then from the begin: for names that come in the catalogue's order. */
int flow_field_find_from(int first, const char *name, size_t n);

/* One flow. Only the fields whose bit in present[] is set have a value; the others are NULL.
** UINT, TIME and MAC are in .i; UINT values over INT64_MAX must be clamped to it. TEXT is UTF-8,
** not NUL-terminated, owned by the caller and copied by the writer. */
union flow_value {
    int64_t i;
    struct flow_ip ip;
    struct {
        const char *p;
        size_t n;
    } text;
};

struct flow_row {
    uint64_t present[(FLOW_NFIELDS + 63) / 64];
    union flow_value value[FLOW_NFIELDS];
};

/* The times of a flow finer than a row has them: microseconds since 1970. */
struct flow_times {
    int64_t first, last;
    int64_t reverse_first, reverse_last; /* where the row has them */
};

static inline void flow_row_clear(struct flow_row *row) {
    memset(row->present, 0, sizeof row->present);
}
static inline bool flow_row_has(const struct flow_row *row, int f) {
    return row->present[f >> 6] >> (f & 63) & 1;
}
static inline void flow_row_mark(struct flow_row *row, int f) {
    row->present[f >> 6] |= UINT64_C(1) << (f & 63);
}
static inline void flow_row_unset(struct flow_row *row, int f) {
    row->present[f >> 6] &= ~(UINT64_C(1) << (f & 63));
}
static inline void flow_row_set(struct flow_row *row, int f, uint64_t v) {
    row->value[f].i = v > INT64_MAX ? INT64_MAX : (int64_t)v;
    flow_row_mark(row, f);
}
/* For TIME, which may lie before 1970. */
static inline void flow_row_set_time(struct flow_row *row, int f, int64_t ms) {
    row->value[f].i = ms;
    flow_row_mark(row, f);
}
static inline void flow_row_set_ip(struct flow_row *row, int f, int family, const void *octets) {
    row->value[f].ip = flow_ip_make(family, octets);
    flow_row_mark(row, f);
}
static inline void flow_row_set_text(struct flow_row *row, int f, const char *p, size_t n) {
    row->value[f].text.p = p;
    row->value[f].text.n = n;
    flow_row_mark(row, f);
}

/* Up to FLOW_ROWS rows that have the same fields, a column at a time. Of the fields that they have, those that
** vary are in column[] (never texts), of the others all rows have the value in same[]. */
enum { FLOW_ROWS = 256 };
struct flow_rows {
    uint32_t n;
    uint64_t present[(FLOW_NFIELDS + 63) / 64];
    uint64_t vary[(FLOW_NFIELDS + 63) / 64];
    union flow_value same[FLOW_NFIELDS];
    /* Of each value of a field that varies: 1, 2 and 4 are numbers without sign, lowest octet first, 8 is i. Of an
    ** address 4, those of one of IPv4 as it is sent, or FLOW_ROWS_IP: it is in ip. */
    uint8_t octets[FLOW_NFIELDS];
    union flow_column {
        uint8_t u8[FLOW_ROWS];
        uint16_t u16[FLOW_ROWS];
        uint32_t u32[FLOW_ROWS];
        int64_t i[FLOW_ROWS];
        uint8_t ip4[FLOW_ROWS][4];
        struct flow_ip ip[FLOW_ROWS];
    } column[FLOW_NFIELDS];
};
enum { FLOW_ROWS_IP = 16 };

static inline bool flow_rows_has(const struct flow_rows *rows, int f) {
    return rows->present[f >> 6] >> (f & 63) & 1;
}
static inline bool flow_rows_vary(const struct flow_rows *rows, int f) {
    return rows->vary[f >> 6] >> (f & 63) & 1;
}
/* The number, or the address, of row i in a field that it has. */
static inline int64_t flow_rows_number(const struct flow_rows *rows, int f, uint32_t i) {
    const union flow_column *c = &rows->column[f];
    if (!flow_rows_vary(rows, f))
        return rows->same[f].i;
    switch (rows->octets[f]) {
    case 1:
        return c->u8[i];
    case 2:
        return le16toh(c->u16[i]);
    case 4:
        return le32toh(c->u32[i]);
    default:
        return c->i[i];
    }
}
static inline struct flow_ip flow_rows_ip(const struct flow_rows *rows, int f, uint32_t i) {
    if (!flow_rows_vary(rows, f))
        return rows->same[f].ip;
    return rows->octets[f] == 4 ? flow_ip_make(4, rows->column[f].ip4[i]) : rows->column[f].ip[i];
}

/* One of them as a row, whose texts are those of rows. */
void flow_rows_row(const struct flow_rows *rows, uint32_t i, struct flow_row *row);

#endif
