/* SPDX-License-Identifier: MIT */
/*
** Filters that include files.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../ext/filter.h"

static char dir[] = "/tmp/flowvt-test-XXXXXX";

static void put_file(const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* NULL for a filter that is taken, else its message in a static buffer. */
static const char *complaint(const char *text) {
    static char err[512];
    struct filter_node *node = filter_parse(text, strlen(text), 0, NULL, NULL, err, sizeof err);
    filter_free(node);
    return node ? NULL : err;
}

static void expect_complaint(const char *text, const char *says) {
    const char *said = complaint(text);
    if (!said || !strstr(said, says))
        fail_msg("%s: said [%s], expected [%s]", text, said ? said : "nothing", says);
}

static void make_files(void) {
    char path[300];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/lists", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/lists/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/lists/away", dir);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    put_file("lists/web", "80 # the usual one\n443, 8080");
    put_file("lists/addresses", "10.0.0.0/8\n192.168.0.0/16\n");
    put_file("main", "tcp and dst port in [\n@include lists/web\n] and @include 'rest'");
    put_file("rest", "src ip in [ @include lists/addresses ]");
    put_file("loop", "tcp or (\n@include lists/loop\n)");
    put_file("lists/loop", "udp or\n  @include ../loop");
    put_file("secret", "tcp and\nroot:x:0:0:root");
    put_file("open", "( tcp or udp");
    put_file("empty", "# nothing\n");
    put_file("deep", "");
}

static void test_include(void **state) {
    (void)state;
    char err[512], old[300];
    make_files();
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(dir), 0);
    unsetenv("FLOWVT_FILTERS");

    static const char whole[] = "@INCLUDE main";
    struct filter_node *node =
        filter_parse(whole, sizeof whole - 1, 0, NULL, NULL, err, sizeof err);
    if (!node)
        fail_msg("%s", err);
    assert_int_equal(node->op, FILTER_AND);
    assert_int_equal(node->n, 3);
    assert_int_equal(node->child[1]->values.nrange, 3);
    assert_int_equal(node->child[2]->values.nnet, 2);
    filter_free(node);

    assert_null(complaint("@include empty"));
    assert_null(complaint("tcp @include empty or @include empty udp"));
    assert_null(complaint("@include open )"));
    expect_complaint("@include open", "found the end");
    expect_complaint("@include loop",
                     "lists/loop, line 2, column 3: @include ../loop: it includes itself");
    expect_complaint("tcp or @include lists",
                     "line 1, column 8: @include lists: it is no regular file");
    expect_complaint("@include lists/pipe", "no regular file");
    expect_complaint("@include missing", "No such file");
    expect_complaint("@include ''", "name of a file");

    /* The place is told, and nothing of what stands there. */
    expect_complaint("@include secret", "filter: secret, line 2, column 1: expected a test");
    assert_null(strstr(complaint("@include secret"), "root"));
    assert_null(strstr(complaint("udp and (@include secret"), "root"));

    /* A directory that files have to be in, and that relative names begin in. */
    char lists[300];
    snprintf(lists, sizeof lists, "%s/lists", dir);
    setenv("FLOWVT_FILTERS", lists, 1);
    assert_null(complaint("port in [ @include web ]"));
    expect_complaint("@include ../rest", "not below");
    expect_complaint("@include away", "not below");
    expect_complaint("@include /etc/hostname", "not below");
    setenv("FLOWVT_FILTERS", "", 1);
    expect_complaint("@include lists/web", "FLOWVT_FILTERS is empty");
    unsetenv("FLOWVT_FILTERS");

    /* Breadth and depth are bounded. */
    put_file("twice", "@include empty @include empty");
    put_file("deep", "@include twice @include twice @include twice @include twice");
    char many[200 * sizeof "@include deep\n"] = "";
    for (int i = 0; i < 200; i++)
        strcat(many, "@include deep\n");
    expect_complaint(many, "too many files");
    assert_int_equal(chdir(old), 0);
    char command[300];
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_include),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
