# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# A store through the extension and through read_fvt.py: what both see. Sourced after tests/lib.sh
# by tests that compare the two.
work=${work:?by tests/lib.sh}

# A Python with what read_fvt.py needs; empty when there is none. The distribution's own first.
python=
for p in /usr/bin/python3 python3; do
    if "$p" -c 'import ctypes, sqlite3, sys; assert sys.version_info >= (3, 8); ctypes.CDLL("libxxhash.so.0")' 2>/dev/null; then
        python=$p
        break
    fi
done

second_reader() { # ends the test when it cannot run
    [ -n "$python" ] && return
    skip "the second reader" "no Python 3.8 with SQLite and libxxhash.so.0"
    exit 77
}

# The extension's columns, what is not in a file left out, as they are or as the extension computes
# them from what is stored: counters times the sampling rate, at most 2^63-1; one flow a record.
columns=$(sqlite "SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_table_xinfo('flows')
    WHERE NOT hidden ORDER BY cid)")
computed=$(sqlite "SELECT group_concat(CASE
        WHEN name IN ('packets', 'bytes', 'outpackets', 'outbytes') THEN replace(
            'CASE WHEN ifnull(sampling, 0) < 2 THEN @
                  WHEN typeof(@ * sampling) = ''real'' THEN 9223372036854775807
                  ELSE @ * sampling END', '@', name)
        WHEN name = 'flows' THEN 'ifnull(flows, 1)'
        WHEN name = 'duration' THEN '(tend_ms - tstart_ms) / 1000.0'
        ELSE name END, ', ')
    FROM (SELECT name FROM pragma_table_xinfo('flows') WHERE NOT hidden ORDER BY cid)")
exporter_columns='exporter, odid, version, datagrams, flows, packets, bytes, options, lost, no_template,
    malformed_short, malformed_version, malformed_set, malformed_template, malformed_record,
    no_template_octets, malformed_short_octets, malformed_version_octets, malformed_set_octets,
    malformed_template_octets, malformed_record_octets, sampling, sampling_origin, sampling_rounded'

socket_columns='address, port, protocol, datagrams, octets, drops, ring_drops, buffer'
option_columns='exporter, odid, version, template, time, scope, data'
files_columns='path, state, "begin", length, first, last, rows, groups, flows_tcp, packets_tcp, bytes_tcp,
    flows_udp, packets_udp, bytes_udp, flows_icmp, packets_icmp, bytes_icmp,
    flows_other, packets_other, bytes_other'

counter_columns='time, exporter, odid, sourceType, sourceIndex, ifIndex, ifType, ifSpeed, ifDirection, ifAdminStatus,
    ifOperStatus, ifInOctets, ifInUcastPkts, ifInMulticastPkts, ifInBroadcastPkts, ifInDiscards, ifInErrors,
    ifInUnknownProtos, ifOutOctets, ifOutUcastPkts, ifOutMulticastPkts, ifOutBroadcastPkts, ifOutDiscards,
    ifOutErrors, ifPromiscuousMode'

quoted() { # FILE SQL-or-option...: rows that tell numbers, texts and NULL apart, in some fixed order
    local file=$1
    shift
    sqlite3 -batch -bail -noheader -quote "$@" 2>>"$work/errors" | LC_ALL=C sort >"$file"
}

# A store as both see it, in $work/sql.WHAT and $work/reader.WHAT: rows, files, exporters, sockets, interfaces.
look() { # STORE
    local -x FLOWVT_STORE=$1
    local files extension=(-cmd ".load $BUILD/flowvt" :memory:) db=$work/reader.db
    mapfile -t files < <(find "$1" -name '*.fvt' | LC_ALL=C sort)
    rm -f "$db" "$work/errors"
    "$python" tests/schema/read_fvt.py --sql "$db" "${files[@]}" 2>"$work/reader.log"
    quoted "$work/sql.rows" "${extension[@]}" "SELECT $columns FROM flows"
    quoted "$work/sql.files" "${extension[@]}" "SELECT $files_columns, damaged_blocks FROM flow_files"
    quoted "$work/sql.exporters" "${extension[@]}" \
        "SELECT path, ${exporter_columns} FROM flow_exporters"
    quoted "$work/sql.sockets" "${extension[@]}" "SELECT path, $socket_columns FROM flow_sockets"
    quoted "$work/sql.interfaces" "${extension[@]}" \
        "SELECT path, exporter, ifindex, name, description FROM flow_interfaces"
    quoted "$work/sql.options" "${extension[@]}" "SELECT path, $option_columns FROM flow_options"
    quoted "$work/sql.counters" "${extension[@]}" "SELECT path, $counter_columns FROM if_counters"
    quoted "$work/reader.rows" "$db" "SELECT $computed FROM flows"
    quoted "$work/reader.files" "$db" "SELECT $files_columns, damage FROM files"
    quoted "$work/reader.exporters" "$db" "SELECT path, $exporter_columns FROM exporters JOIN files USING (file)"
    quoted "$work/reader.sockets" "$db" "SELECT path, $socket_columns FROM sockets JOIN files USING (file)"
    quoted "$work/reader.interfaces" "$db" \
        "SELECT path, exporter, ifindex, name, description FROM interfaces JOIN files USING (file)"
    quoted "$work/reader.options" "$db" "SELECT path, $option_columns FROM options JOIN files USING (file)"
    quoted "$work/reader.counters" "$db" \
        "SELECT path, $counter_columns FROM if_counters JOIN files USING (file)"
}

# Both see the same, and there is something to see.
compare() { # NAME STORE
    local what
    look "$2"
    for what in rows files exporters sockets interfaces options counters; do
        same "$1: $what ($(wc -l <"$work/reader.$what"))" "$work/sql.$what" "$work/reader.$what"
    done
    is "$1: there are rows" "$([ -s "$work/sql.rows" ] && echo yes)" yes
}

# Nothing of it is damaged, and what directories say is so.
intact() { # NAME STORE
    find "$2" -name '*.fvt' -exec "$python" tests/schema/verify_fvt.py {} + >"$work/verify.log" 2>&1
    is "$1: directories and footers are right" "$(head -n 10 "$work/verify.log")" ""
}
