#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""local_time() and utc_time() beside Python's zoneinfo: every zone that the system has, from 1900 to 2200, most of all
around its transitions; what is no zone and no time."""
import datetime
import os
import random
import sqlite3
import sys
import tempfile
import zoneinfo

UTC = datetime.timezone.utc
FIRST, LAST = -2208988800, 7258118400  # 1900, 2200
failed = 0


def check(name, wrong):
    global failed
    failed |= bool(wrong)
    print("%s - %s" % ("not ok" if wrong else "ok", name))
    for line in wrong[:10]:
        print("  %s" % (line,))


def text(seconds):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def offset(zone, seconds):
    return int(datetime.datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset().total_seconds())


def transition(zone, lo, hi):
    """The second from which on the offset is another than at lo, between lo and hi."""
    before = offset(zone, lo)
    while hi - lo > 1:
        mid = (lo + hi) // 2
        lo, hi = (mid, hi) if offset(zone, mid) == before else (lo, mid)
    return hi


def moments(zone):
    """Some at random, and those about transitions of some years."""
    for _ in range(15):
        yield random.randrange(FIRST, LAST)
    for year in (1945, 1987, 2018, 2026, 2040, 2150):
        begin = int(datetime.datetime(year, 1, 1, tzinfo=UTC).timestamp())
        for month in range(0, 365, 15):
            lo, hi = begin + month * 86400, begin + (month + 15) * 86400
            if offset(zone, lo) != offset(zone, hi):
                at = transition(zone, lo, hi)
                yield from (at - 86400, at - 3600, at - 1, at, at + 1, at + 1799, at + 3600, at + 86399)


def first_moment(zone, local):
    """The definition, said the slow way: offsets of two days to either side, in the order of time."""
    best = None
    lo = local - 2 * 86400
    while lo < local + 2 * 86400:
        hi = lo + 6 * 3600
        end = transition(zone, lo, hi) if offset(zone, lo) != offset(zone, hi) else hi
        at = max(lo, local - offset(zone, lo))
        if at < end:
            best = at if best is None else min(best, at)
        lo = end
    return best


def main():
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        print("skip local_time: this python's sqlite3 loads no extensions")
        return 77
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    db.load_extension(os.path.abspath(os.environ.get("BUILD") or "build") + "/flowvt.so")
    seed = random.randrange(1 << 30)
    random.seed(seed)
    print("seed %d" % seed)
    names = sorted(zoneinfo.available_timezones())
    wrong, back, n = [], [], 0
    for name in names:
        zone = zoneinfo.ZoneInfo(name)
        for t in moments(zone):
            n += 1
            local = t + offset(zone, t)
            got = db.execute("SELECT local_time(?, ?)", (text(t), name)).fetchone()[0]
            if got != text(local) + ".000":
                wrong.append((name, text(t), got, text(local)))
            if n % 7 == 0:
                got = db.execute("SELECT utc_time(?, ?)", (text(local), name)).fetchone()[0]
                if got != text(first_moment(zone, local)) + ".000":
                    back.append((name, text(local), got, text(first_moment(zone, local))))
    check("local_time() of %d times in %d zones" % (n, len(names)), wrong if n > 20 * len(names) > 1000 else ["too few"])
    check("utc_time() is the first moment", back)

    cases = (  # a gap, a time that comes twice, half an hour, midnight that is left out, months
        ("2026-03-29 02:30:00.5", "Europe/Berlin", "2026-03-29 01:00:00.000"),
        ("2026-10-25T02:30:00.25Z", "Europe/Berlin", "2026-10-25 00:30:00.250"),
        ("2026-10-04 02:10", "Australia/Lord_Howe", "2026-10-03 15:30:00.000"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04 03:00:00.000"),
        ("2026-11", "America/New_York", "2026-11-01 04:00:00.000"),
        ("2026-11-23", None, "2026-11-23 00:00:00.000"),
        (None, "Europe/Berlin", None),
    )
    check("what is written in several ways", [(c, got) for c in cases if (
        got := db.execute("SELECT utc_time(?, ?)", c[:2]).fetchone()[0]) != c[2]])

    wrong = []
    for time, zone, why in (("2026-02-30", "UTC", "no time"), ("yesterday", "UTC", "no time"), ("2026-01-01 25:00", "UTC", "no time"),
                            ("2026-01-01", "Europe/Nowhere", "there is no"), ("2026-01-01", "../../../etc/passwd", "no name"),
                            ("2026-01-01", "/etc/passwd", "no name"), ("2026-01-01", "leapseconds", "no ")):
        try:
            wrong.append((time, zone, db.execute("SELECT local_time(?, ?)", (time, zone)).fetchone()))
        except sqlite3.OperationalError as e:
            if why not in str(e):
                wrong.append((time, zone, str(e)))
    check("what is no time or zone is an error", wrong)
    damaged(db)
    return failed


def damaged(db):
    """What is left of a file that is cut off, or has octets that are wrong, is a zone or an error."""
    with open("/usr/share/zoneinfo/Europe/Berlin", "rb") as f:
        whole = f.read()
    errors = zones = 0
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TZDIR"] = directory
        for i in range(600):
            octets = bytearray(whole)
            if i < 300:
                octets = octets[:i * len(whole) // 300]
            else:
                for _ in range(random.choice([1, 3, 30])):
                    octets[random.choice([random.randrange(len(octets)), random.randrange(60), -random.randrange(1, 30)])] = random.randrange(256)
            with open("%s/Z%d" % (directory, i), "wb") as f:
                f.write(octets)
            try:
                for time in ("0001-01-01", "1970-01-01", "2026-07-01", "9999-12-31"):
                    db.execute("SELECT local_time(?, ?), utc_time(?, ?)", (time, "Z%d" % i, time, "Z%d" % i)).fetchone()
                zones += 1
            except sqlite3.OperationalError as e:
                errors += "no time zone in" in str(e)
        del os.environ["TZDIR"]
    check("damaged files are zones or errors", [] if errors + zones == 600 and errors > 200 and zones > 10 else [(errors, zones)])


sys.exit(main())
