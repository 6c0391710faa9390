/* SPDX-License-Identifier: MIT */
/*
** Prints rows as text.
*/
#include "dump.h"

#include <inttypes.h>

static void put_text(FILE *out, const char *p, size_t n) {
    putc('"', out);
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)p[i];
        if (ch == '"' || ch == '\\')
            fprintf(out, "\\%c", ch);
        else if (ch < 32 || ch == 127)
            fprintf(out, "\\x%02x", ch);
        else
            putc(ch, out);
    }
    putc('"', out);
}

static void put_value(FILE *out, enum flow_class class, const union flow_value *v) {
    char text[64];
    switch (class) {
    case FLOW_UINT:
        fprintf(out, "%" PRId64, v->i);
        return;
    case FLOW_TIME:
        flow_time_text(v->i, text);
        break;
    case FLOW_IP:
        flow_ip_text(&v->ip, text);
        break;
    case FLOW_MAC:
        flow_mac_text((uint64_t)v->i, text);
        break;
    case FLOW_TEXT:
        put_text(out, v->text.p, v->text.n);
        return;
    }
    for (char *p = text; *p; p++)
        if (*p == ' ')
            *p = 'T'; /* a time in one word */
    fputs(text, out);
}

void dump_row(FILE *out, const struct flow_row *row) {
    const char *between = "";
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (!flow_row_has(row, f))
            continue;
        fprintf(out, "%s%s=", between, flow_fields[f].name);
        put_value(out, flow_fields[f].class, &row->value[f]);
        between = " ";
    }
    putc('\n', out);
}
