// SPDX-License-Identifier: MIT
/*
** The main program of a fuzz target in an ordinary build: runs the target once on each file named,
** and on each file in each directory named, so that the test run replays the corpus. With
** libFuzzer (`make fuzz`) its own main takes this one's place.
*/
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int one(const char *path) {
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st)) {
        perror(path);
        return 1;
    }
    /* Exactly as large as the input, so that AddressSanitizer sees a read behind its end. */
    uint8_t *data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
    const size_t n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
    fclose(f);
    if (!data || n != (size_t)st.st_size) {
        fprintf(stderr, "replay: %s: read %zu octets of %lld\n", path, n, (long long)st.st_size);
        free(data);
        return 1;
    }
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

static int directory(const char *path, unsigned *count) {
    struct dirent **entries;
    const int n = scandir(path, &entries, NULL, alphasort);
    int bad = n < 0;
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            bad |= one(file);
            ++*count;
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return bad;
}

int main(int argc, char **argv) {
    unsigned count = 0;
    int bad = 0;
    /* The two inputs that every corpus begins with. */
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 1);
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st)) {
            fprintf(stderr, "replay: %s: no corpus there\n", argv[i]);
            bad = 1;
        } else if (S_ISDIR(st.st_mode)) {
            bad |= directory(argv[i], &count);
        } else {
            bad |= one(argv[i]);
            count++;
        }
    }
    printf("%s - %s: %u inputs replayed\n", bad ? "not ok" : "ok", argv[0], count);
    return bad;
}
