#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The pages that flowreport writes, in headless Chromium: no complaints, no requests, numbers that equal
the query's, nothing that flows over on a telephone, both themes, values under the pointer.

usage: page.py [--build DIR] [--screenshots DIR]
"""
import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
import chromium  # noqa: E402
from parsed import Page, text_of  # noqa: E402

TREE = pathlib.Path(__file__).resolve().parents[2]
arguments = argparse.ArgumentParser()
arguments.add_argument('--build', default=os.environ.get('BUILD', 'build'))
arguments.add_argument('--screenshots', help='leave pictures of the pages there')
given = arguments.parse_args()
build = (TREE / given.build).resolve()
failed = 0


def check(name, got, wanted=True):
    global failed
    if got == wanted:
        print(f'ok - {name}')
    else:
        failed += 1
        print(f'not ok - {name}\n  got:    {str(got)[:600]}\n  wanted: {str(wanted)[:600]}')


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True, **more).stdout


HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(2)> & "quoted" \'too\''
ODD = f"""-- What does {HOSTILE} do?
-- Title: Over <time>
-- Chart: stack=who
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 49)
SELECT datetime('2026-03-28 22:00', i || ' hours') AS time, k.column1 AS who, (i * 7919 * coalesce(length(k.column1), 3)) % 100003 AS bytes,
       i % 5 AS flows
FROM n, (VALUES ('{HOSTILE.replace("'", "''")}'), ('漢字'), (NULL), ('b'), ('c'), ('d'), ('e'), ('f'), ('g'), ('h')) AS k;
-- Title: {HOSTILE}
SELECT '{HOSTILE.replace("'", "''")}' AS "<b>", x'00ff' AS blob, 1.5 AS real, NULL AS none, 9007199254740993 AS big,
       'averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongword' AS long;
"""


def compare(name, page, answer):
    """Every row of every result set is on the page, and the data of its charts add up to them."""
    parsed = Page(page)
    rows = {tuple(row) for row in parsed.rows}
    drawn = iter(parsed.data)
    missing, sums = [], []
    for result in answer['results']:
        columns = result['columns']
        for row in result['rows']:
            if tuple(text_of(row[c]) for c in columns) not in rows and len(result['rows']) > 1 and 'until' not in columns:
                missing.append(row)
        times = columns[0] == 'time' and result['rows'] and 'until' not in columns
        if not times:
            continue
        series = json.loads(next(drawn))
        for chart in series['charts']:
            key = next((c for c in columns[1:] if isinstance(result['rows'][0][c], str)), None)
            got = {}
            for numbers, k in zip(chart['numbers'], series['keys']):
                for time, value in zip(series['labels'], numbers):
                    got[time] = got.get(time, 0) + value
            wanted = sum(r[chart['name']] for r in result['rows'])
            sums.append((chart['name'], sum(got.values()), wanted))
            if key and len(series['keys']) < 8:
                for numbers, k in zip(chart['numbers'], series['keys']):
                    sums.append((k['name'], sum(numbers),
                                 sum(r[chart['name']] for r in result['rows'] if (r[key] or '(none)') == k['name'])))
    check(f'{name}: every row is on the page', missing, [])
    check(f'{name}: there are charts, and their numbers are the query\'s',
          (len(sums) > 0, [s for s in sums if s[1] != s[2]]), (True, []))
    check(f'{name}: no script but the page\'s own', parsed.scripts, len(parsed.data) + 1)


OVERFLOW = """(() => {
  const wide = [];
  for (const e of document.querySelectorAll('body *')) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > innerWidth + 1 && !e.closest('.scroll') && !e.closest('#tip')) wide.push(e.tagName + '.' + e.className);
  }
  return [document.documentElement.scrollWidth <= innerWidth, wide.slice(0, 5)];
})()"""
# WCAG 2's contrast of text and what it stands on.
CONTRAST = """(() => {
  const light = (c) => {
    const [r, g, b] = c.match(/[0-9.]+/g).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = light(getComputedStyle(document.querySelector('section')).backgroundColor);
  return Math.min(...[...document.querySelectorAll('h1, th, td, figcaption span, svg text, summary, label')]
    .filter((e) => e.getBoundingClientRect().width && !e.closest('.event') && !e.closest('label')).map((e) => {
      const style = getComputedStyle(e), ink = light(e instanceof SVGElement ? style.fill : style.color);
      return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
    }));
})()"""


def look(browser, name, path):
    browser.size(1280, 900)
    browser.media('light')
    browser.open(path.as_uri())
    schemes = {}
    for width in (1280, 320):
        browser.size(width, 900)
        check(f'{name}: nothing flows over at {width}', browser.evaluate(OVERFLOW), [True, []])
        for scheme in ('light', 'dark'):
            browser.media(scheme)
            schemes[scheme] = browser.evaluate('getComputedStyle(document.body).backgroundColor')
            contrast = browser.evaluate(CONTRAST)
            check(f'{name}: text can be read, {scheme} at {width}', contrast >= 4.5 or contrast)
            if given.screenshots:
                browser.screenshot(f'{given.screenshots}/{name}-{width}-{scheme}.png')
    check(f'{name}: two themes', schemes['light'] != schemes['dark'])
    browser.media('dark', 'print')
    check(f'{name}: paper is white', browser.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(255, 255, 255)')
    browser.media('light')
    browser.size(1280, 900)


def simulated(colour, sight):
    """A colour, linear, as one sees it (Machado et al. 2009)."""
    sights = {'protanopia': ((.152286, 1.052583, -.204868), (.114503, .786281, .099216), (-.003882, -.048116, 1.051998)),
              'deuteranopia': ((.367322, .860646, -.227968), (.280085, .672501, .047413), (-.011820, .042940, .968881)),
              'tritanopia': ((1.255528, -.076749, -.178779), (-.078411, .930809, .147602), (.004733, .691367, .303900))}
    rows = sights.get(sight, ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    return [min(1, max(0, sum(m * c for m, c in zip(row, colour)))) for row in rows]


def lab(colour):
    r, g, b = colour
    x, y, z = ((v ** (1 / 3) if v > .008856 else 7.787 * v + 16 / 116) for v in (
        (.4124 * r + .3576 * g + .1805 * b) / .95047, .2126 * r + .7152 * g + .0722 * b, (.0193 * r + .1192 * g + .9505 * b) / 1.08883))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def colours():
    """Those of the charts: told from the ground (WCAG 1.4.11) and from their neighbours, by all, and without colours."""
    def linear(text):
        return [v / 12.92 if v <= .04045 else ((v + .055) / 1.055) ** 2.4 for v in (int(text[i:i + 2], 16) / 255 for i in (0, 2, 4))]

    def contrast(a, b):
        dark, light = sorted(.2126 * c[0] + .7152 * c[1] + .0722 * c[2] for c in (a, b))
        return (light + .05) / (dark + .05)
    css = (TREE / 'queries/chart.css').read_text()
    paper = dict(re.findall(r'--(\w+): #(\w{6})', (TREE / 'queries/page.css').read_text()))
    for theme, part in zip(('light', 'dark'), css.split('@media')):
        values = dict(re.findall(r'--(\w+): #(\w{6})', part))
        keys = [linear(values[f'k{i}']) for i in (*range(7), 'o')]
        ground = linear(values['card'])
        check(f'{theme}: each colour stands out', [round(contrast(k, ground), 2) for k in keys if contrast(k, ground) < 3], [])
        check(f'{theme}: neighbours differ without colours', [round(contrast(a, b), 2) for a, b in zip(keys, keys[1:]) if contrast(a, b) < 1.5], [])
        for sight in ('all', 'protanopia', 'deuteranopia', 'tritanopia'):
            seen = [lab(simulated(k, sight)) for k in keys]
            near = [(i, round(math.dist(a, b))) for i, (a, b) in enumerate(zip(seen, seen[1:])) if math.dist(a, b) < 25]
            check(f'{theme}: neighbours differ for {sight}', near, [])
        check(f'{theme}: what is written on a button', contrast(linear(values['accent']), ground) >= 4.5)
        if theme == 'light':
            check('paper has the same', {k: v for k, v in values.items() if k[0] == 'k'}, {k: v for k, v in paper.items() if k[0] == 'k'})


def si(value, unit):
    prefixes = ['', 'k', 'M', 'G']
    if value < .995:
        return f'{value:.3g} {unit}'
    i = 0
    while value >= 999.5:
        value /= 1000
        i += 1
    text = f'{value:.{0 if value >= 99.95 or value == 0 else 1 if value >= 9.995 else 2}f}'
    return (text.rstrip('0').rstrip('.') if '.' in text else text) + f' {prefixes[i]}{unit}'


def hover(browser, name, answer):
    """In the middle of each of some steps the pointer shows what the query has there."""
    rows = next(r for r in answer['results'] if r['columns'][:2] == ['time', 'key'] and r['rows'])['rows']
    times = sorted({r['time'] for r in rows})
    step = 15
    for at in (0, 1, len(times) - 1):
        middle = (at + .5) / len(times)
        box = browser.evaluate("""(() => { const s = document.querySelector('svg.wide[data-value="0"]'), b = s.getBoundingClientRect();
            const scale = b.width / s.viewBox.baseVal.width;
            return [b.left + scale * s.dataset.left, b.left + scale * s.dataset.right, b.top + b.height / 2]; })()""")
        browser.call('Input.dispatchMouseEvent', type='mouseMoved', x=box[0] + (box[1] - box[0]) * middle, y=box[2])
        got = browser.evaluate("""(() => { const tip = document.getElementById('tip');
            return [getComputedStyle(tip).visibility, tip.querySelector('b').textContent,
                    [...tip.querySelectorAll('tr')].map((r) => [...r.children].map((c) => c.textContent))]; })()""")
        here = [r for r in rows if r['time'] == times[at] and r['bytes']]
        wanted = sorted([r['key'], si(r['bytes'] * 8 / step, 'bit/s')] for r in here)
        if len(here) != 1:
            wanted.append(['all', si(sum(r['bytes'] for r in here) * 8 / step, 'bit/s')])
        check(f'{name}: under the pointer, step {at}', (got[0], sorted(got[2])), ('visible', sorted(wanted)))
        check(f'{name}: and when that was, step {at}', got[1].endswith(times[at][11:19]))
    browser.call('Input.dispatchMouseEvent', type='mouseMoved', x=2, y=2)
    check(f'{name}: and goes with the pointer', browser.evaluate("getComputedStyle(document.getElementById('tip')).visibility"), 'hidden')
    keys = browser.evaluate("""(() => { const s = document.querySelector('svg.wide'); s.focus();
        s.dispatchEvent(new KeyboardEvent('keydown', {key: 'Home'}));
        return document.getElementById('tip').querySelector('b').textContent; })()""")
    check(f'{name}: the keyboard moves it, too', keys.endswith(times[0][11:19]))


def main():
    colours()
    if not chromium.find():
        print('skip pages in a browser: no chromium')
        return 1 if failed else 77
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        os.environ.update(FLOWVT_STORE=str(work / 'store'), FLOWVT_QUERIES=str(work))
        report = build / 'flowreport'
        run(build / 'flowprobe', '-r', TREE / 'tests/data/lab.pcap', '-w', work / 'store')
        (work / 'odd.sql').write_text(ODD)
        run(report, 'init', work / 'site.db', '--store', work / 'store')
        event = HOSTILE.replace("'", "''")
        run('sqlite3', '-cmd', f'.load {build}/flowvt', work / 'site.db',
            f"INSERT INTO events VALUES ('2026-11-23 18:12:50', NULL, '{event}'), ('2026-11-23 18:13:10', '2026-11-23 18:13:20', 'work');"
            "INSERT INTO events VALUES ('2026-01-01', NULL, 'another time')")
        pages = {'overview': ['overview', '--site', work / 'site.db'], 'series': ['series', '--bucket', '10', '--site', work / 'site.db'], 'odd': ['odd']}
        answers = {}
        for name, words in pages.items():
            path = work / f'{name}.html'
            run(report, *words, '--html', path)
            answers[name] = json.loads(run(report, *words, '--format', 'json'))
            compare(name, path.read_text(), answers[name])
            faults = subprocess.run(['xmllint', '--html', '--noout', '--huge', path], capture_output=True, text=True).stderr
            # It does not know of HTML 5's elements.
            faults = [line for line in faults.splitlines() if 'error' in line and 'invalid' not in line]
            check(f'{name}: xmllint reads it', faults, [])
            run(report, *words, '--svg', work / f'{name}.svg')
            run('xmllint', '--noout', work / f'{name}.svg')
        with chromium.Chromium() as browser:
            for name in pages:
                look(browser, name, work / f'{name}.html')
                if name == 'overview':
                    hover(browser, name, answers[name])
                if name != 'odd':
                    marks = browser.evaluate("[...document.querySelectorAll('svg.wide[data-value=\"0\"] .event title')].map((e) => e.textContent)")
                    check(f'{name}: events are marked', marks, [HOSTILE, 'work'])
                    check(f'{name}: and named', browser.evaluate("[...document.querySelectorAll('ol.events li')].map((e) => e.lastChild.textContent)"),
                          [HOSTILE, 'work'])
                check(f'{name}: no complaints, no requests', browser.complaints(), [])
                browser.open((work / f'{name}.svg').as_uri())
                if given.screenshots:
                    browser.screenshot(f'{given.screenshots}/{name}-svg.png')
                check(f'{name}.svg: no complaints, no requests', browser.complaints(), [])
    return 1 if failed else 0


sys.exit(main())
