/* SPDX-License-Identifier: MIT */
/*
** A line of text for each exporter, appended when it is first heard.
*/
#include "sysid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

enum {
    LINE_MAX_OCTETS = 128,
    FILE_MAX = (SYSID_MAX + 1) * LINE_MAX_OCTETS,
};

/* ---- the table -------------------------------------------------------------------------- */

static struct sysid key_of(const struct fvt_exporter *e) {
    struct sysid key = {.exporter = e->exporter, .odid = e->odid};
    memcpy(key.version, e->version, sizeof key.version);
    return key;
}

static bool same(const struct sysid *a, const struct sysid *b) {
    return a->odid == b->odid && flow_ip_cmp(&a->exporter, &b->exporter) == 0 &&
           strncmp(a->version, b->version, sizeof a->version) == 0;
}

/* The slot that has the key, or the free one where it belongs. */
static uint32_t *slot_of(const struct sysids *s, const struct sysid *key) {
    struct {
        struct flow_ip exporter;
        char version[7];
        uint32_t odid;
    } hashed = {key->exporter, "", key->odid};
    memcpy(hashed.version, key->version, sizeof hashed.version);
    uint32_t at = (uint32_t)fvt_hash(&hashed, sizeof hashed) & (s->nslots - 1);
    while (s->slot[at] && !same(&s->entry[s->slot[at] - 1], key))
        at = (at + 1) & (s->nslots - 1);
    return &s->slot[at];
}

/* Room for one more, at most half of the slots taken. */
static bool make_room(struct sysids *s) {
    if (s->n < s->room)
        return true;
    uint32_t room = s->room ? s->room * 2 : 16;
    struct sysid *entry = realloc(s->entry, room * sizeof *entry);
    if (entry)
        s->entry = entry;
    uint32_t *slot = entry ? calloc(room * (size_t)2, sizeof *slot) : NULL;
    if (!slot)
        return false;
    free(s->slot);
    s->slot = slot;
    s->nslots = room * 2;
    s->room = room;
    for (uint32_t i = 0; i < s->n; i++)
        *slot_of(s, &s->entry[i]) = i + 1;
    return true;
}

/* False without memory. Numbers that do not ascend, and exporters that have one, are passed over. */
static bool add(struct sysids *s, const struct sysid *e) {
    if (!make_room(s))
        return false;
    uint32_t *slot = slot_of(s, e);
    if (*slot || (s->n && e->number <= s->entry[s->n - 1].number))
        return true;
    s->entry[s->n++] = *e;
    *slot = s->n;
    return true;
}

void sysids_free(struct sysids *s) {
    free(s->entry);
    free(s->slot);
    *s = (struct sysids){0};
}

uint16_t sysids_find(const struct sysids *s, const struct fvt_exporter *e) {
    struct sysid key = key_of(e);
    uint32_t at = s->nslots ? *slot_of(s, &key) : 0;
    return at ? s->entry[at - 1].number : 0;
}

/* ---- the file --------------------------------------------------------------------------- */

static bool path_of(const char *dir, char *path, size_t n) {
    return snprintf(path, n, "%s/.exporters", dir) < (int)n;
}

/* number address odid version; the address may be "-". */
static bool read_line(const char *line, struct sysid *out) {
    unsigned long number, odid;
    char ip[FLOW_IP_TEXT], version[sizeof out->version];
    int n = 0;
    *out = (struct sysid){0};
    if (sscanf(line, "%5lu %45s %10lu %7s%n", &number, ip, &odid, version, &n) != 4 || line[n] ||
        number < 1 || number > SYSID_MAX || odid > UINT32_MAX)
        return false;
    out->number = (uint16_t)number;
    out->odid = (uint32_t)odid;
    strcpy(out->version, version);
    return strcmp(ip, "-") == 0 || flow_ip_parse(ip, strlen(ip), &out->exporter) == 0;
}

static int read_lines(struct sysids *out, FILE *f) {
    char line[LINE_MAX_OCTETS];
    struct sysid e;
    while (fgets(line, sizeof line, f)) {
        char *end = strchr(line, '\n');
        if (!end) /* too long, or torn */
            continue;
        *end = '\0';
        if (read_line(line, &e) && !add(out, &e))
            return FVT_NOMEM;
    }
    return FVT_OK;
}

int sysids_read(const char *dir, struct sysids *out) {
    char path[4096];
    struct stat st;
    *out = (struct sysids){0};
    int fd = path_of(dir, path, sizeof path)
                 ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                 : -1;
    if (fd < 0)
        return FVT_OK;
    bool fit = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX;
    FILE *f = fit ? fdopen(fd, "r") : NULL;
    int rc = f ? read_lines(out, f) : FVT_OK;
    if (f)
        fclose(f);
    else
        close(fd);
    return rc;
}

/* In one write, so that a reader sees the line or not. A line that a crash has torn is ended by a newline. */
static int append(const char *dir, const struct sysid *e) {
    char path[4096], ip[FLOW_IP_TEXT], line[LINE_MAX_OCTETS];
    struct stat st;
    char last = '\n';
    if (!flow_ip_text(&e->exporter, ip))
        strcpy(ip, "-");
    if (!path_of(dir, path, sizeof path))
        return FVT_IO;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0)
        return FVT_IO;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                (st.st_size == 0 || pread(fd, &last, 1, st.st_size - 1) == 1);
    int n = snprintf(line, sizeof line, "%s%u %s %u %.7s\n", last == '\n' ? "" : "\n", e->number,
                     ip, e->odid, e->version);
    good = good && write(fd, line, (size_t)n) == n;
    return close(fd) == 0 && good ? FVT_OK : FVT_IO;
}

int sysids_add(struct sysids *s, const char *dir, const struct fvt_exporter *e) {
    struct sysid more = key_of(e);
    unsigned last = s->n ? s->entry[s->n - 1].number : 0;
    if (last == SYSID_MAX || sysids_find(s, e))
        return FVT_OK;
    more.number = (uint16_t)(last + 1);
    if (!make_room(s))
        return FVT_NOMEM;
    int rc = append(dir, &more);
    return rc == FVT_OK && !add(s, &more) ? FVT_NOMEM : rc;
}
