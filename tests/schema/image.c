/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/format.h"

static void must(int good, const char *path) {
    if (good)
        return;
    perror(path);
    abort();
}

uint8_t *image_read(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    must(f && fseek(f, 0, SEEK_END) == 0, path);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *p = malloc(*n);
    must(p && fread(p, 1, *n, f) == *n, path);
    fclose(f);
    return p;
}

/* Not emptied first: ext4 waits for the disk when such a file is closed. */
void image_write(const char *path, const uint8_t *p, size_t n) {
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    must(fd >= 0 && write(fd, p, n) == (ssize_t)n && ftruncate(fd, (off_t)n) == 0, path);
    must(close(fd) == 0, path);
}

void image_set(uint8_t *p, uint64_t v, unsigned octets) {
    for (unsigned i = 0; i < octets; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

void image_replace(uint8_t *p, size_t n, uint64_t old, uint64_t now) {
    for (size_t i = 0; i + 8 <= n; i++)
        if (fvt_load64(p + i) == old)
            image_set(p + i, now, 8);
}

void image_seal(uint8_t *p, size_t n) {
    for (size_t i = FVT_FILE_HEADER; i + FVT_BLOCK_HEADER <= n; i += FVT_ALIGN) {
        if ((uint32_t)fvt_load64(p + i) != FVT_BLOCK_MAGIC)
            continue;
        uint32_t first = (uint32_t)fvt_load64(p + i + 16);
        if (first > n - i - FVT_BLOCK_HEADER)
            continue;
        image_set(p + i + 24, fvt_checksum(p + i + FVT_BLOCK_HEADER, first), 8);
        image_set(p + i + 32, fvt_checksum(p + i, 32), 8);
    }
}
