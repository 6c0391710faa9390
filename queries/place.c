/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "place.h"

/* The folder that this program lies in; "" when that cannot be told. */
static char *own_folder(void) {
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return copy("");
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return copy(path);
}

static size_t add(char **paths, size_t n, char *path) {
    if (access(path, R_OK) == 0)
        paths[n++] = path;
    else
        free(path);
    return n;
}

size_t places(const char *folder, char *paths[PLACES]) {
    char *own = own_folder();
    size_t n = 0;
    /* In the tree: the folder that holds the Makefile, too. */
    char *makefile = format("%s/../Makefile", own);
    if (access(makefile, R_OK) == 0)
        n = add(paths, n, format("%s/../%s", own, folder));
    free(makefile);
    n = add(paths, n, format("%s/../share/flowvt/%s", own, folder));
    free(own);
    return n;
}

size_t extension_places(char *paths[PLACES]) {
    char *own = own_folder();
    size_t n = add(paths, 0, format("%s/flowvt.so", own));
    n = add(paths, n, format("%s/../lib/flowvt.so", own));
    free(own);
    paths[n++] = copy("flowvt");
    return n;
}
