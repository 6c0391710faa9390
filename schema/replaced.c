/* SPDX-License-Identifier: MIT */
/*
** Names of files in a day's directory, and telling a merged file from another of its name.
*/
#include "replaced.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The digits behind "flows."; how many there are is in *n. NULL: not such a name. */
static const char *digits_of(const char *name, size_t *n) {
    if (strncmp(name, "flows.", 6) != 0)
        return NULL;
    *n = strspn(name + 6, "0123456789");
    return name + 6;
}

bool is_day_name(const char *name) {
    size_t n;
    const char *digits = digits_of(name, &n);
    return digits && n == 8 && strcmp(digits + n, ".fvt") == 0;
}

bool is_interval_name(const char *name) {
    size_t n;
    const char *p = digits_of(name, &n);
    if (!p || (n != 12 && n != 14) || strlen(name) >= sizeof((struct fvt_replaced *)0)->name)
        return false;
    p += n;
    /* A number is put behind where the name itself was taken: see store.c. */
    if (*p == '.' && isdigit((unsigned char)p[1]))
        p += 1 + strspn(p + 1, "0123456789");
    return strcmp(p, ".fvt") == 0;
}

/* The checksum of the footer that the trailer leads to: it covers those of all chunks. */
static bool footer_checksum(int fd, uint64_t size, uint64_t *out) {
    uint8_t t[FVT_TRAILER], h[FVT_BLOCK_HEADER];
    if (size < FVT_FILE_HEADER + FVT_TRAILER || !fvt_read_at(fd, size - FVT_TRAILER, t, sizeof t) ||
        memcmp(t + 24, FVT_TRAILER_MAGIC, 8) != 0 || fvt_checksum(t, 16) != fvt_load64(t + 16))
        return false;
    uint64_t at = fvt_load64(t);
    if (at > size - FVT_BLOCK_HEADER || !fvt_read_at(fd, at, h, sizeof h) ||
        fvt_checksum(h, 32) != fvt_load64(h + 32))
        return false;
    *out = fvt_load64(h + 24);
    return true;
}

static bool whole_checksum(int fd, uint64_t size, uint64_t *out) {
    enum { STEP = 1 << 18 };
    XXH3_state_t *state = XXH3_createState();
    uint8_t *p = malloc(STEP);
    bool good = state && p && XXH3_64bits_reset(state) == XXH_OK;
    for (uint64_t at = 0; good && at < size; at += STEP) {
        size_t n = size - at < STEP ? (size_t)(size - at) : STEP;
        good = fvt_read_at(fd, at, p, n) && XXH3_64bits_update(state, p, n) == XXH_OK;
    }
    if (good)
        *out = XXH3_64bits_digest(state);
    free(p);
    XXH3_freeState(state);
    return good;
}

static bool identify(int fd, uint64_t size, struct fvt_replaced *out) {
    out->size = size;
    return footer_checksum(fd, size, &out->checksum) || whole_checksum(fd, size, &out->checksum);
}

bool replaced_identify(const struct fvt_file *file, struct fvt_replaced *out) {
    memset(out, 0, sizeof *out);
    const char *name = base_name(file->path);
    if (strlen(name) >= sizeof out->name)
        return false;
    strcpy(out->name, name);
    return identify(file->fd, file->size, out);
}

static const struct fvt_replaced *find(const struct fvt_file *day, const char *name, uint32_t *n) {
    const struct fvt_replaced *first = NULL;
    *n = 0;
    for (uint32_t i = 0; i < day->nreplaced; i++) /* those of one name lie together */
        if (strcmp(day->replaced[i].name, name) == 0) {
            first = first ? first : &day->replaced[i];
            ++*n;
        }
    return first;
}

bool replaced_name(const struct fvt_file *day, const char *name) {
    uint32_t n;
    return find(day, name, &n) != NULL;
}

/* Is the file at path one of n? */
static bool is_one_of(const struct fvt_replaced *r, uint32_t n, const char *path) {
    struct fvt_replaced is;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool found = false;
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        bool sized = false, known = false;
        for (uint32_t i = 0; i < n; i++)
            sized |= r[i].size == (uint64_t)st.st_size;
        if (sized)
            known = identify(fd, (uint64_t)st.st_size, &is);
        for (uint32_t i = 0; known && i < n; i++)
            found |= r[i].size == is.size && r[i].checksum == is.checksum;
    }
    close(fd);
    return found;
}

bool replaced_is(const struct fvt_file *day, const char *path) {
    uint32_t n;
    const struct fvt_replaced *first = find(day, base_name(path), &n);
    return first && is_one_of(first, n, path);
}

bool replaced_still(const struct fvt_replaced *r, const char *path) {
    return is_one_of(r, 1, path);
}
