/* SPDX-License-Identifier: MIT */
/*
** Information elements (RFC 7012) and NetFlow v9 types as the decoder sees them: which field of the catalogue each
** fills, what it holds, and how octets of a given length of it are read.
**
** Nearly all of that comes from the field catalogue, through an element map built once. The others are in a table of
** elements.c: those that are not read as the class of their field says, and those that have no field but help to find
** one.
*/
#ifndef FLOWVT_ELEMENTS_H
#define FLOWVT_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/field.h"
#include "schema/mpls.h"

enum { TEMPLATE_VARIABLE = 65535 }; /* length of a variable-length field, RFC 7011 section 7 */
/* The enterprise number of what an element of IANA is in the reverse direction of a biflow, RFC 5103 section 6.1. */
enum { REVERSE_PEN = 29305 };

/* Values that are no field of their own but help to find one. They are numbered behind the
** fields of the catalogue. */
enum helper {
    HELPER_ICMP = FLOW_NFIELDS, /* 32, 139: type * 256 + code */
    HELPER_START_UPTIME,        /* 22 */
    HELPER_END_UPTIME,          /* 21 */
    HELPER_BOOT,                /* 160, ms */
    HELPER_DURATION_MS,         /* 161 */
    HELPER_DURATION_US,         /* 162 */
    HELPER_TTL,                 /* 192 */
    HELPER_PACKET_INTERVAL,     /* 305 */
    HELPER_SPACE,               /* 306, beside 305 */
    HELPER_SIZE,                /* 309 */
    HELPER_POPULATION,          /* 310 */
    HELPER_PROBABILITY,         /* 311, the octets of a double */
    HELPER_FRAME_SIZE,          /* 312 */
    HELPER_FRAME_TYPE,          /* 408 */
    HELPER_IP_SECTION,          /* 313, octets; they are at record.section */
    HELPER_FRAME_SECTION,       /* 315, likewise */
    HELPER_FIRST_FLAGS,         /* PEN 6871, 14: of the first packet of TCP */
    HELPER_OTHER_FLAGS,         /* 15: of all others */
    HELPER_REV_FIRST_FLAGS,     /* the same of the reverse direction */
    HELPER_REV_OTHER_FLAGS,
    HELPER_LABEL, /* 70 to 79: MPLS_LABELS of them */
    HELPER_LABEL_LAST = HELPER_LABEL + MPLS_LABELS - 1,
    HELPER_END
};
enum { NHELPERS = HELPER_END - FLOW_NFIELDS };

/* What an element holds, whatever its length. */
enum element_kind {
    KIND_UINT,
    KIND_FLAGS,     /* TCP: the 4 bits where the data offset is are to be ignored, RFC 7125 */
    KIND_DIRECTION, /* 255 is no value */
    KIND_SECONDS,
    KIND_MS,
    KIND_NTP,   /* dateTimeMicroseconds and dateTimeNanoseconds */
    KIND_DELTA, /* microseconds before the export time */
    KIND_IP,
    KIND_IP_SECOND, /* used when the address of the other family is all zero */
    KIND_MAC,
    KIND_TEXT,
    KIND_APPID,
    KIND_FLOAT,
    KIND_SECTION, /* the first octets of a packet */
    KIND_SEGMENT, /* layer2SegmentId: what kind of network it is, and 24 bits */
};

/* How octets of it are read. */
enum convert {
    CONVERT_NONE, /* octets of that length mean nothing for that kind */
    CONVERT_U8,
    CONVERT_U16,
    CONVERT_U32,
    CONVERT_U64,
    CONVERT_UINT,
    CONVERT_FLAGS,
    CONVERT_SEGMENT,
    CONVERT_DIRECTION,
    CONVERT_SECONDS,
    CONVERT_MS,
    CONVERT_NTP,
    CONVERT_DELTA,
    CONVERT_IP4,
    CONVERT_IP6,
    CONVERT_SECOND,
    CONVERT_MAC,
    CONVERT_TEXT,
    CONVERT_APPID,
    CONVERT_FLOAT,
    CONVERT_SECTION,
    CONVERT_VARIABLE, /* decided by the length in the record */
};

struct element {
    uint64_t key;  /* FLOW_ELEMENT() */
    uint8_t field; /* enum flow_field or enum helper */
    uint8_t rank;  /* place in the catalogue's list, 0 is the first choice */
};
struct element_map {
    struct element entry[512]; /* sorted by key */
    uint32_t count;
};
void element_map_build(struct element_map *map);
/* pen 0: IANA, or a NetFlow v9 type. NULL: it fills no field and helps to find none. */
const struct element *element_find(const struct element_map *map, uint32_t pen, uint16_t id);

/* Of the element with this key (FLOW_ELEMENT()) where it fills this field, enum flow_field or enum helper: what it
** holds; the field that its value goes to in the end; whether it is in `extra`, too. */
enum element_kind element_kind(uint64_t key, unsigned field);
unsigned element_field(uint64_t key, unsigned field);
bool element_is_kept(uint64_t key);

/* How so many octets of that kind are read, TEMPLATE_VARIABLE: CONVERT_VARIABLE. Any length may be given. */
enum convert element_convert(enum element_kind kind, size_t length);

#endif
