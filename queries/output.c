/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "output.h"

/* A device or pipe is written into; in place of a file, or where nothing is, another is put. */
static bool is_replaced(const char *name) {
    struct stat st;
    return stat(name, &st) != 0 || S_ISREG(st.st_mode);
}

static int fail(const struct output *o) {
    fprintf(stderr, "flowreport: %s: %s\n", o->path ? o->name : "standard output", strerror(errno));
    return -1;
}

int output_open(struct output *o, const char *name) {
    *o = (struct output){.file = stdout, .name = name};
    if (!name || strcmp(name, "-") == 0)
        return 0;
    o->replaced = is_replaced(name);
    /* Two that write the same at once have a file each; the one that ends last stays. */
    o->path = o->replaced ? format("%s.%ld.new", name, (long)getpid()) : copy(name);
    o->file = fopen(o->path, "we");
    if (o->file)
        return 0;
    fail(o);
    free(o->path);
    return -1;
}

int output_close(struct output *o, bool whole) {
    int rc = fflush(o->file) != 0 || ferror(o->file) ? fail(o) : 0;
    if (o->path && fclose(o->file) != 0 && rc == 0)
        rc = fail(o);
    if (rc == 0 && whole && o->replaced && rename(o->path, o->name) != 0)
        rc = fail(o);
    if (o->replaced && (rc != 0 || !whole))
        unlink(o->path);
    free(o->path);
    return rc;
}
