#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# make install into a DESTDIR, for both kinds of PREFIX; the extension loads by its name alone
# from where it was put; make uninstall takes everything back.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

for prefix in /usr /usr/local; do
    root=$work/root$prefix
    mkdir -p "$root"
    make -s install BUILD="$BUILD" DESTDIR="$root" PREFIX=$prefix >"$work/log" 2>&1
    is "$prefix: make install" "$?" 0
    for f in "$prefix/bin/flowprobe" "$prefix/bin/flowcollect" "$prefix/share/flowvt/queries/summary.sql" \
        "$prefix/share/flowvt/schema/site.sql" \
        "$prefix/share/flowvt/flowcollect.conf" "$prefix/lib/sysusers.d/flowvt.conf"; do
        is "$prefix: $f" "$([ -f "$root$f" ] && echo there)" there
    done
    so=$(cd "$root" && find . -name flowvt.so | sed 's/^\.//')
    is "$prefix: .load flowvt without a path" \
        "$(LD_LIBRARY_PATH=$root${so%/*} sqlite3 -cmd '.load flowvt' :memory: 'SELECT count(flowvt_version())' 2>&1)" 1
    unit=$root$prefix/lib/systemd/system/flowcollect.service
    is "$prefix: the unit starts the program where it is" \
        "$(sed -n 's/^ExecStart=//p' "$unit")" "$prefix/bin/flowcollect -C /etc/flowvt/flowcollect.conf"
    if have systemd-analyze; then
        # A program that can be found, and nobody who has no man page.
        sed "s|^ExecStart=[^ ]*|ExecStart=$collect|; /^Documentation/d" "$unit" >"$work/flowcollect.service"
        is "$prefix: and systemd understands it" "$(systemd-analyze verify "$work/flowcollect.service" 2>&1 | grep flowcollect.service)" ""
    else
        skip "$prefix: systemd understands the unit" "no systemd-analyze"
    fi
    if [ "$(id -u)" = 0 ] && have ldconfig; then
        mkdir -p "$root/etc"
        echo /usr/local/lib >"$root/etc/ld.so.conf"
        PATH=$PATH:/sbin ldconfig -r "$root"
        is "$prefix: ldconfig finds it under the name that .load asks for" \
            "$(PATH=$PATH:/sbin ldconfig -r "$root" -p | sed -n 's/.*flowvt\.so .*=> //p')" "$so"
    else
        skip "$prefix: ldconfig finds it under the name that .load asks for" "not root"
    fi
    make -s uninstall BUILD="$BUILD" DESTDIR="$root" PREFIX=$prefix >"$work/log" 2>&1
    is "$prefix: make uninstall leaves nothing" \
        "$(find "$root$prefix" ! -type d)" ""
done
result
