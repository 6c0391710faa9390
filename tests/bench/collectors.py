# SPDX-License-Identifier: MIT
"""flowcollect and nfdump's collectors, run while tests/load/flowblast presses them.

What is lost is known exactly: the flows that were sent against those that are in the files."""
import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from measure import Run
from peers import must

BUILD = os.path.abspath(os.environ.get("BUILD") or "build")
FLOWBLAST = BUILD + "/tests/load/flowblast"
BUFFER = 32 << 20  # octets of socket buffer to ask for


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def waiting(port):
    """Octets in the buffer of the socket that listens on the port; None without one."""
    with open("/proc/net/udp", encoding="ascii") as f:
        for line in f:
            words = line.split()
            if words[1].endswith(":%04X" % port):
                return int(words[4].split(":")[1], 16)
    return None


class Flowcollect:
    name = "flowvt"

    def __init__(self, *options):
        self.options = options

    def serves(self, _):
        return True

    def command(self, _, directory, port, interval):
        return [BUILD + "/flowcollect", "-w", directory, "-b", "127.0.0.1", "-p", str(port), "-t", str(interval), "-B",
                str(BUFFER), "-e", "none", "--no-merge", *self.options]

    def stored(self, directory):
        return int(must(["sqlite3", "-batch", "-cmd", ".load %s/flowvt" % BUILD, ":memory:",
                         "SELECT count(*) FROM flows"], {"FLOWVT_STORE": directory}) or 0)


class Nfcapd:
    """NetFlow and IPFIX by nfcapd, sFlow by sfcapd, which lies near it."""
    name = "nfcapd"

    def __init__(self):
        self.nfdump = os.environ.get("NFDUMP") or shutil.which("nfdump")
        self.nfcapd = os.environ.get("NFCAPD") or shutil.which("nfcapd")
        self.sfcapd = None
        if self.found():
            # LZ4, in the letters of this version.
            lz4 = "-z=lz4" if "-z=lz4" in Run([self.nfcapd, "-h"]).output else "-y"
            self.options = (os.environ.get("NFCAPD_OPTIONS") or lz4).split()
            beside = [os.path.join(os.path.dirname(self.nfcapd), where) for where in ("sfcapd", "../sflow/sfcapd")]
            self.sfcapd = next((path for path in beside if os.access(path, os.X_OK)), shutil.which("sfcapd"))
            words = Run([self.nfcapd, "-V"]).output.split()
            self.version = words[words.index("Version:") + 1] if "Version:" in words else "?"

    def found(self):
        return bool(self.nfdump and self.nfcapd) and "nfcapd" in (os.environ.get("PEERS") or "nfcapd").split(",")

    def serves(self, protocol):
        return bool(self.sfcapd if protocol == "sflow" else self.nfcapd)

    def command(self, protocol, directory, port, interval):
        return [self.sfcapd if protocol == "sflow" else self.nfcapd, "-w", directory, "-b", "127.0.0.1", "-p",
                str(port), "-t", str(interval), "-B", str(BUFFER), *self.options]

    def stored(self, directory):
        found = re.search(r"^Flows: +(\d+)", must([self.nfdump, "-R", directory, "-I"]), re.M)
        return int(found.group(1)) if found else 0


class Running:
    """A collector that listens, until stop()."""

    def __init__(self, collector, protocol, interval, directory):
        self.collector, self.directory, self.port = collector, directory, free_port()
        self.log = tempfile.TemporaryFile()
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        command = collector.command(protocol, directory, self.port, interval)
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        atexit.register(self.process.kill)  # when something fails
        while waiting(self.port) is None:
            if self.process.poll() is not None:
                raise RuntimeError("%s does not run: %s" % (" ".join(command), self.messages()[-300:]))
            time.sleep(0.01)

    def messages(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def threads(self):
        """CPU seconds of each thread so far, by its name."""
        used, tick = {}, os.sysconf("SC_CLK_TCK")
        tasks = "/proc/%d/task/" % self.process.pid
        for task in os.listdir(tasks):
            with open(tasks + task + "/stat", encoding="utf-8") as f:
                name, rest = f.read().split("(", 1)[1].rsplit(") ", 1)
            words = rest.split()
            used[name] = used.get(name, 0) + (int(words[11]) + int(words[12])) / tick
        return used

    def memory(self):
        """MB of resident set."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024

    def stop(self):
        """End it properly when it has read its socket empty. Sets cpu, in seconds of its whole life, what it closes
        at the end included, and stored, the flows in its files."""
        while waiting(self.port):
            time.sleep(0.01)
        self.process.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            raise RuntimeError("%s: exit status %d: %s" % (self.collector.name, self.process.returncode,
                                                           self.messages()[-300:]))
        self.cpu = used.ru_utime + used.ru_stime
        self.peak = used.ru_maxrss / 1024
        self.stored = self.collector.stored(self.directory)
        shutil.rmtree(self.directory)


class Blast:
    """flowblast while it sends; sent() waits for its end."""

    def __init__(self, protocol, rate, flows, exporters, port):
        self.process = subprocess.Popen([FLOWBLAST, "--version", protocol, "--rate", str(int(rate)), "--flows",
                                         str(int(flows)), "--exporters", str(exporters), "127.0.0.1", str(port)],
                                        stdout=subprocess.PIPE)
        atexit.register(self.process.kill)

    def running(self):
        return self.process.poll() is None

    def sent(self):
        """Flows, and the rate that was reached."""
        flows, _, seconds = self.process.communicate()[0].split()
        return int(flows), int(flows) / float(seconds)
