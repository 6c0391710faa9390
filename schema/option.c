/* SPDX-License-Identifier: MIT */
/*
** Options data to bytes and back. Both texts of one are in one piece of memory, scope first, a NUL behind each.
*/
#include "option.h"

#include "meta.h"

void option_put(struct fvt_buffer *out, const struct fvt_option *o) {
    size_t at = meta_begin(out, FVT_META_OPTION);
    fvt_put_ip(out, &o->exporter);
    fvt_put_zeros(out, 1);
    fvt_put_int(out, o->template, 2);
    fvt_put_int(out, o->odid, 4);
    fvt_put(out, o->version, sizeof o->version);
    fvt_put_int(out, (uint64_t)o->time, 8);
    fvt_put_int(out, o->nscope, 2);
    fvt_put_int(out, o->ndata, 2);
    fvt_put(out, o->scope, o->nscope);
    fvt_put(out, o->data, o->ndata);
    meta_end(out, at);
}

static bool set_texts(struct fvt_option *o, const void *scope, size_t nscope, const void *data,
                      size_t ndata) {
    char *text = malloc(nscope + ndata + 2);
    if (!text)
        return false;
    if (nscope)
        memcpy(text, scope, nscope);
    text[nscope] = '\0';
    if (ndata)
        memcpy(text + nscope + 1, data, ndata);
    text[nscope + 1 + ndata] = '\0';
    o->memory = text;
    o->scope = text;
    o->data = text + nscope + 1;
    o->nscope = (uint16_t)nscope;
    o->ndata = (uint16_t)ndata;
    return true;
}

bool option_get(struct fvt_cursor *c, struct fvt_option *out) {
    memset(out, 0, sizeof *out);
    out->exporter = fvt_get_ip(c);
    fvt_get(c, 1);
    out->template = (uint16_t)fvt_get_int(c, 2);
    out->odid = (uint32_t)fvt_get_int(c, 4);
    const uint8_t *version = fvt_get(c, sizeof out->version);
    if (version)
        memcpy(out->version, version, sizeof out->version - 1);
    out->time = (int64_t)fvt_get_int(c, 8);
    size_t nscope = (size_t)fvt_get_int(c, 2), ndata = (size_t)fvt_get_int(c, 2);
    const uint8_t *scope = fvt_get(c, nscope), *data = fvt_get(c, ndata);
    return set_texts(out, scope, scope ? nscope : 0, data, data ? ndata : 0);
}

bool option_copy(struct fvt_option *to, const struct fvt_option *from) {
    *to = *from;
    return set_texts(to, from->scope, from->nscope, from->data, from->ndata);
}

void option_clear(struct fvt_option *o) {
    free(o->memory);
    o->memory = NULL;
}

int option_order(const void *a, const void *b) {
    const struct fvt_option *x = a, *y = b;
    int order = flow_ip_cmp(&x->exporter, &y->exporter);
    if (order == 0)
        order = (x->odid > y->odid) - (x->odid < y->odid);
    if (order == 0)
        order = strcmp(x->version, y->version);
    if (order == 0)
        order = x->template - y->template;
    if (order == 0)
        order = x->nscope - y->nscope;
    return order ? order : memcmp(x->scope, y->scope, x->nscope);
}

void option_replace(void *o, const void *more) {
    option_clear(o);
    *(struct fvt_option *)o = *(const struct fvt_option *)more;
}
