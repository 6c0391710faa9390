# SPDX-License-Identifier: MIT
"""Runs whole processes and says what they took."""
import os
import statistics
import subprocess
import tempfile
import time


class Run:
    """One run of a command: seconds of wall time and of processor time, the largest resident set in MB
    (of the largest process, when a shell runs several), what it printed."""

    def __init__(self, command, env=None, keep=True):
        with tempfile.TemporaryFile() as errors:
            out = tempfile.TemporaryFile() if keep else subprocess.DEVNULL
            begin = time.perf_counter()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                     env={**os.environ, **(env or {})}, shell=isinstance(command, str))
            _, status, used = os.wait4(child.pid, 0)
            self.wall = time.perf_counter() - begin
            child.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = used.ru_utime + used.ru_stime
            self.memory = used.ru_maxrss / 1024
            self.output = ""
            if keep:
                out.seek(0)
                self.output = out.read().decode("utf-8", "replace")
                out.close()
            errors.seek(0)
            self.errors = errors.read().decode("utf-8", "replace")
        self.status = child.returncode


def interleaved(commands, runs, env=None):
    """Of each command, {name: command}, its runs; they take turns, so that noise meets all alike. What
    they print goes to /dev/null."""
    done = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            done[name].append(Run(command, env, keep=False))
    return done


def median(values):
    return statistics.median(values)


def spread(values, form="%.2f"):
    """Median (least-greatest)."""
    return (form + " (" + form + "-" + form + ")") % (median(values), min(values), max(values))


def ratios(ours, theirs):
    """Of the wall times, turn by turn."""
    return [a.wall / b.wall for a, b in zip(ours, theirs)]
