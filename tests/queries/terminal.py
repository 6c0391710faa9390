#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""flowreport on a terminal: boxes whose lines are equally wide whatever is in them, how far it is when it
takes long, and Ctrl-C."""
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import time
import unicodedata

TREE = pathlib.Path(__file__).resolve().parents[2]
build = (TREE / os.environ.get('BUILD', 'build')).resolve()
failed = 0

REPORTS = {
    # Scans without an end.
    'endless': """-- How much is it?
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n) SELECT count(f.bytes + f.packets) FROM n CROSS JOIN flows AS f;
""",
    'computing': """-- How much is it?
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;
""",
    'wide': """-- What is wide?
SELECT 'a' AS name, 1 AS number, NULL AS none, '4.2 M' AS size UNION ALL SELECT '漢字かな', 1234567, 'Zu\u0308rich', '999 k'
UNION ALL SELECT 'é\u200b' || char(7, 27) || '[2J', -5.5, '🙂', '10' UNION ALL SELECT x'c328ff', 0, 'x', '1';
""",
}


def check(name, got, wanted=True):
    global failed
    if got == wanted:
        print(f'ok - {name}')
    else:
        failed += 1
        print(f'not ok - {name}\n  got:    {got!r}\n  wanted: {wanted!r}')


def on_terminal(words, until=None):
    """What the program prints there, and its status; once the pattern comes, Ctrl-C is typed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(build / 'flowreport', ['flowreport', *words])
    printed, typed, end = b'', None, time.monotonic() + 120
    while time.monotonic() < end:
        if not select.select([terminal], [], [], .2)[0]:
            continue
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not part:
            break
        printed += part
        if until and typed is None and re.search(until, printed):
            typed = time.monotonic()
            os.write(terminal, b'\x03')
    else:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(terminal)
    if typed:
        print(f'# ended {time.monotonic() - typed:.3f} s after Ctrl-C')
    return printed.decode(errors='replace'), status


def width(text):
    return sum(0 if unicodedata.combining(c) or unicodedata.category(c) == 'Cf' else
               2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


def main():
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        os.environ.update(FLOWVT_STORE=str(work / 'store'), FLOWVT_QUERIES=str(work), LC_ALL='C.UTF-8', FLOWVT_THREADS='1')
        for name, text in REPORTS.items():
            (work / f'{name}.sql').write_text(text)
        subprocess.run([build / 'tests/load/storegen', work / 'store', '1764547200', '60', '4000'], check=True,
                       stdout=subprocess.DEVNULL)
        printed, status = on_terminal(['wide'])
        lines = printed.replace('\r', '').rstrip('\n').split('\n')
        check('a box for wide characters', ([width(line) for line in lines], status), ([width(lines[0])] * 8, 0))
        check('nothing drives the terminal', [c for c in printed if unicodedata.category(c) == 'Cc' and c not in '\r\n'], [])
        check('numbers are at the right', [line.split('│')[2][-2:] for line in lines[3:7]], ['1 ', '7 ', '5 ', '0 '])
        check('and those with a unit', [line.split('│')[4][-2:] for line in lines[3:7]], ['M ', 'k ', '0 ', '1 '])

        files = rb'\d+ %  \d+ of 60 files, [0-9.]+ [kM]?B of [0-9.]+ [kM]B, \d+ s'
        printed, status = on_terminal(['endless'], files)
        check('how far it is, while flows are read', re.search(files, printed.encode()) is not None)
        check('Ctrl-C ends that', os.WIFSIGNALED(status) and os.WTERMSIG(status), signal.SIGINT)
        check('and the line goes away', printed.endswith('\x1b[K'))
        printed, status = on_terminal(['computing'], rb'\d+ s')
        check('how long it is, while SQLite computes', re.search(r'\r\x1b\[K\d+ s', printed) is not None)
        check('Ctrl-C ends that', os.WIFSIGNALED(status) and os.WTERMSIG(status), signal.SIGINT)
    return 1 if failed else 0


raise SystemExit(main())
