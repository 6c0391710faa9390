# SPDX-License-Identifier: MIT
"""What flowreport wrote, as a parser of HTML reads it."""
import html.parser


class Page(html.parser.HTMLParser):
    """`data` of series, JSON; `rows` of all tables, cells as text, exact where they are shown short; how many scripts."""

    def __init__(self, text):
        super().__init__()
        self.data, self.rows, self.scripts, self.at = [], [], 0, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == 'script':
            self.at = 'json' if attributes.get('type') == 'application/json' else 'script'
            self.scripts += 1
            if self.at == 'json':
                self.data.append('')
        elif tag == 'tr':
            self.rows.append([])
        elif tag in ('td', 'th'):
            self.rows[-1].append('')
            self.at = 'cell'
        elif tag == 'data' and self.at == 'cell':
            self.rows[-1][-1] = attributes['value']
            self.at = 'data'
        elif tag == 'span' and self.at == 'cell' and attributes.get('class') == 'bar':
            self.at = 'data'

    def handle_endtag(self, tag):
        if tag in ('script', 'td', 'th'):
            self.at = None

    def handle_data(self, data):
        if self.at == 'json':
            self.data[-1] += data
        elif self.at == 'cell':
            self.rows[-1][-1] += data


def text_of(value):
    return '' if value is None else value if isinstance(value, str) else repr(value)
