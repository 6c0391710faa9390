/* SPDX-License-Identifier: MIT */
/*
** A report: an .sql file that sqlite3 runs as it is, `sqlite3 < FILE`, and whose comments tell people
** and flowreport the rest. The form of such a file:
**
**   -- SPDX-License-Identifier: MIT                          skipped
**   -- The question, one or more lines?  (nfdump -s srcip)   the question; what is in brackets at
**   --   (nfdump ...)                                        its end is a peer's command for it
**   --
**   --   :n       how many, -1 for all          default 10   a parameter: two blanks or more
**   --   :since, :until, :filter, :store        default: all before its meaning and its default,
**   --            which may go on in lines like this         lines that go on begin with six blanks
**   --
**   -- Needs: site                                           it uses the tables of schema/site.sql
**   -- Needs: site, usage                                    and is about what usage has
**   --
**   -- Anything else to know.
**   --
**   -- Sample output (:n 5):
**   -- ...
**                                                            an empty line ends the head
**   .mode box                                                what begins with a dot is for the shell
**
**   -- Title: The busiest hosts                              of the result set that comes next
**   -- Key: proto                                            what a row of an alert is about (known.h)
**   -- Chart: stack=proto values=bytes                       how it is drawn (series.h)
**   SELECT ...;
**
** A parameter with a number as its default takes numbers only; 10k, 10M, 1.5G are numbers, decimal.
** One that stands behind LIMIT takes whole ones. All `:x` of the statements are parameters, whether the head lists
** them or not. Those that were not given are NULL.
*/
#ifndef FLOWREPORT_REPORT_FILE_H
#define FLOWREPORT_REPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct parameter {
    char *name;     /* without the colon */
    char *meaning;  /* "" when the head does not say */
    char *standard; /* what the head says it is when not given; "" when it does not say */
    bool number;    /* its default is a number */
    bool whole;     /* a LIMIT: SQLite takes no other number there */
};

struct report {
    char *name;     /* of the file, without .sql; with "alerts/" before it in such a folder */
    char *path;     /* of the file */
    char *question; /* one line, without the peer's command */
    char *peer;     /* "nfdump -s srcip", or "" */
    char *head;     /* the whole head, without "-- " */
    char *text;     /* all of the file; the statements begin at `statements` */
    const char *statements;
    struct parameter *parameters;
    size_t parameter_count;
    bool needs_site, needs_usage;
};

/* Reads the file into *report, whose name is given; 0, or -1 with errno set and nothing to free. */
int report_read(struct report *report, const char *path, const char *name);

void report_free(struct report *report);

/* NULL when there is none of this name. */
const struct parameter *report_parameter(const struct report *report, const char *name);

/* What comments before a statement say about it; "" when nothing. To free with remarks_free. */
struct remarks {
    char *title, *chart, *key;
};
void remarks_free(struct remarks *remarks);

/* The place of the next statement from sql on: past blanks, comments, semicolons and lines for the
** shell, with what the comments say in *remarks. It is at the end ('\0') when there is none. */
const char *next_statement(const char *sql, struct remarks *remarks);

#endif
