/* SPDX-License-Identifier: MIT */
/* The version of flowvt, of its programs and its extension. */
#ifndef FLOWVT_VERSION
#define FLOWVT_VERSION "0.1.0"
#endif
