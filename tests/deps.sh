#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Sees to it that what flowvt needs is there. What is missing is installed with apt, as root or
# through sudo; without either, or elsewhere, the packages' names are printed and it fails.
#
# usage: tests/deps.sh GROUP...
#   build   to build and to use flowvt
#   check   for the unit tests
#   bench   for `make bench`; its peers are looked for, not installed
#   peers   for the tests against other programs, and for `make lint`, `make asan`, `make fuzz`
set -u

# package, and what shows that it is there: a command, or a header by its name
packages() {
    case $1 in
    build) cat <<'LIST' ;;
gcc cc
libc6-dev stdio.h
libsqlite3-dev sqlite3ext.h
sqlite3 sqlite3
libpcap-dev pcap.h
liblz4-dev lz4.h
libxxhash-dev xxhash.h
libmicrohttpd-dev microhttpd.h
libmaxminddb-dev maxminddb.h
LIST
    check) cat <<'LIST' ;;
libcmocka-dev cmocka.h
LIST
    bench) cat <<'LIST' ;;
python3 python3
LIST
    peers) cat <<'LIST' ;;
gcc gcc
tshark tshark
tcpdump tcpdump
nfdump nfdump
softflowd softflowd
pmacct pmacctd
clang clang
clang-format clang-format
libclang-rt-dev -
cppcheck cppcheck
shellcheck shellcheck
procps pgrep
iproute2 ip
nftables nft
python3 python3
python3-prometheus-client -
curl curl
chromium chromium
libxml2-utils xmllint
faketime faketime
libndpi-dev ndpi/ndpi_api.h
libndpi-bin ndpiReader
LIST
    esac
}

# cmocka.h wants others before it.
header() {
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\n' "$1" |
        "${CC:-cc}" -E -x c - >/dev/null 2>&1
}

present() { # PACKAGE SIGN
    case $2 in
    -) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$' ;;
    *.h) header "$2" ;;
    cc) command -v "${CC:-cc}" >/dev/null ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$2" >/dev/null ;;
    esac
}

for group; do
    case $group in
    build | check | bench | peers) ;;
    *)
        echo "deps.sh: $group: no such group: build, check, bench or peers" >&2
        exit 2
        ;;
    esac
done

missing=$(for group; do
    packages "$group" | while read -r package sign; do
        present "$package" "$sign" || echo "$package"
    done
done | sort -u | tr '\n' ' ')
missing=${missing% }
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "flowvt needs what Debian calls: $missing" >&2
    echo "deps.sh: no apt here: install them with this system's own means, then run make again" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "flowvt needs these packages: $missing" >&2
    echo "deps.sh: neither root nor sudo: have them installed, then run make again" >&2
    exit 1
fi

echo "flowvt: installing $missing"
log=$(mktemp)
# shellcheck disable=SC2086  # both are lists of words, or nothing
if ! { $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qy --no-install-recommends $missing; } </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "deps.sh: apt-get could not install: $missing" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
