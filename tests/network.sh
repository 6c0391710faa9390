# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Sourced from the top of an end-to-end test, before lib.sh: the test goes on as root in a network of its own, with
# nothing in it, or is skipped.
if [ "${OWN_NETWORK:-}" != yes ]; then
    if ! unshare -rn true 2>/dev/null || ! PATH=$PATH:/usr/sbin:/sbin command -v ip >/dev/null; then
        echo "skip ${0##*/}: no network of its own: unshare -rn, ip"
        exit 77
    fi
    OWN_NETWORK=yes exec unshare -rn "$0"
fi
PATH=$PATH:/usr/sbin:/sbin
