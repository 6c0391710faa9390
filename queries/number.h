/* SPDX-License-Identifier: MIT */
#ifndef FLOWREPORT_NUMBER_H
#define FLOWREPORT_NUMBER_H

/* What is written as a number, maybe with k, M, G or T after it, decimal: "10M", "1.5G"; NAN: it is none. */
double number_of(const char *text);

#endif
