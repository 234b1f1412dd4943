"""A whole herd under test: started with `pgherd local`, looked at through its REST APIs, its store
and its connection strings, and hurt by signals to pids that it wrote down itself."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
PGHERD = os.environ.get("PGHERD_BIN", str(ROOT / "build/release/pgherd"))


def deps():
    """What tools/bootstrap/fetch-deps has found: ETCDCTL, PG_BINDIR, ..."""
    path = pathlib.Path(os.environ.get("PGHERD_DEPS_ENV", ROOT / ".deps/env"))
    found = {}
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.removeprefix("export ").split("=", 1)
            found[name] = "".join(shlex.split(value))
    return found


def wait_until(what, condition, seconds=30.0):
    """Asks again and again until the condition gives something true; what it gave last is in the
    failure."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, psycopg.Error, KeyError, ValueError, AssertionError) as problem:
            last = problem
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for: {what}; last seen: {last!r}")
        time.sleep(0.05)


def process_is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill(pid, number=signal.SIGKILL):
    assert pid > 1, "no process to signal"
    os.kill(pid, number)


class Herd:
    def __init__(self, nodes=3, ttl=5, options=()):
        self.folder = tempfile.TemporaryDirectory(prefix="pgherd-test-", dir="/var/tmp")
        os.chmod(self.folder.name, 0o755)
        self.dir = pathlib.Path(self.folder.name) / "herd"
        self.up(nodes, ttl, options)

    # ---- the program ---------------------------------------------------------------------------

    def local(self, *words, check=True, timeout=180):
        done = subprocess.run(
            [PGHERD, "local", words[0], "--dir", str(self.dir), *words[1:]],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise AssertionError(
                f"pgherd local {' '.join(words)}: {done.stdout}\n{done.stderr}\n{self.all_logs()}")
        return done

    def up(self, nodes=3, ttl=5, options=()):
        self.local("up", "--nodes", str(nodes), "--ports-from-system", "--ttl", str(ttl),
                   "--timeout", "90", *options)

    def ctl(self, *words, check=True, stdin=None):
        done = subprocess.run(
            [PGHERD, "ctl", "-c", str(self.dir / "patronictl.yml"), *words],
            input=stdin, capture_output=True, text=True, timeout=120, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"pgherd ctl {' '.join(words)}: {done.stdout}\n{done.stderr}")
        return done

    def close(self):
        self.local("destroy", "--yes", check=False)
        self.folder.cleanup()

    def log(self, part):
        return (self.dir / "logs" / f"{part}.log").read_text(errors="replace")

    def all_logs(self, lines=40):
        text = []
        for path in sorted(self.dir.glob("**/*.log")):
            with contextlib.suppress(OSError):
                tail = path.read_text(errors="replace").splitlines()[-lines:]
                text.append(f"---- {path.name}\n" + "\n".join(tail))
        return "\n".join(text)

    # ---- what it knows of itself ---------------------------------------------------------------

    @property
    def plan(self):
        return json.loads((self.dir / "herd.json").read_text())

    @property
    def nodes(self):
        return self.plan["nodes"]

    def agent_pid(self, name):
        return self.nodes[name]["pid"]

    def postmaster_pid(self, name):
        path = pathlib.Path(self.nodes[name]["data_dir"]) / "postmaster.pid"
        return int(path.read_text().splitlines()[0])

    def guardian_pids(self, name):
        data_dir = self.nodes[name]["data_dir"]
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().decode().split("\0")
                    if "guardian" in words[1:2] and data_dir in words:
                        found.append(int(entry.name))
        return found

    def supervisor_pid(self):
        return self.plan["supervisor"]["pid"]

    @contextlib.contextmanager
    def supervisor_asleep(self):
        """Nobody starts again what dies meanwhile."""
        pid = self.supervisor_pid()
        kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            kill(pid, signal.SIGCONT)

    def lose_node(self, name):
        """The node is gone from one moment to the next: agent, guardian, PostgreSQL."""
        pids = [self.agent_pid(name), *self.guardian_pids(name), self.postmaster_pid(name)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                kill(pid)

    # ---- REST ------------------------------------------------------------------------------------

    def authorization(self):
        for line in (self.dir / "patronictl.yml").read_text().splitlines():
            if "username:" in line:
                user = line.split(":", 1)[1].strip().strip("'\"")
            if "password:" in line:
                password = line.split(":", 1)[1].strip().strip("'\"")
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def rest(self, name, path, method="GET", body=None, authorized=True, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.nodes[name]["rest_port"],
                                                timeout=timeout)
        with contextlib.closing(connection):
            headers = {"Authorization": self.authorization()} if authorized else {}
            text = None if body is None else json.dumps(body)
            connection.request(method, path, body=text, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def status(self, name):
        return json.loads(self.rest(name, "/patroni")[1])

    def leader(self):
        """The one node whose /leader answers 200."""
        leading = []
        for name in self.nodes:
            with contextlib.suppress(OSError):
                if self.rest(name, "/leader", timeout=3)[0] == 200:
                    leading.append(name)
        return leading[0] if len(leading) == 1 else None

    def standbys(self):
        leader = self.leader()
        return [name for name in self.nodes if name != leader]

    def is_complete(self):
        """One primary that leads, and everybody else streaming from it on its timeline."""
        leader = self.leader()
        if leader is None:
            return False
        primary = self.status(leader)
        if primary["role"] != "primary" or primary["state"] != "running":
            return False
        others = [self.status(name) for name in self.nodes if name != leader]
        return all(other.get("replication_state") == "streaming" and
                   other.get("timeline") == primary["timeline"] for other in others)

    def wait_complete(self, seconds=60):
        wait_until("one primary and all others streaming", self.is_complete, seconds)
        return self.leader()

    # ---- SQL --------------------------------------------------------------------------------------

    def dsn(self, kind="--write"):
        return self.local("dsn", kind).stdout.strip()

    def connect(self, kind="--write", **options):
        return psycopg.connect(self.dsn(kind), autocommit=True, connect_timeout=3, **options)

    def connect_node(self, name):
        """Straight to one node's PostgreSQL, past HAProxy."""
        return psycopg.connect(self.dsn("--write"), host="127.0.0.1",
                               port=self.nodes[name]["pg_port"], autocommit=True, connect_timeout=3)

    def set_tls(self, value):
        """PostgreSQL of all nodes with a certificate of their own: "on" or "off"."""
        owner = (self.dir / "pg0").stat()
        key, certificate = self.dir / "server.key", self.dir / "server.crt"
        if not key.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj",
                            "/CN=pgherd", "-keyout", str(key), "-out", str(certificate)],
                           check=True, capture_output=True)
            for path in (key, certificate):
                os.chown(path, owner.st_uid, owner.st_gid)
                path.chmod(0o600)
        parameters = {"ssl": value, "ssl_key_file": str(key), "ssl_cert_file": str(certificate)}
        assert self.rest(self.leader(), "/config", "PATCH",
                         {"postgresql": {"parameters": parameters}})[0] == 200
        for name in self.nodes:
            def is_in_force(node=name):
                with self.connect_node(node) as connection:
                    return connection.execute("show ssl").fetchone()[0] == value
            wait_until(f"ssl = {value} on {name}", is_in_force)

    def etcdctl(self, *words):
        endpoint = f"127.0.0.1:{self.plan['ports']['etcd']}"
        done = subprocess.run([deps()["ETCDCTL"], "--endpoints", endpoint, *words],
                              capture_output=True, text=True, timeout=20, check=False,
                              env={**os.environ, "ETCDCTL_API": "3"})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Writer:
    """A client that inserts numbered rows through the write port, one commit each, for as long as it
    lives, and remembers which were acknowledged and when."""

    def __init__(self, herd, table="written", pause=0.005, statement_timeout=3000):
        # 0 in synchronous mode: a commit whose wait is cancelled is answered like any other.
        self.statement_timeout = statement_timeout
        self.dsn = herd.dsn("--write") + " connect_timeout=2"
        self.table = table
        self.pause = pause
        self.acknowledged = []  # (number, moment of the answer)
        self.uncertain = set()  # sent, and no answer came
        self.errors = []
        self._stop = threading.Event()
        self._progress = threading.Condition()
        wait_until(f"an empty table {table}", self._prepare)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _prepare(self):
        """HAProxy may send a client to the former primary until its next check: a client tries again."""
        try:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(f"drop table if exists {self.table}")
                connection.execute(f"create table {self.table} (number bigint primary key)")
            return True
        except psycopg.Error:
            return False

    def __enter__(self):
        self._thread.start()
        self.wait_for_rows(20)
        return self

    def __exit__(self, *problem):
        self._stop.set()
        self._thread.join(30)

    def _run(self):
        number = 0
        connection = None
        while not self._stop.is_set():
            number += 1
            try:
                if connection is None:
                    connection = psycopg.connect(
                        self.dsn, autocommit=True,
                        options=f"-c statement_timeout={self.statement_timeout}",
                        keepalives_idle=1, keepalives_interval=1, keepalives_count=2,
                        tcp_user_timeout=3000)
                self.uncertain.add(number)
                connection.execute(f"insert into {self.table} values (%s)", (number,))
                self.uncertain.discard(number)
                with self._progress:
                    self.acknowledged.append((number, time.monotonic()))
                    self._progress.notify_all()
                time.sleep(self.pause)
            except psycopg.Error as problem:
                self.errors.append((time.monotonic(), str(problem)))
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.01)
        if connection is not None:
            connection.close()

    def wait_for_rows(self, count, seconds=60):
        """Until so many more rows than now are acknowledged."""
        with self._progress:
            goal = len(self.acknowledged) + count
            enough = self._progress.wait_for(lambda: len(self.acknowledged) >= goal, seconds)
        assert enough, f"writes did not go on within {seconds} s; last errors: {self.errors[-3:]}"

    def longest_gap(self):
        moments = [moment for _, moment in self.acknowledged]
        return max((b - a for a, b in zip(moments, moments[1:])), default=0.0)

    def missing(self, connection):
        """Acknowledged numbers that are not there."""
        there = {row[0] for row in connection.execute(f"select number from {self.table}")}
        return sorted(number for number, _ in self.acknowledged if number not in there)

    def alien(self, connection):
        """Numbers that are there although nobody sent them."""
        there = {row[0] for row in connection.execute(f"select number from {self.table}")}
        sent = {number for number, _ in self.acknowledged} | self.uncertain
        return sorted(there - sent)


_HANDED_OUT = set()


def free_port():
    """Below the range from which the kernel takes ports for connections: one out of that may be in use
    again before the server that it is for has bound it."""
    first_of_kernel = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, max(first_of_kernel, 10100))
        if port in _HANDED_OUT:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _HANDED_OUT.add(port)
            return port


class Solo:
    """One agent of a cluster of its own, on the store of a herd, with a configuration that a test can
    spoil. Nobody starts it again."""

    def __init__(self, herd, scope, name="solo", share=None, parent="/var/tmp"):
        """`parent`: where its folder is made."""
        self.folder = share.folder if share else pathlib.Path(
            tempfile.mkdtemp(prefix=f"pgherd-{scope}-", dir=parent))
        owner = pathlib.Path(herd.dir / "pg0").stat()
        self.user, self.group = owner.st_uid, owner.st_gid
        os.chown(self.folder, self.user, self.group)
        self.scope, self.name = scope, name
        self.data_dir = self.folder / f"{name}-data"
        self.rest_port, self.pg_port = free_port(), free_port()
        self.bin_dir = deps()["PG_BINDIR"]
        etcd = [f"127.0.0.1:{member['client_port']}" for member in herd.plan["etcd"].values()]
        self.text = f"""
scope: {scope}
name: {name}
restapi: {{listen: "127.0.0.1:{self.rest_port}", connect_address: "127.0.0.1:{self.rest_port}"}}
etcd3: {{hosts: {json.dumps(etcd)}}}
bootstrap:
  dcs: {{ttl: 5, loop_wait: 1, retry_timeout: 1}}
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, data-checksums]
postgresql:
  listen: "127.0.0.1:{self.pg_port}"
  connect_address: "127.0.0.1:{self.pg_port}"
  data_dir: "{self.data_dir}"
  bin_dir: "{self.bin_dir}"
  pgpass: "{self.folder}/{name}-pgpass"
  parameters: {{unix_socket_directories: "", shared_buffers: 16MB}}
  pg_hba: ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"]
  authentication:
    superuser: {{username: postgres, password: secret}}
    replication: {{username: replicator, password: secret}}
"""
        self.process = None
        self.log_path = self.folder / f"{name}.log"

    def start(self, text=None, env=None):
        """`env`: variables over those of the test."""
        config = self.write_configuration(self.text if text is None else text)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [PGHERD, "agent", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env=os.environ | (env or {}),
                **({"user": self.user, "group": self.group, "extra_groups": []}
                   if os.geteuid() == 0 else {}))
        return self

    def write_configuration(self, text):
        """What the agent is told to read."""
        config = self.folder / f"{self.name}.yml"
        config.write_text(text)
        os.chown(config, self.user, self.group)
        return config

    def run_to_its_end(self, text=None, seconds=30):
        """Exit status and everything it said."""
        self.start(text)
        status = self.process.wait(seconds)
        return status, self.said()

    def said(self):
        return self.log_path.read_text(errors="replace")

    def wait_for(self, words, seconds=30):
        wait_until(f"'{words}' in the log", lambda: words in self.said(), seconds)

    def ask(self, path, method="GET", body=None, source="127.0.0.1"):
        """Status, text and headers of an answer. `source`: the address from which is asked."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=10,
                                                source_address=(source, 0))
        with contextlib.closing(connection):
            connection.request(method, path, body=None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def get(self, path):
        return self.ask(path)[:2]

    def json(self, path):
        return json.loads(self.get(path)[1])

    def wait_leads(self, seconds=60):
        wait_until("the solo agent leads", self.leads, seconds)

    def leads(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the agent has ended with {self.process.returncode} and said: "
                               f"{self.said()[-2000:]}")
        return self.get("/health")[0] == 200 and self.get("/leader")[0] == 200

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=3)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()

    def stop(self, number=signal.SIGTERM, seconds=30):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(seconds)
        return None if self.process is None else self.process.returncode

    def close_server(self):
        """The agent leaves, and PostgreSQL with it."""
        self.stop()
        with contextlib.suppress(OSError, ValueError, IndexError):
            kill(int((self.data_dir / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)

    def close(self):
        self.close_server()
        shutil.rmtree(self.folder, ignore_errors=True)
