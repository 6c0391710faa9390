/* SPDX-License-Identifier: MIT */
/*
** The field catalogue as a table. Everything about fields is written in fields.def alone.
*/
#include "field.h"

#include <strings.h>

#define E(pen, id) FLOW_ELEMENT(pen, id)
#define L(...) ((const uint64_t[]){__VA_ARGS__, 0})

const struct flow_field_def flow_fields[FLOW_NFIELDS] = {
#define FIELD(name, class, role, octets, elements, v9, filter, meaning) \
    {#name, FLOW_##class, FLOW_##role, octets, elements, v9, filter, meaning},
#include "fields.def"
#undef FIELD
};

int flow_field_find(const char *name, size_t n) {
    return flow_field_find_from(0, name, n);
}

/* Names begin with a small letter. That is compared first: a file has dozens of names, and a store thousands of files. */
int flow_field_find_from(int first, const char *name, size_t n) {
    for (int i = 0; n > 0 && i < FLOW_NFIELDS; i++) {
        int f = (first + i) % FLOW_NFIELDS;
        if (flow_fields[f].name[0] == (name[0] | 0x20) && strlen(flow_fields[f].name) == n &&
            strncasecmp(flow_fields[f].name, name, n) == 0)
            return f;
    }
    return -1;
}

void flow_rows_row(const struct flow_rows *rows, uint32_t i, struct flow_row *row) {
    memcpy(row->present, rows->present, sizeof row->present);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (!flow_row_has(row, f))
            continue;
        if (!flow_rows_vary(rows, f))
            row->value[f] = rows->same[f];
        else if (flow_fields[f].class == FLOW_IP)
            row->value[f].ip = flow_rows_ip(rows, f, i);
        else
            row->value[f].i = flow_rows_number(rows, f, i);
    }
}
