# SPDX-License-Identifier: MIT
"""flowvt and those it is compared with: how each is given the flows, asked, and how large they get.

A peer that is not installed is left out. README.md beside this file says where they come from."""
import glob
import os
import shutil
import signal
import socket
import subprocess
import time

from measure import Run
from questions import SLICE, csv_rows, numbers

HERE = os.path.dirname(os.path.abspath(__file__))
# What nfcapd keeps of a flow, as an ordinary table has it.
COLUMNS = [("tstart_ms", "BIGINT"), ("tend_ms", "BIGINT"), ("trecv_ms", "BIGINT"), ("proto", "UTINYINT"),
           ("srcip", "VARCHAR"), ("srcport", "USMALLINT"), ("dstip", "VARCHAR"), ("dstport", "USMALLINT"),
           ("tcpflags", "UTINYINT"), ("tos", "UTINYINT"), ("packets", "UBIGINT"), ("bytes", "UBIGINT"),
           ("inif", "UINTEGER"), ("outif", "UINTEGER"), ("srcas", "UINTEGER"), ("dstas", "UINTEGER"),
           ("srcmask", "UTINYINT"), ("dstmask", "UTINYINT"), ("next", "VARCHAR"), ("exporter", "VARCHAR")]
NAMES = ", ".join(name for name, _ in COLUMNS)


def octets(path):
    """Of a file, or of all files below a directory."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(path) for f in files)


def must(command, env=None):
    run = Run(command, env)
    if run.status:
        raise RuntimeError("%s: %s" % (command if isinstance(command, str) else " ".join(command)[:200],
                                       run.errors.strip()[-300:]))
    return run.output


class Peer:
    name = version = dialect = ""
    env = {}

    def answer(self, question, facts):
        """Rows of one run."""
        run = Run(self.command(question, facts), self.env)
        if run.status:
            raise RuntimeError(run.errors.strip()[-300:])
        return numbers(self.rows(question, run.output))

    def rows(self, question, text):
        return csv_rows(text)

    def sizes(self):
        """Pairs of what it is, and octets."""
        return []

    def stop(self):
        pass


class Flowvt(Peer):
    name = "flowvt"

    def __init__(self, build, store):
        self.build, self.store = build, store
        self.env = {"FLOWVT_STORE": store}
        self.version = self.ask("SELECT flowvt_version()").strip()

    def shell(self, sql, *options):
        return ["sqlite3", "-batch", "-bail", "-csv", *options, "-cmd", ".load %s/flowvt" % self.build, ":memory:", sql]

    def ask(self, sql):
        return must(self.shell(sql), self.env)

    def command(self, question, facts):
        return self.shell(question.sql.format(**facts))

    def collect(self, pcap, store):
        must([self.build + "/flowcollect", "-r", pcap, "-w", store])

    def sizes(self):
        return [("flowvt, closed files", octets(self.store))]


class Nfdump(Peer):
    name = "nfdump"

    def __init__(self, directory):
        self.nfdump = os.environ.get("NFDUMP") or shutil.which("nfdump")
        self.nfcapd = os.environ.get("NFCAPD") or shutil.which("nfcapd")
        self.directory = directory
        # One that was built without a reader of captures has no -f among its options, and listens instead.
        if self.nfdump and self.nfcapd and "\n-f " in Run([self.nfcapd, "-h"]).output:
            words = Run([self.nfdump, "-V"]).output.split()
            self.version = words[words.index("Version:") + 1] if "Version:" in words else "?"

    def found(self):
        return bool(self.version)

    def collect(self, pcap, number):
        """A directory for each file, in the best of its fast compressions."""
        into = "%s/%02d" % (self.directory, number)
        os.makedirs(into)
        base = [self.nfcapd, "-f", pcap, "-l", into, "-t", "86400"]
        if Run(base + ["-z=zstd"]).status or not octets(into):
            must(base + ["-y"])

    def command(self, question, facts):
        where = ["-r", glob.glob("%s/%02d/nfcapd.*" % (self.directory, SLICE))[0]] if question.name == "Q4" else [
            "-R", self.directory]
        command = [self.nfdump, *where, *(x.format(**facts) for x in question.nfdump)]
        if not question.pipe:
            return command
        return " ".join("'%s'" % word for word in command) + " | " + question.pipe

    def rows(self, question, text):
        return question.read(text)

    def sizes(self):
        one = glob.glob(self.directory + "/00/nfcapd.*")[0]
        stored = octets(self.directory)
        yield "nfdump, as nfcapd -z=zstd writes it", stored
        for how in ("lz4", "bz2"):  # one file of them all
            out = "%s.%s" % (self.directory, how)
            if Run([self.nfdump, "-r", one, "-w", out, "-z=" + how]).status == 0 and os.path.exists(out):
                yield "nfdump -z=" + how, stored * octets(out) // octets(one)
                os.unlink(out)


class DuckDB(Peer):
    name, dialect = "DuckDB", "duckdb"

    def __init__(self, database):
        self.database = database
        module = os.environ.get("DUCKDB", "")
        self.start = None
        if module and shutil.which("node"):
            self.start = ["node", os.path.join(HERE, "duck.mjs"), os.path.abspath(module)]
        elif shutil.which("duckdb"):
            self.start = ["duckdb", "-csv", "-noheader"]
        if self.start:
            self.version = must(self.line(":memory:", "SELECT version()")).strip()

    def found(self):
        return bool(self.version)

    def line(self, database, sql, readonly=False):
        if self.start[0] == "node":
            return [*self.start, database, "r" if readonly else "w", sql]
        return [*self.start, *(["-readonly"] if readonly else []), database, sql]

    def load(self, csv_file):
        must(self.line(self.database, "CREATE TABLE flows (%s)" % ", ".join("%s %s" % c for c in COLUMNS)))
        must(self.line(self.database, "COPY flows FROM '%s' (FORMAT csv, HEADER false)" % csv_file))
        must(self.line(self.database, "COPY flows TO '%s.parquet' (FORMAT parquet, COMPRESSION zstd)" % self.database))

    def command(self, question, facts):
        return self.line(self.database, question.on_table(self.dialect).format(**facts), readonly=True)

    def sizes(self):
        return [("DuckDB", octets(self.database)), ("Parquet, zstd", octets(self.database + ".parquet"))]


class ClickHouse(Peer):
    """Of Debian's packages: clickhouse-server and clickhouse-client. The server runs before it is asked."""
    name, dialect = "ClickHouse", "clickhouse"
    TYPES = {"BIGINT": "Int64", "UTINYINT": "UInt8", "VARCHAR": "String", "USMALLINT": "UInt16", "UBIGINT": "UInt64",
             "UINTEGER": "UInt32"}

    def __init__(self, directory):
        self.directory = directory
        self.client, server = shutil.which("clickhouse-client"), shutil.which("clickhouse-server")
        if not self.client or not server:
            return
        os.makedirs(directory, exist_ok=True)
        ports = []
        for _ in range(3):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                ports.append(s.getsockname()[1])
        self.port = str(ports[0])
        with open(directory + "/config.xml", "w", encoding="utf-8") as f:
            f.write(CONFIG.format(directory=directory, tcp=ports[0], http=ports[1], inter=ports[2]))
        with open(directory + "/log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen([server, "--config-file=" + directory + "/config.xml"], stdout=log,
                                           stderr=log, cwd=directory)
        for _ in range(100):
            run = Run(self.line("SELECT version()"))
            if run.status == 0:
                self.version = run.output.strip().strip('"')
                return
            time.sleep(0.1)
        self.stop()

    def found(self):
        return bool(self.version)

    def line(self, sql):
        return [self.client, "--port", self.port, "--format", "CSV", "--query", sql]

    def is_empty(self):
        """Has it no flows yet?"""
        must(self.line("CREATE TABLE IF NOT EXISTS flows (%s) ENGINE = MergeTree PARTITION BY tuple() ORDER BY tstart_ms" % ", ".join(
            "%s %s" % (name, self.TYPES[type_]) for name, type_ in COLUMNS)))
        return must(self.line("SELECT count() FROM flows")).strip() == "0"

    def load(self, csv_file):
        must("%s --port %s --query 'INSERT INTO flows FORMAT CSV' <%s" % (self.client, self.port, csv_file))
        must(self.line("OPTIMIZE TABLE flows FINAL"))

    def command(self, question, facts):
        return self.line(question.on_table(self.dialect).format(**facts))

    def sizes(self):
        return [("ClickHouse, lz4", int(must(self.line(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE table = 'flows' AND active"))))]

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait()


CONFIG = """<yandex><logger><level>warning</level><console>1</console></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>{tcp}</tcp_port><http_port>{http}</http_port>
<interserver_http_port>{inter}</interserver_http_port><path>{directory}/data/</path><tmp_path>{directory}/tmp/</tmp_path>
<user_files_path>{directory}/files/</user_files_path><mark_cache_size>1073741824</mark_cache_size>
<users_config>config.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database>
<profiles><default><max_memory_usage>10000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>
<quota>default</quota></default></users><quotas><default></default></quotas></yandex>
"""


class Table(Peer):
    """An ordinary table of SQLite."""
    name, dialect = "SQLite table", "sqlite"

    def __init__(self, database):
        self.database = database
        self.version = Run(["sqlite3", "--version"]).output.split()[0]

    def found(self):
        return True

    def load(self, csv_file):
        must(["sqlite3", self.database, "CREATE TABLE flows (%s)" % ", ".join(
            "%s %s" % (name, "TEXT" if type_ == "VARCHAR" else "INTEGER") for name, type_ in COLUMNS)])
        must(["sqlite3", "-csv", self.database, ".import %s flows" % csv_file])

    def command(self, question, facts):
        return ["sqlite3", "-batch", "-csv", self.database, question.on_table(self.dialect).format(**facts)]

    def sizes(self):
        return [("SQLite table", octets(self.database))]
