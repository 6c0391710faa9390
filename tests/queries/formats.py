#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""flowreport runs the files that sqlite3 runs: for each report, what it writes in JSON, CSV, Markdown and HTML are
the rows that the shell prints, read back by a parser of that format."""
import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
from parsed import Page, text_of  # noqa: E402

TREE = pathlib.Path(__file__).resolve().parents[2]
build = (TREE / os.environ.get('BUILD', 'build')).resolve()
REPORT = build / 'flowreport'


# What would be of the moment otherwise.
GIVEN = {'store': {'free': '100000000'}, 'alerts/silent': {'until': '2026-11-24 00:00'}}


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, **more)
    if done.returncode:
        raise AssertionError(f'{words[1:]}: status {done.returncode}: {done.stderr.decode()[:500]}')
    return done.stdout.decode()


def shell_rows(path, site, given):
    """Every result set that has rows."""
    parameters = [word for name, value in given.items() for word in ('-cmd', f'.param set :{name} "{value}"')]
    lines = path.read_text().splitlines(keepends=True)
    text = '.mode json\n' + ''.join(line for line in lines if not line.startswith('.'))
    printed = run('sqlite3', '-batch', '-bail', '-cmd', f'.load {build}/flowvt', *parameters, site, input=text.encode()).lstrip()
    sets, decoder = [], json.JSONDecoder()
    while printed:
        rows, end = decoder.raw_decode(printed)
        sets.append(rows)
        printed = printed[end:].lstrip()
    return sets


def unescaped(cell):
    return re.sub(r'\\(.)', r'\1', cell.replace('<br>', '\n').replace('&lt;', '<').replace('&amp;', '&'))


def markdown_tables(text):
    tables, table = [], []
    for line in text.splitlines() + ['']:
        if line.startswith('|'):
            cells = re.split(r'(?<!\\)\|', line)[1:-1]
            table.append([unescaped(cell[1:-1]) for cell in cells])
        elif table:
            tables.append([table[0]] + table[2:])
            table = []
    return tables


def check(name, site):
    path = TREE / 'queries' / f'{name}.sql'
    given = GIVEN.get(name, {})
    words = [REPORT, name, '--site', site] + [word for n, value in given.items() for word in ('--' + n, value)]
    answer = json.loads(run(*words, '--format', 'json'))
    assert set(answer) == {'report', 'question', 'parameters', 'results'}, list(answer)
    assert answer['report'] == name and answer['question'], answer['question']
    results = answer['results']
    # The shell prints no sets without rows.
    assert [r['rows'] for r in results if r['rows']] == shell_rows(path, site, given), 'JSON is not what the shell has'
    tables = [[r['columns']] + [[text_of(row[c]) for c in r['columns']] for row in r['rows']] for r in results]

    text = run(*words, '--format', 'csv')
    assert text.endswith('\r\n') and list(csv.reader(io.StringIO(text, newline=''))) == tables[0], 'CSV differs'

    assert markdown_tables(run(*words, '--format', 'markdown')) == tables, 'Markdown differs'

    page = Page(run(*words, '--format', 'html'))
    there = {tuple(row) for row in page.rows}
    for r, table in zip(results, tables):
        # Tiles, events and notes are no tables.
        if len(table) > 2 and 'until' not in r['columns']:
            missing = [row for row in table[1:] if tuple(row) not in there]
            assert not missing, f'not on the page: {missing[:3]}'
    assert page.scripts == len(page.data) + 1, 'more scripts than there should be'


# Names as somebody might choose who wants to be taken for something else.
HOSTILE = '</script><img src=x onerror=alert(1)> =1+2|"q", \'it\\`s`\' *b* [a](b)\n#'


def rename(site):
    """Everything that a site names is named so."""
    name = HOSTILE.replace("'", "''")
    run('sqlite3', '-cmd', f'.load {build}/flowvt', site, f"""
        UPDATE hosts SET name = name || '{name}', user = user || '{name}', user_group = user_group || '{name}';
        UPDATE networks SET name = '{name}' || cidr; UPDATE services SET application = application || '{name}';
        UPDATE quotas SET name = name || '{name}' WHERE kind <> 'host'; DELETE FROM usage; DELETE FROM usage_recv; DELETE FROM usage_files""")
    run(REPORT, 'update', '--site', site)


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        site = work / 'site.db'
        run(build / 'flowprobe', '-r', TREE / 'tests/data/lab.pcap', '-w', work / 'store')
        os.environ['FLOWVT_STORE'] = str(work / 'store')
        run(REPORT, 'init', site, '--store', work / 'store')
        run('sqlite3', '-cmd', f'.load {build}/flowvt', site, f'.read {TREE}/tests/data/lab.site.sql')
        run(REPORT, 'update', '--site', site)
        names = sorted(p.relative_to(TREE / 'queries').with_suffix('').as_posix()
                       for folder in ('queries', 'queries/alerts') for p in (TREE / folder).glob('*.sql'))
        assert len(names) > 10, names
        crafted = ['users', 'applications', 'bill', 'bill-peers', 'quotas', 'overview']
        for name in names + ['rename'] + crafted:
            try:
                if name == 'rename':
                    rename(site)
                    continue
                check(name, site)
                print(f'ok - {name}: JSON, CSV, Markdown and HTML have the rows of the shell')
            except (AssertionError, ValueError) as e:
                failed += 1
                print(f'not ok - {name}: {e}')
    return 1 if failed else 0


sys.exit(main())
