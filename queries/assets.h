/* SPDX-License-Identifier: MIT */
/*
** Files of queries/ that are built into the program: what a page is styled and moved with.
*/
#ifndef FLOWREPORT_ASSETS_H
#define FLOWREPORT_ASSETS_H

extern const char asset_chart_css[], asset_page_css[], asset_page_js[];

#endif
