/* SPDX-License-Identifier: MIT */
#include "elements.h"

#include <stdlib.h>

/* Elements that are not read as the class of their field says, or that help to find a field.
** field 0: the one of the catalogue. */
static const struct special {
    uint64_t element;
    uint8_t kind;
    uint8_t field;
    bool kept; /* in `extra`, too */
} specials[] = {
    {6, KIND_FLAGS, 0, false},
    {21, KIND_UINT, HELPER_END_UPTIME, false},
    {22, KIND_UINT, HELPER_START_UPTIME, false},
    {32, KIND_UINT, HELPER_ICMP, false},
    {61, KIND_DIRECTION, 0, false},
    {70, KIND_UINT, HELPER_LABEL, false},
    {71, KIND_UINT, HELPER_LABEL + 1, false},
    {72, KIND_UINT, HELPER_LABEL + 2, false},
    {73, KIND_UINT, HELPER_LABEL + 3, false},
    {74, KIND_UINT, HELPER_LABEL + 4, false},
    {75, KIND_UINT, HELPER_LABEL + 5, false},
    {76, KIND_UINT, HELPER_LABEL + 6, false},
    {77, KIND_UINT, HELPER_LABEL + 7, false},
    {78, KIND_UINT, HELPER_LABEL + 8, false},
    {79, KIND_UINT, HELPER_LABEL + 9, false},
    {95, KIND_APPID, 0, false},
    {104, KIND_SECTION, HELPER_FRAME_SECTION, true},
    {139, KIND_UINT, HELPER_ICMP, false},
    {150, KIND_SECONDS, 0, false},
    {151, KIND_SECONDS, 0, false},
    {154, KIND_NTP, 0, false},
    {155, KIND_NTP, 0, false},
    {156, KIND_NTP, 0, false},
    {157, KIND_NTP, 0, false},
    {158, KIND_DELTA, 0, false},
    {159, KIND_DELTA, 0, false},
    {160, KIND_UINT, HELPER_BOOT, false},
    {161, KIND_UINT, HELPER_DURATION_MS, false},
    {162, KIND_UINT, HELPER_DURATION_US, false},
    {192, KIND_UINT, HELPER_TTL, false},
    {305, KIND_UINT, HELPER_PACKET_INTERVAL, false},
    {306, KIND_UINT, HELPER_SPACE, false},
    {309, KIND_UINT, HELPER_SIZE, false},
    {310, KIND_UINT, HELPER_POPULATION, false},
    {311, KIND_FLOAT, HELPER_PROBABILITY, false},
    {312, KIND_UINT, HELPER_FRAME_SIZE, true},
    {313, KIND_SECTION, HELPER_IP_SECTION, true},
    {315, KIND_SECTION, HELPER_FRAME_SECTION, true},
    {322, KIND_SECONDS, 0, false},
    {324, KIND_NTP, 0, false},
    {325, KIND_NTP, 0, false},
    {351, KIND_SEGMENT, 0, false},
    {408, KIND_UINT, HELPER_FRAME_TYPE, true},
    {FLOW_ELEMENT(6871, 14), KIND_UINT, HELPER_FIRST_FLAGS, true}, /* YAF */
    {FLOW_ELEMENT(6871, 15), KIND_UINT, HELPER_OTHER_FLAGS, true},
    {FLOW_ELEMENT(6871, 16398), KIND_UINT, HELPER_REV_FIRST_FLAGS, true},
    {FLOW_ELEMENT(6871, 16399), KIND_UINT, HELPER_REV_OTHER_FLAGS, true},
    {FLOW_ELEMENT(REVERSE_PEN, 6), KIND_FLAGS, 0, false},
    {FLOW_ELEMENT(REVERSE_PEN, 150), KIND_SECONDS, 0, false},
    {FLOW_ELEMENT(REVERSE_PEN, 151), KIND_SECONDS, 0, false},
    {FLOW_ELEMENT(REVERSE_PEN, 154), KIND_NTP, 0, false},
    {FLOW_ELEMENT(REVERSE_PEN, 155), KIND_NTP, 0, false},
    {FLOW_ELEMENT(REVERSE_PEN, 156), KIND_NTP, 0, false},
    {FLOW_ELEMENT(REVERSE_PEN, 157), KIND_NTP, 0, false},
};
enum { NSPECIALS = sizeof specials / sizeof *specials };

static const struct special *special_find(uint64_t element) {
    for (size_t i = 0; i < NSPECIALS; i++)
        if (specials[i].element == element)
            return &specials[i];
    return NULL;
}

static const uint8_t class_kind[] = {
    [FLOW_UINT] = KIND_UINT, [FLOW_TIME] = KIND_MS,   [FLOW_IP] = KIND_IP,
    [FLOW_MAC] = KIND_MAC,   [FLOW_TEXT] = KIND_TEXT,
};
/* ---- elements --------------------------------------------------------------------------- */

static int element_order(const void *a, const void *b) {
    const struct element *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void element_add(struct element_map *map, uint64_t key, unsigned field, unsigned rank) {
    if (map->count < sizeof map->entry / sizeof *map->entry)
        map->entry[map->count++] = (struct element){key, (uint8_t)field, (uint8_t)rank};
}

static bool is_added(const struct element_map *map, uint64_t key) {
    for (uint32_t i = 0; i < map->count; i++)
        if (map->entry[i].key == key)
            return true;
    return false;
}

void element_map_build(struct element_map *map) {
    map->count = 0;
    for (unsigned f = 0; f < FLOW_NFIELDS; f++) {
        unsigned rank = 0;
        if (f == FLOW_mpls) /* each of its elements is a part of it */
            continue;
        for (const uint64_t *e = flow_fields[f].elements; *e; e++)
            element_add(map, *e, f, rank++);
        for (const uint64_t *e = flow_fields[f].v9; *e; e++)
            element_add(map, *e, f, rank++);
    }
    for (size_t i = 0; i < NSPECIALS; i++)
        if (specials[i].field && !is_added(map, specials[i].element))
            element_add(map, specials[i].element, specials[i].field, 0);
    qsort(map->entry, map->count, sizeof *map->entry, element_order);
}

const struct element *element_find(const struct element_map *map, uint32_t pen, uint16_t id) {
    struct element key = {.key = FLOW_ELEMENT(pen, id)};
    return bsearch(&key, map->entry, map->count, sizeof *map->entry, element_order);
}

/* ---- how they are read ------------------------------------------------------------------ */

enum element_kind element_kind(uint64_t key, unsigned field) {
    const struct special *s = special_find(key);
    if (s)
        return s->kind;
    return field < FLOW_NFIELDS ? (enum element_kind)class_kind[flow_fields[field].class]
                                : KIND_UINT;
}

unsigned element_field(uint64_t key, unsigned field) {
    const struct special *s = special_find(key);
    return s && s->field ? s->field : field;
}

bool element_is_kept(uint64_t key) {
    const struct special *s = special_find(key);
    return s && s->kept;
}

static const uint8_t uint_convert[9] = {
    CONVERT_NONE, CONVERT_U8,   CONVERT_U16,  CONVERT_UINT, CONVERT_U32,
    CONVERT_UINT, CONVERT_UINT, CONVERT_UINT, CONVERT_U64,
};

enum convert element_convert(enum element_kind kind, size_t length) {
    if (length == 0)
        return kind == KIND_TEXT ? CONVERT_TEXT : CONVERT_NONE;
    if (length == TEMPLATE_VARIABLE)
        return CONVERT_VARIABLE;
    bool integer = length <= 8;
    switch (kind) {
    case KIND_UINT:
        return integer ? uint_convert[length] : CONVERT_NONE;
    case KIND_FLAGS:
        return length == 1 ? CONVERT_U8 : integer ? CONVERT_FLAGS : CONVERT_NONE;
    case KIND_SEGMENT:
        return integer ? CONVERT_SEGMENT : CONVERT_NONE;
    case KIND_DIRECTION:
        return integer ? CONVERT_DIRECTION : CONVERT_NONE;
    case KIND_SECONDS:
        return integer ? CONVERT_SECONDS : CONVERT_NONE;
    case KIND_MS:
        return integer ? CONVERT_MS : CONVERT_NONE;
    case KIND_NTP:
        return length == 8 ? CONVERT_NTP : CONVERT_NONE;
    case KIND_DELTA:
        return integer ? CONVERT_DELTA : CONVERT_NONE;
    case KIND_IP:
        return length == 4 ? CONVERT_IP4 : length == 16 ? CONVERT_IP6 : CONVERT_NONE;
    case KIND_IP_SECOND:
        return length == 4 || length == 16 ? CONVERT_SECOND : CONVERT_NONE;
    case KIND_MAC:
        return length == 6 ? CONVERT_MAC : CONVERT_NONE;
    case KIND_TEXT:
        return CONVERT_TEXT;
    case KIND_APPID:
        return CONVERT_APPID;
    case KIND_FLOAT:
        return length == 4 || length == 8 ? CONVERT_FLOAT : CONVERT_NONE;
    case KIND_SECTION:
        return CONVERT_SECTION;
    }
    return CONVERT_NONE;
}
