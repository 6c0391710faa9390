/* SPDX-License-Identifier: MIT */
/*
** Text that is remembered: dates of times, addresses of a dictionary.
*/
#include "shown.h"

#include <stdlib.h>

enum {
    REMEMBERED = 1 << 18, /* a dictionary of more entries than this is not kept as text */
    DAY_MS = 86400000,
};

static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

char *shown_put_pair(char *p, unsigned v) {
    memcpy(p, pairs + (size_t)v * 2, 2);
    return p + 2;
}

void shown_init(struct shown *s) {
    *s = (struct shown){.day = -1};
}

void shown_clear(struct shown *s) {
    free(s->ip);
    s->ip = NULL;
    s->dict = NULL;
}

bool shown_enter_group(struct shown *s, struct scan *scan, const struct sql_column *column,
                       enum cell_kind kind) {
    shown_clear(s);
    if (kind != CELL_IP && kind != CELL_TEXT && kind != CELL_NET)
        return true;
    s->dict = scan_dict(scan, cell_column(column));
    if (kind != CELL_IP || !s->dict || s->dict->n > REMEMBERED)
        return true;
    s->ip = calloc(s->dict->n ? s->dict->n : 1, sizeof *s->ip);
    return s->ip != NULL;
}

void shown_make_ip(struct shown *s, uint32_t code) {
    s->ip[code].n = (uint8_t)flow_ip_text(&s->dict->ip[code], s->ip[code].text);
}

char *shown_put_time(struct shown *s, int64_t ms, char out[FLOW_TIME_TEXT]) {
    ms = cell_time(ms);
    int64_t day = (ms - FLOW_MS_MIN) / DAY_MS;
    unsigned rest = (unsigned)((ms - FLOW_MS_MIN) % DAY_MS);
    if (day != s->day) {
        char text[FLOW_TIME_TEXT];
        flow_time_text(ms, text);
        memcpy(s->date, text, 11);
        s->day = day;
    }
    char *p = out;
    memcpy(p, s->date, 11);
    p = shown_put_pair(p + 11, rest / 3600000);
    *p++ = ':';
    p = shown_put_pair(p, rest / 60000 % 60);
    *p++ = ':';
    p = shown_put_pair(p, rest / 1000 % 60);
    *p++ = '.';
    *p++ = (char)('0' + rest % 1000 / 100);
    return shown_put_pair(p, rest % 100);
}
