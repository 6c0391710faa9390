/* SPDX-License-Identifier: MIT */
/*
** Takes lists apart. Their forms, RFC 6313 sections 4.5.1 to 4.5.3:
**
**   basicList             semantic, element id, length of each value, enterprise number of some ids, values
**   subTemplateList       semantic, template id, records
**   subTemplateMultiList  semantic, and again and again: template id, length with these four octets, records
*/
#include "lists.h"

#include "template.h"

enum { MULTI_HEAD = 4, CERT = 6871, IXIA = 3054 };

/* From the registries of CERT, whose elements YAF and super_mediator send, and of Ixia (IxFlow). */
static const struct {
    uint32_t pen;
    uint16_t first, last;
    enum extra_type type;
} enterprise[] = {
    {CERT, 305, 307, EXTRA_RECORDS}, {CERT, 331, 335, EXTRA_LIST},
    {CERT, 336, 337, EXTRA_RECORDS}, {CERT, 338, 422, EXTRA_LIST},
    {CERT, 424, 428, EXTRA_RECORDS}, {CERT, 429, 429, EXTRA_LIST},
    {CERT, 430, 432, EXTRA_RECORDS}, {CERT, 450, 459, EXTRA_LIST},
    {CERT, 554, 554, EXTRA_RECORDS}, {IXIA, 195, 195, EXTRA_RECORDS},
    {IXIA, 197, 197, EXTRA_RECORDS},
};

enum extra_type list_of_enterprise(uint32_t pen, uint16_t id) {
    for (size_t i = 0; pen && i < sizeof enterprise / sizeof *enterprise; i++)
        if (enterprise[i].pen == pen && id >= enterprise[i].first && id <= enterprise[i].last)
            return enterprise[i].type;
    return EXTRA_UNKNOWN;
}

bool list_open(struct list *l, enum extra_type type, struct cursor octets) {
    const uint8_t *semantic = cursor_take(&octets, 1);
    if (!semantic)
        return false;
    *l = (struct list){type, *semantic, octets};
    return true;
}

static bool values_head(struct cursor *c, struct template_field *f) {
    f->pen = 0;
    if (!cursor_u16(c, &f->id) || !cursor_u16(c, &f->length) || f->length == 0)
        return false;
    bool has_pen = f->id & 0x8000;
    f->id &= 0x7fff;
    return !has_pen || cursor_u32(c, &f->pen);
}

enum list_next list_next(struct list *l, struct list_part *part) {
    uint16_t n = 0;
    if (cursor_left(&l->left) == 0)
        return LIST_END;
    *part = (struct list_part){.template = 0};
    if (l->type == EXTRA_LIST) {
        if (!values_head(&l->left, &part->value))
            return LIST_BAD;
        part->octets = cursor_cut(&l->left, cursor_left(&l->left));
        return LIST_PART;
    }
    if (!cursor_u16(&l->left, &part->template) || part->template <TEMPLATE_FIRST_ID)
        return LIST_BAD;
    if (l->type == EXTRA_MULTI_RECORDS) {
        if (!cursor_u16(&l->left, &n) || n < MULTI_HEAD ||
            n - MULTI_HEAD > (int)cursor_left(&l->left))
            return LIST_BAD;
        part->octets = cursor_cut(&l->left, n - MULTI_HEAD);
        return LIST_PART;
    }
    part->octets = cursor_cut(&l->left, cursor_left(&l->left));
    return LIST_PART;
}

bool list_skip_record(const struct template *t, struct cursor *octets) {
    const uint8_t *p;
    size_t n;
    for (unsigned i = 0; i < t->nfields; i++)
        if (!plan_field(octets, t->fields[i].length, &p, &n))
            return false;
    return true;
}
