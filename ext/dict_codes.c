/* SPDX-License-Identifier: MIT */
/*
** What is looked for next is mostly near: steps double from there.
*/
#include "dict_codes.h"

uint32_t dict_seek_ip(const struct fvt_dict *d, uint32_t from, const struct flow_ip *key) {
    uint32_t step = 1, hi = from;
    while (hi < d->n && flow_ip_cmp(&d->ip[hi], key) < 0) {
        from = hi + 1;
        hi = d->n - hi > step ? hi + step : d->n;
        step *= 2;
    }
    while (from < hi) {
        uint32_t mid = from + (hi - from) / 2;
        if (flow_ip_cmp(&d->ip[mid], key) < 0)
            from = mid + 1;
        else
            hi = mid;
    }
    return from;
}

const char *dict_zone(const struct fvt_dict *d, uint32_t *code, struct labels *labels) {
    struct flow_ip last;
    const char *zone = labels_zone(labels, &d->ip[*code], &last);
    uint32_t next = dict_seek_ip(d, *code + 1, &last);
    *code = next < d->n && flow_ip_cmp(&d->ip[next], &last) == 0 ? next + 1 : next;
    return zone;
}
