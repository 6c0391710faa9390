#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Options data of real exporters in the table flow_options.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

for capture in cisco-ipfix-srv6-bgp cisco-ipfix-options-map-reassign unknown-nf9-multiple-options yaf-ipfix-applabel \
    softflowd-ipfix-templates-options unknown-ipfix-options-telegraf cisco-nf9-options-templates-data; do
    [ -f "$data/export/$capture.pcap" ] || { skip options_data "no $data/export/$capture.pcap"; exit 77; }
    "$collect" -r "$data/export/$capture.pcap" -w "$work/store" 2>/dev/null
done
export FLOWVT_STORE=$work/store
is "all of it is JSON" \
    "$(sqlite "SELECT count(*) > 10, min(json_valid(data)), min(scope IS NULL OR json_valid(scope)) FROM flow_options")" "1|1|1"
is "VRF names" "$(sqlite "SELECT json_extract(data, '\$.VRFname') FROM flow_options
    WHERE json_extract(scope, '\$.ingressVRFID') = 1610612737 ORDER BY 1 LIMIT 1")" "**nVSatellite"
is "exporting process statistics" "$(sqlite "SELECT json_extract(data, '\$.exportedFlowRecordTotalCount') FROM flow_options
    WHERE json_extract(scope, '\$.templateId') = 500")" "1013367971"
is "samplers by id" "$(sqlite "SELECT json_extract(data, '\$.samplerName') FROM flow_options
    WHERE json_extract(scope, '\$.selectorId') = 6 LIMIT 1")" "RICCARDO-SAMPLER-MAP-E"
is "names that are elsewhere are not in it" \
    "$(sqlite "SELECT count(*) FROM flow_options WHERE data LIKE '%interfaceName%'")" 0
result
