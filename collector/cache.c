/* SPDX-License-Identifier: MIT */
/*
** The file is made in memory by the thread that decodes, and written, synced and renamed by another one.
*/
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/clock.h"
#include "schema/newfile.h"

#define MAGIC "FLOWTPL1"
#define DIRECTORY ".templates"

enum { HEADER = 64, RECORD = 5 };

/* Types of records. Templates, samplers and interfaces are of the exporter before them. */
enum { EXPORTER = 1, TEMPLATE = 2, SAMPLER = 3, INTERFACE = 4, APPLICATION = 5 };

enum {
    FILE_MAX = 64 << 20, /* octets; exporters that are worth least are left out */
    /* Between two writes: */
    PAUSE_MS = 2000,
    OCTETS_A_MS = 1000,           /* and so long that no more than this is written on the whole */
    REFRESH_MS = 60000,           /* when nothing new was announced */
    SILENT_MS = 7 * 86400 * 1000, /* exporters not heard for so long are left out */
};

/* ---- encoding --------------------------------------------------------------------------- */

static size_t begin(struct fvt_buffer *b, uint8_t type) {
    fvt_put_int(b, type, 1);
    fvt_put_int(b, 0, 4);
    return b->n;
}

static void end(struct fvt_buffer *b, size_t at) {
    if (!b->failed)
        fvt_set_int(b, at - 4, b->n - at, 4);
}

static void put_text(struct fvt_buffer *b, const char *text) {
    size_t n = strlen(text);
    fvt_put_int(b, n, 1);
    fvt_put(b, text, n);
}

static void put_exporter(struct fvt_buffer *b, const struct exporter *e, int64_t clock) {
    size_t at = begin(b, EXPORTER);
    put_text(b, e->stat.version);
    fvt_put_ip(b, &e->stat.exporter);
    fvt_put_int(b, e->stat.odid, 4);
    fvt_put_int(b, e->session, 4);
    fvt_put_int(b, e->decoded, 8);
    fvt_put_int(b, (uint64_t)e->boot, 8);
    fvt_put_int(b, (uint64_t)(clock - e->heard), 8);
    fvt_put_int(b, e->kin, 1);
    end(b, at);
}

static void put_template(struct fvt_buffer *b, const struct template *t, int64_t clock) {
    size_t at = begin(b, TEMPLATE);
    fvt_put_int(b, t->id, 2);
    fvt_put_int(b, t->options, 1);
    fvt_put_int(b, t->scopes, 2);
    fvt_put_int(b, t->nfields, 2);
    fvt_put_int(b, (uint64_t)(clock - t->announced), 8);
    for (unsigned i = 0; i < t->nfields; i++) {
        fvt_put_int(b, t->fields[i].pen, 4);
        fvt_put_int(b, t->fields[i].id, 2);
        fvt_put_int(b, t->fields[i].length, 2);
    }
    end(b, at);
}

static void put_sampler(struct fvt_buffer *b, const struct sampler *s) {
    size_t at = begin(b, SAMPLER);
    fvt_put_int(b, s->kind, 1);
    fvt_put_int(b, s->rate.rounded, 1);
    fvt_put_int(b, s->id, 8);
    fvt_put_int(b, s->rate.n, 8);
    end(b, at);
}

static void put_interface(struct fvt_buffer *b, const struct fvt_interface *i) {
    size_t at = begin(b, INTERFACE);
    fvt_put_int(b, i->ifindex, 4);
    put_text(b, i->name);
    put_text(b, i->description);
    end(b, at);
}

static void put_application(struct fvt_buffer *b, const struct name *name) {
    size_t at = begin(b, APPLICATION);
    fvt_put_ip(b, &name->exporter);
    fvt_put_int(b, name->nkey, 1);
    fvt_put(b, name->key, name->nkey);
    fvt_put_int(b, name->ntext, 1);
    fvt_put(b, name->text, name->ntext);
    end(b, at);
}

/* Oldest first, so that they are learned again in that order. */
static void put_all(struct fvt_buffer *b, const struct exporter *e, int64_t clock) {
    const struct sampler_table *s = &e->samplers;
    put_exporter(b, e, clock);
    for (const struct template *t = e->templates.oldest; t; t = t->newer)
        put_template(b, t, clock);
    for (uint16_t at = s->oldest; at; at = s->entry[at - 1].newer)
        put_sampler(b, &s->entry[at - 1]);
    for (uint32_t i = 0; i < e->interfaces.index.count; i++)
        put_interface(b, &e->interfaces.entry[i].names);
}

static bool worth_keeping(const struct collector *c, const struct exporter *e) {
    return (exporter_announced(e) || e->boot != INT64_MIN) && c->clock - e->heard <= SILENT_MS;
}

void cache_encode(const struct collector *c, int64_t now, struct fvt_buffer *out) {
    out->n = 0;
    fvt_put_zeros(out, HEADER);
    for (int w = EXPORTER_STREAM - 1; w >= 0; w--)
        for (const struct exporter *e = c->exporters.by_worth[w].stalest; e; e = e->fresher)
            if (worth_keeping(c, e) && out->n < FILE_MAX)
                put_all(out, e, c->clock);
    for (uint32_t i = 0; i < c->names.index.count && out->n < FILE_MAX; i++)
        put_application(out, &c->names.entry[i]);
    if (out->failed)
        return;
    memcpy(out->p, MAGIC, 8);
    fvt_set_int(out, 8, out->n - HEADER, 8);
    fvt_set_int(out, 16, fvt_checksum(out->p + HEADER, out->n - HEADER), 8);
    fvt_set_int(out, 24, (uint64_t)now, 8);
    fvt_set_int(out, 56, fvt_checksum(out->p, 56), 8);
}

/* ---- decoding --------------------------------------------------------------------------- */

struct reading {
    struct collector *c;
    struct exporter *e; /* whose records these are; NULL: none's */
    int64_t since;      /* ms that have passed since the file was written */
};

/* As what comes from the network is made to be: UTF-8 without NUL. */
static size_t get_text(struct fvt_cursor *in, const char **text) {
    size_t n = (size_t)fvt_get_int(in, 1), at = 0, length = 1;
    const uint8_t *p = fvt_get(in, n);
    for (; p && at < n && length; at += length)
        length = record_utf8_length(p + at, n - at);
    *text = (const char *)p;
    in->bad |= !length;
    return p ? n : 0;
}

static struct flow_ip get_ip(struct fvt_cursor *in) {
    struct flow_ip ip = fvt_get_ip(in);
    in->bad |= ip.family != 4 && ip.family != 6;
    return ip;
}

static void get_exporter(struct reading *r, struct fvt_cursor *in) {
    static const char *const versions[] = {"v9", "ipfix"};
    const char *text, *version = NULL;
    size_t n = get_text(in, &text);
    struct flow_ip ip = get_ip(in);
    uint32_t odid = (uint32_t)fvt_get_int(in, 4), session = (uint32_t)fvt_get_int(in, 4);
    uint64_t decoded = fvt_get_int(in, 8);
    int64_t boot = (int64_t)fvt_get_int(in, 8), silent = (int64_t)fvt_get_int(in, 8);
    uint64_t kin = fvt_get_int(in, 1);
    r->e = NULL;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (n == strlen(versions[i]) && memcmp(text, versions[i], n) == 0)
            version = versions[i];
    if (in->bad || !version || session >= EXPORTER_FIRST_STREAM || silent < 0 || silent > SILENT_MS)
        return;
    r->e = exporters_get(&r->c->exporters, r->c->limits.exporters, &ip, version, odid, session);
    if (!r->e)
        return;
    r->e->decoded = decoded;
    r->e->boot =
        boot < INT64_MAX / 2 ? boot : INT64_MIN; /* as of options data: uptimes are added to it */
    r->e->kin = kin <= SESSION_STRANGER ? (enum session_kin)kin : SESSION_UNKNOWN;
    r->e->heard = r->c->clock - silent - r->since;
}

static void get_template(const struct reading *r, struct fvt_cursor *in) {
    struct collector *c = r->c;
    struct template_definition d = {0};
    d.id = (uint16_t)fvt_get_int(in, 2);
    d.options = fvt_get_int(in, 1) != 0;
    d.scopes = (uint16_t)fvt_get_int(in, 2);
    d.nfields = (uint16_t)fvt_get_int(in, 2);
    int64_t age = (int64_t)fvt_get_int(in, 8);
    if (in->bad || age < 0 || age > INT64_MAX / 2 || fvt_left(in) / 8 < d.nfields)
        return;
    age += r->since;
    struct template_field *fields = malloc((d.nfields + 1u) * sizeof *fields);
    if (!fields)
        return;
    for (unsigned i = 0; i < d.nfields; i++) {
        fields[i].pen = (uint32_t)fvt_get_int(in, 4);
        fields[i].id = (uint16_t)fvt_get_int(in, 2);
        fields[i].length = (uint16_t)fvt_get_int(in, 2);
    }
    d.fields = fields;
    const struct template_moment long_ago = {INT64_MIN, 0};
    if (template_possible(&d) && (!c->limits.template_ms || age <= c->limits.template_ms))
        template_learn(&r->e->templates, &c->elements, &d, &long_ago, c->clock - age,
                       c->limits.exporter_template, &c->exporters.dropped_templates);
    exporters_changed(&c->exporters, r->e);
    free(fields);
}

static void get_sampler(const struct reading *r, struct fvt_cursor *in) {
    uint64_t kind = fvt_get_int(in, 1);
    bool rounded = fvt_get_int(in, 1) != 0;
    uint64_t id = fvt_get_int(in, 8);
    struct sampling_rate rate = {.n = fvt_get_int(in, 8), .rounded = rounded};
    if (!in->bad && kind < SAMPLER_KINDS)
        sampler_set(&r->e->samplers, (enum sampler_kind)kind, id, rate);
    exporters_changed(&r->c->exporters, r->e);
}

static void get_interface(const struct reading *r, struct fvt_cursor *in) {
    const char *name, *description;
    uint32_t ifindex = (uint32_t)fvt_get_int(in, 4);
    size_t nname = get_text(in, &name), ndescription = get_text(in, &description);
    if (!in->bad)
        interface_learn(&r->e->interfaces, r->c->limits.interfaces, &r->e->stat.exporter, ifindex,
                        name, nname, description, ndescription);
    exporters_changed(&r->c->exporters, r->e);
}

static void get_application(const struct reading *r, struct fvt_cursor *in) {
    const char *key, *text;
    struct flow_ip ip = get_ip(in);
    size_t nkey = get_text(in, &key), ntext = get_text(in, &text);
    if (!in->bad)
        names_learn(&r->c->names, r->c->limits.names, &ip, key, nkey, text, ntext);
}

static void get_record(struct reading *r, uint64_t type, struct fvt_cursor *in) {
    if (type == EXPORTER)
        get_exporter(r, in);
    else if (type == APPLICATION)
        get_application(r, in);
    else if (!r->e)
        return;
    else if (type == TEMPLATE)
        get_template(r, in);
    else if (type == SAMPLER)
        get_sampler(r, in);
    else if (type == INTERFACE)
        get_interface(r, in);
    exporters_make_room(&r->c->exporters, r->c->limits.announced);
}

bool cache_decode(struct collector *c, int64_t now, const uint8_t *p, size_t n) {
    if (n < HEADER || memcmp(p, MAGIC, 8) != 0 || fvt_load64(p + 56) != fvt_checksum(p, 56) ||
        fvt_load64(p + 8) != n - HEADER ||
        fvt_load64(p + 16) != fvt_checksum(p + HEADER, n - HEADER))
        return false;
    int64_t written = (int64_t)fvt_load64(p + 24);
    struct reading r = {.c = c, .since = written > 0 && now > written ? now - written : 0};
    struct fvt_cursor in = {p + HEADER, p + n, false};
    while (fvt_left(&in) >= RECORD) {
        uint64_t type = fvt_get_int(&in, 1);
        size_t length = (size_t)fvt_get_int(&in, 4);
        const uint8_t *at = fvt_get(&in, length);
        if (!at)
            break;
        struct fvt_cursor record = {at, at + length, false};
        get_record(&r, type, &record);
    }
    return true;
}

/* ---- the file --------------------------------------------------------------------------- */

struct cache {
    struct collector *c;
    char *path, *directory;
    void (*warn)(void *arg, const char *text);
    void *arg;
    int64_t wrote, next; /* ms of the monotonic clock: the last time, and not before the next */
    uint64_t changes;    /* of the collector, that have been written */
    bool failed;         /* the last time */
    bool there;          /* the file was, once */
    bool away;           /* the store is not this program's now */
    /* Of the thread, while it runs. */
    struct fvt_buffer out;
    bool running;
    pthread_t thread;
    atomic_bool done;
    int rc;
    struct fvt_error error;
};

static void complain(const struct cache *k, const char *what) {
    char text[1024];
    snprintf(text, sizeof text, "%s: %s: exporters' templates are waited for", k->path, what);
    k->warn(k->arg, text);
}

/* A regular file of a size that may be; NULL and errno, 0 when it is none. */
static uint8_t *read_file(const char *path, size_t *n) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    uint8_t *p = NULL;
    if (fd < 0)
        return NULL;
    errno = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= 2 * FILE_MAX &&
        (p = malloc((size_t)st.st_size + 1)) != NULL) {
        ssize_t got = 1;
        for (*n = 0; got > 0 && *n<(size_t)st.st_size; *n += got> 0 ? (size_t)got : 0)
            got = read(fd, p + *n, (size_t)st.st_size - *n);
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return p;
}

static void *write_file(void *arg) {
    struct cache *k = arg;
    struct newfile f;
    k->rc = mkdir(k->directory, 0755) == 0 || errno == EEXIST ? FVT_OK : FVT_IO;
    if (k->rc != FVT_OK)
        fvt_fail(&k->error, "%s: %s", k->directory, strerror(errno));
    else if ((k->rc = newfile_open(&f, k->path, &k->error)) == FVT_OK) {
        k->rc = newfile_put(&f, &k->out, &k->error);
        if (k->rc == FVT_OK)
            k->rc = newfile_settle(&f, NULL, NULL, &k->error);
        if (k->rc == FVT_OK)
            k->rc = newfile_publish(&f, &k->error);
        newfile_free(&f);
    }
    atomic_store(&k->done, true);
    return NULL;
}

/* The thread, or what it was to do, has ended. */
static void finish(struct cache *k) {
    if (k->running)
        pthread_join(k->thread, NULL);
    k->running = false;
    if (k->rc != FVT_OK && !k->failed)
        k->warn(k->arg, k->error.text);
    k->failed = k->rc != FVT_OK;
    k->there |= !k->failed;
}

static void write_now(struct cache *k, bool wait) {
    int64_t now = monotonic_ms();
    k->out.failed = false;
    cache_encode(k->c, now_ms(), &k->out);
    k->wrote = now;
    k->next = now + PAUSE_MS + (int64_t)(k->out.n / OCTETS_A_MS);
    if (k->out.failed)
        return; /* out of memory: another time */
    k->changes = k->c->changes;
    k->c->touched = false;
    atomic_store(&k->done, false);
    if (!wait) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        k->running = pthread_create(&k->thread, NULL, write_file, k) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (k->running)
        return;
    write_file(k);
    finish(k);
}

struct cache *cache_open(const char *store, struct collector *c,
                         void (*warn)(void *arg, const char *text), void *arg) {
    struct cache *k = calloc(1, sizeof *k);
    size_t n = 0, size = strlen(store) + sizeof "/" DIRECTORY "/cache";
    if (!k || !(k->path = malloc(size)) || !(k->directory = malloc(size))) {
        if (k)
            free(k->path);
        free(k);
        return NULL;
    }
    snprintf(k->path, size, "%s/" DIRECTORY "/cache", store);
    snprintf(k->directory, size, "%s/" DIRECTORY, store);
    k->c = c;
    k->warn = warn;
    k->arg = arg;
    uint8_t *p = read_file(k->path, &n);
    if (!p && errno != ENOENT)
        complain(k, errno ? strerror(errno) : "is no cache");
    else if (p && !cache_decode(c, now_ms(), p, n))
        complain(k, "is damaged or another version's");
    k->there = p != NULL;
    free(p);
    k->changes = c->changes;
    return k;
}

/* Somebody removed it, perhaps with the whole store, which is there again. */
static bool is_gone(const struct cache *k) {
    struct stat st;
    return k->there && lstat(k->path, &st) != 0 && errno == ENOENT;
}

void cache_tick(struct cache *k, bool ours) {
    int64_t now = monotonic_ms();
    k->away = !ours;
    if (k->running && !atomic_load(&k->done))
        return;
    if (k->running)
        finish(k);
    if (!k->away && now >= k->next &&
        (k->changes != k->c->changes || k->failed || is_gone(k) ||
         (k->c->touched && now - k->wrote >= REFRESH_MS)))
        write_now(k, false);
}

void cache_close(struct cache *k) {
    if (!k)
        return;
    if (k->running)
        finish(k);
    if (!k->away && (k->changes != k->c->changes || k->c->touched || k->failed || is_gone(k)))
        write_now(k, true);
    free(k->out.p);
    free(k->path);
    free(k->directory);
    free(k);
}
