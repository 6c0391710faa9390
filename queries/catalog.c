/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "memory.h"
#include "nearest.h"
#include "place.h"

static void add_folder(struct catalog *c, char *folder) {
    for (size_t i = 0; i < c->folder_count; i++)
        if (strcmp(c->folders[i], folder) == 0) {
            free(folder);
            return;
        }
    c->folders = grow(c->folders, c->folder_count + 1, sizeof *c->folders);
    c->folders[c->folder_count++] = folder;
}

void catalog_open(struct catalog *c, char *const *given, size_t count) {
    *c = (struct catalog){0};
    for (size_t i = 0; i < count; i++)
        add_folder(c, copy(given[i]));
    const char *list = getenv("FLOWVT_QUERIES");
    while (list && *list) {
        size_t length = strcspn(list, ":");
        if (length)
            add_folder(c, copy_of(list, length));
        list += length + (list[length] == ':');
    }
    char *own[PLACES];
    size_t n = places("queries", own);
    for (size_t i = 0; i < n; i++)
        add_folder(c, own[i]);
}

void catalog_close(struct catalog *c) {
    for (size_t i = 0; i < c->folder_count; i++)
        free(c->folders[i]);
    for (size_t i = 0; i < c->report_count; i++)
        report_free(&c->reports[i]);
    free(c->folders);
    free(c->reports);
    *c = (struct catalog){0};
}

static bool known(const struct catalog *c, const char *name) {
    for (size_t i = 0; i < c->report_count; i++)
        if (strcmp(c->reports[i].name, name) == 0)
            return true;
    return false;
}

static void read_all_of(struct catalog *c, const char *path, const char *below) {
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 4, ".sql") != 0 || e->d_name[0] == '.')
            continue;
        char *name =
            format("%s%s%.*s", below ? below : "", below ? "/" : "", (int)length - 4, e->d_name);
        char *file = format("%s/%s", path, e->d_name);
        struct report report;
        if (known(c, name)) {
            /* An earlier folder's hides it. */
        } else if (report_read(&report, file, name) != 0) {
            fprintf(stderr, "flowreport: %s: %s\n", file, strerror(errno));
        } else {
            c->reports = grow(c->reports, c->report_count + 1, sizeof *c->reports);
            c->reports[c->report_count++] = report;
        }
        free(file);
        free(name);
    }
    if (d)
        closedir(d);
}

static int by_name(const void *a, const void *b) {
    const struct report *x = a, *y = b;
    bool deep_x = strchr(x->name, '/') != NULL, deep_y = strchr(y->name, '/') != NULL;
    return deep_x != deep_y ? (int)deep_x - (int)deep_y : strcmp(x->name, y->name);
}

void catalog_read_folder(struct catalog *c, const char *folder, const char *below) {
    read_all_of(c, folder, below);
    if (c->report_count)
        qsort(c->reports, c->report_count, sizeof *c->reports, by_name);
}

void catalog_read(struct catalog *c, const char *below) {
    for (size_t i = 0; i < c->folder_count; i++) {
        char *path = below ? format("%s/%s", c->folders[i], below) : copy(c->folders[i]);
        catalog_read_folder(c, path, below);
        free(path);
    }
}

char *catalog_file(const struct catalog *c, const char *name) {
    static const char *const beside[] = {"", "../schema/"};
    for (size_t i = 0; i < c->folder_count; i++)
        for (size_t b = 0; b < sizeof beside / sizeof *beside; b++) {
            char *path = format("%s/%s%s", c->folders[i], beside[b], name);
            if (access(path, R_OK) == 0)
                return path;
            free(path);
        }
    return NULL;
}

static bool is_file_name(const char *name) {
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".sql") == 0;
}

static void say_unknown(struct catalog *c, const char *name) {
    catalog_read(c, NULL);
    catalog_read(c, "alerts");
    const char **names = NULL;
    size_t n = 0;
    for (; n < c->report_count; n++) {
        names = grow(names, n + 1, sizeof *names);
        names[n] = c->reports[n].name;
    }
    for (const char *const *also = c->commands; also && *also; also++) {
        names = grow(names, n + 1, sizeof *names);
        names[n++] = *also;
    }
    const char *near = nearest(name, names, n);
    fprintf(stderr, "flowreport: %s: no such report: ", name);
    if (near)
        fprintf(stderr, "is it %s?\n", near);
    else if (c->report_count)
        fprintf(stderr, "flowreport list names them\n");
    else
        fprintf(stderr, "there are none in %s: --queries DIR says where they are\n",
                c->folder_count ? c->folders[0] : "any folder");
    free(names);
}

int catalog_find(struct catalog *c, const char *name, struct report *report) {
    char *path = NULL, *short_name = copy(name);
    if (is_file_name(name)) {
        const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
        free(short_name);
        short_name = copy_of(base, strlen(base) - 4);
        path = copy(name);
    } else {
        char *file = format("%s.sql", name);
        for (size_t i = 0; i < c->folder_count && !path; i++) {
            path = format("%s/%s", c->folders[i], file);
            if (access(path, F_OK) != 0) {
                free(path);
                path = NULL;
            }
        }
        free(file);
    }
    int rc = -1;
    if (!path)
        say_unknown(c, name);
    else if ((rc = report_read(report, path, short_name)) != 0)
        fprintf(stderr, "flowreport: %s: %s\n", path, strerror(errno));
    free(path);
    free(short_name);
    return rc;
}
