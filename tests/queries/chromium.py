# SPDX-License-Identifier: MIT
"""A headless Chromium, driven through its DevTools protocol over pipes, for tests of pages."""
import json
import os
import shutil
import subprocess
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome')


def find():
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Chromium:
    """`with Chromium() as browser: browser.open(url)`; one page."""

    def __init__(self, patience=90):
        self.patience = patience
        self.number = 0
        self.events = []

    def __enter__(self):
        self.profile = tempfile.mkdtemp()
        to_it, self.to = os.pipe()
        self.of, of_it = os.pipe()
        # DevTools' pipes are its file descriptors 3 and 4.
        self.process = subprocess.Popen(
            ['/bin/sh', '-c', f'exec 3<&{to_it} 4>&{of_it}; exec "$@"', 'sh', find(), '--headless', '--no-sandbox',
             '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions',
             '--disable-background-networking', '--disable-component-update', '--hide-scrollbars',
             f'--user-data-dir={self.profile}', '--remote-debugging-pipe', 'about:blank'],
            pass_fds=(to_it, of_it), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_it)
        os.close(of_it)
        self.rest = b''
        self.session = None
        try:
            targets = self.call('Target.getTargets')['targetInfos']
            page = next(t for t in targets if t['type'] == 'page')
            self.session = self.call('Target.attachToTarget', targetId=page['targetId'], flatten=True)['sessionId']
            for domain in ('Page', 'Network', 'Runtime', 'Log'):
                self.call(domain + '.enable')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.close(self.to)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.of)
        shutil.rmtree(self.profile, ignore_errors=True)

    def _message(self):
        while b'\0' not in self.rest:
            part = os.read(self.of, 1 << 20)
            if not part:
                raise RuntimeError('chromium ended')
            self.rest += part
        text, self.rest = self.rest.split(b'\0', 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._message()
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise RuntimeError(f'{method}: {answer["error"]}')
                return answer['result']
            self.events.append(answer)

    def wait(self, event):
        end = time.monotonic() + self.patience
        while not any(e.get('method') == event for e in self.events):
            if time.monotonic() > end:
                raise RuntimeError(f'no {event}')
            self.events.append(self._message())

    def open(self, url):
        self.events = []
        self.call('Page.navigate', url=url)
        self.wait('Page.loadEventFired')

    def evaluate(self, script):
        answer = self.call('Runtime.evaluate', expression=script, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(str(answer['exceptionDetails']))
        return answer['result'].get('value')

    def size(self, width, height):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)

    def media(self, scheme='light', media=''):
        self.call('Emulation.setEmulatedMedia', media=media,
                  features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def screenshot(self, path):
        import base64
        picture = self.call('Page.captureScreenshot', format='png', captureBeyondViewport=True)
        with open(path, 'wb') as f:
            f.write(base64.b64decode(picture['data']))

    def complaints(self):
        """What the console says, exceptions, and what was asked for but the page itself."""
        found = []
        for e in self.events:
            parameters = e.get('params', {})
            if e.get('method') == 'Runtime.exceptionThrown':
                found.append('exception: ' + str(parameters['exceptionDetails'].get('exception', {}).get('description')))
            elif e.get('method') == 'Runtime.consoleAPICalled':
                found.append('console: ' + str(parameters['args']))
            elif e.get('method') == 'Log.entryAdded':
                found.append('log: ' + parameters['entry']['text'])
            elif e.get('method') == 'Network.requestWillBeSent':
                url = parameters['request']['url']
                if parameters.get('type') != 'Document' and not url.startswith('data:'):
                    found.append('request: ' + url)
        return found
