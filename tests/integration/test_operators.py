"""Configurations as operators write them, in tests/operators: the head of each says whose habit it is
and what must come of it."""

import collections
import contextlib
import functools
import http.client
import json
import os
import pathlib
import pwd
import re
import shutil
import ssl
import subprocess
import tempfile

import psycopg
import pytest

from herdlib import PGHERD, ROOT, Solo, deps, free_port, wait_until

FOLDER = ROOT / "tests/operators"
UNKNOWN = "unknown configuration keys are ignored: "
Expected = collections.namedtuple("Expected",
                                  "must says shows answers config status given joins logs copies needs")


class Case:
    def __init__(self, name):
        self.name = name
        self.config = None  # a file, or a folder of them
        self.variables = None

    @functools.cached_property
    def head(self):
        """The file in which the expectations stand."""
        if self.config is None:
            return self.variables
        return sorted(self.config.iterdir())[0] if self.config.is_dir() else self.config

    @functools.cached_property
    def expected(self):
        found = collections.defaultdict(list)
        for line in self.head.read_text(encoding="utf-8-sig").splitlines():
            if match := re.match(r"# (\w+): (.*)", line):
                found[match[1].lower()].append(match[2].strip())
        assert found["habit"], f"{self.head} does not say whose habit it is"
        assert found["must"] in (["pass"], ["lead"], ["wait"], ["be refused"]), f"{self.head}: {found['must']}"

        def only(key):
            assert len(found[key]) < 2, f"{self.head}: {found[key]}"
            return found[key][0] if found[key] else ""

        def pairs(key, between="="):
            return [tuple(part.strip() for part in line.split(between, 1)) for line in found[key]]
        return Expected(only("must"), found["says"], pairs("shows"), pairs("answers", "=>"),
                        pairs("config"), pairs("status"), only("given"), only("joins"),
                        found["logs"], only("copies"), only("needs"))


def all_cases():
    cases = {}
    for path in sorted(FOLDER.iterdir()):
        name = path.name.removesuffix(".yml").removesuffix(".env")
        if path.suffix == ".env":
            cases.setdefault(name, Case(name)).variables = path
        elif path.suffix == ".yml" or path.is_dir() and path.name != "bin":
            cases.setdefault(name, Case(name)).config = path
    return list(cases.values())


CASES = all_cases()


def user_of_postgresql():
    """The one that tools/bootstrap/make-user sees to, where it is root who runs the tests."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "pgherd"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("PostgreSQL needs a user who is not root")


class Store:
    """One etcd for all cases, and what Solo wants to know of a herd."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pgherd-operators-", dir="/var/tmp"))
        self.dir.chmod(0o755)
        (self.dir / "pg0").mkdir()
        owner = user_of_postgresql()
        os.chown(self.dir / "pg0", owner.pw_uid, owner.pw_gid)
        # The project's own folder may be closed to that user.
        self.scripts = pathlib.Path(shutil.copytree(FOLDER / "bin", self.dir / "scripts"))
        # Every case makes a cluster: in memory where there is enough of it.
        in_memory = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30
        self.quick_folder = "/dev/shm" if in_memory else "/var/tmp"
        port, peer = free_port(), free_port()
        self.address = f"127.0.0.1:{port}"
        self.plan = {"etcd": {"etcd": {"client_port": port}}}
        self.make_certificate()
        with open(self.dir / "etcd.log", "wb") as log:
            self.process = subprocess.Popen(
                [deps()["ETCD"], "--data-dir", self.dir / "etcd", "--unsafe-no-fsync",
                 "--listen-client-urls", f"http://{self.address}",
                 "--advertise-client-urls", f"http://{self.address}",
                 "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                 "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                 "--initial-cluster", f"default=http://127.0.0.1:{peer}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def make_certificate(self):
        """One for everything: it is its own authority, the server's and the client's."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", self.dir / "key.pem", "-out", self.dir / "certificate.pem",
                        "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, capture_output=True)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def store():
    made = Store()
    yield made
    made.close()


class Operator(Solo):
    """A case put into a folder of its own, with this machine's ports and directories."""

    def __init__(self, store, case, variables=None):
        super().__init__(store, "op", parent=store.quick_folder)
        self.store, self.case, self.expected = store, case, case.expected
        for name in ("key.pem", "certificate.pem"):
            shutil.copy(store.dir / name, self.folder)
            os.chown(self.folder / name, self.user, self.group)
            (self.folder / name).chmod(0o600)
        for name in ("run", "second", "log"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, self.user, self.group)
        self.arguments, self.variables = [], {}
        if case.variables:
            self.variables = dict(
                line.split("=", 1) for line in self.filled(case.variables.read_text()).splitlines()
                if line and not line.startswith("#"))
        if case.config and self.expected.given:
            self.variables[self.expected.given] = self.filled(case.config.read_text())
        elif case.config:
            self.arguments = [str(self.put(case.config))]
        self.variables |= variables or {}

    def filled(self, text):
        puts = {"@ETCD@": self.store.address, "@PG_PORT@": str(self.pg_port),
                "@REST_PORT@": str(self.rest_port), "@BIN@": self.bin_dir, "@DIR@": str(self.folder),
                "@SCRIPTS@": str(self.store.scripts)}
        for token, value in puts.items():
            text = text.replace(token, value)
        return text

    def put(self, path):
        """The bytes are left as they are: their order mark and their ends of lines matter."""
        goal = self.folder / path.name
        if path.is_dir():
            goal.mkdir()
            for part in path.iterdir():
                (goal / part.name).write_bytes(self.filled(part.read_bytes().decode()).encode())
        else:
            goal.write_bytes(self.filled(path.read_bytes().decode()).encode())
        return goal

    def environment(self):
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith(("PATRONI_", "PG"))}
        return inherited | {"HOME": str(self.folder)} | self.variables

    def launched(self, run, *words, **options):
        owner = {"user": self.user, "group": self.group, "extra_groups": []} if os.geteuid() == 0 else {}
        return run([PGHERD, "agent", *words, *self.arguments], stdin=subprocess.DEVNULL,
                   cwd=self.folder, env=self.environment(), **owner, **options)

    def validated(self):
        return self.launched(subprocess.run, "--validate-config", "--file-only", capture_output=True, text=True,
                             timeout=30, check=False)

    def begin(self):
        with open(self.log_path, "ab") as log:
            self.process = self.launched(subprocess.Popen, stdout=log, stderr=log)

    def ask(self, path, method="GET", body=None, source="127.0.0.1"):
        if "certfile" not in self.text_of_case():
            return super().ask(path, method, body, source)
        context = ssl.create_default_context(cafile=self.store.dir / "certificate.pem")
        context.load_cert_chain(self.folder / "certificate.pem", self.folder / "key.pem")
        connection = http.client.HTTPSConnection("127.0.0.1", self.rest_port, timeout=10, context=context)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def text_of_case(self):
        keys = (line.split("#")[0] for line in self.case.head.read_text().splitlines())
        return "\n".join(keys)

    def complaints(self, *expected):
        """What the agent warns of when it has read its configuration and said what it thinks of it."""
        begun = self.said().split(" begins; REST API", 1)[-1]
        lines = [line for line in begun.splitlines()
                 if re.match(r"\S+ \S+ (WARNING|ERROR|CRITICAL): ", line)]
        for words in expected:
            assert any(has(line, words) for line in lines), (words, lines)
        return [line for line in lines if not any(has(line, words) for words in expected)]

    def listed(self):
        """What ctl shows with the same configuration."""
        config = ["-c", *self.arguments] if self.arguments else []
        done = subprocess.run([PGHERD, "ctl", *config, "list", "--format", "json"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                              check=False, cwd=self.folder, env=self.environment())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def close(self):
        if self.log_path.exists():
            print(self.said())  # shown where a test has failed
        self.close_server()
        for log in self.folder.glob("**/pgherd_postmaster.log"):
            print(log.read_text(errors="replace")[-2000:])
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self):
        how = self.filled(self.expected.joins) or "host=127.0.0.1 user=postgres password=secret"
        return psycopg.connect(f"{how} port={self.pg_port} dbname=postgres connect_timeout=3",
                               autocommit=True)


@pytest.fixture
def operator(store, request):
    made = Operator(store, request.param)
    yield made
    made.close()


class Starts:
    """Begins each case while the one before is looked at: making a cluster is most of the time."""

    def __init__(self, store, cases):
        self.store, self.cases, self.begun = store, cases, {}

    def take(self, case):
        at = self.cases.index(case)
        for each in self.cases[at:at + 2]:
            if each not in self.begun:
                self.begun[each] = Operator(self.store, each)
                self.begun[each].begin()
        return self.begun[case]

    def close(self):
        for operator in self.begun.values():
            if operator.folder.exists():
                operator.close()


@functools.cache
def major_version():
    said = subprocess.run([f"{deps()['PG_BINDIR']}/postgres", "--version"], capture_output=True, text=True,
                          check=True).stdout
    return int(re.search(r"(\d+)\.", said)[1])


def is_ahead(case):
    """Of the PostgreSQL that these tests run."""
    return int(case.expected.needs or 0) > major_version()


@pytest.fixture(scope="module")
def starts(store, request):
    params = [item.callspec.params["started"] for item in request.session.items
              if "started" in getattr(item, "fixturenames", ())]
    chosen = [case for case in params if not is_ahead(case)]
    made = Starts(store, chosen)
    yield made
    made.close()


@pytest.fixture
def started(starts, request):
    if is_ahead(request.param):
        pytest.skip(f"its settings need PostgreSQL {request.param.expected.needs}")
    made = starts.take(request.param)
    yield made
    made.close()


def warnings_in(said):
    """One for each thing: all unknown keys stand in one line."""
    found = []
    for line in said.splitlines():
        assert line.startswith("warning: "), line
        warning = line.removeprefix("warning: ")
        if warning.startswith(UNKNOWN):
            found += [f"unknown: {key}" for key in re.split(r"(?<=\)), ", warning.removeprefix(UNKNOWN))]
        else:
            found.append(warning)
    return found


def has(text, words):
    return all(word in text for word in words.split(" | "))


def value_at(answer, path):
    for key in path.split("."):
        answer = answer[key]
    return str(answer)


def params(*musts, fixture="operator"):
    chosen = [case for case in CASES if case.expected.must in musts]
    return pytest.mark.parametrize(fixture, chosen, indirect=True, ids=lambda case: case.name)


@params("pass", "wait", "lead")
def test_it_validates_with_these_warnings_and_no_other(operator):
    done = operator.validated()
    assert done.returncode == 0, done.stderr
    warnings = warnings_in(done.stderr)
    for words in map(operator.filled, operator.expected.says):
        fitting = [warning for warning in warnings if has(warning, words)]
        assert len(fitting) == 1, f"{words!r} is said {len(fitting)} times: {warnings}"
        warnings.remove(fitting[0])
    assert warnings == []


@params("be refused")
def test_it_is_refused_with_the_place_and_advice(operator):
    done = operator.validated()
    assert done.returncode == 1, done.stderr
    line = "\n".join(said for said in done.stderr.splitlines() if not said.startswith("warning: "))
    for words in map(operator.filled, operator.expected.says):
        assert has(line, words), done.stderr
    marks = [number for number, text in enumerate(operator.case.head.read_text().splitlines(), 1)
             if text.endswith("# <- here")]
    for number in marks:
        assert f"{operator.case.head.name}:{number}: " in line, done.stderr


def a_second_node_streams(first):
    second = Operator(first.store, first.case, {"PATRONI_NAME": "second"})
    try:
        second.begin()
        wait_until("the second node streams", lambda: json.loads(second.get("/patroni")[1])
                   .get("replication_state") == "streaming", 60)
        # Its own state is published with the next look, which may be a moment after that of its stream.
        wait_until("it is a replica", lambda: second.get("/replica")[0] == 200, 60)
        with second.connect() as sql:
            shown = {name: sql.execute(f"show {name}").fetchone()[0] for name, _ in second.expected.shows}
        assert shown == {name: second.filled(value) for name, value in second.expected.shows}
        expected = () if second.expected.copies == "quietly" else (second.expected.copies,)
        assert second.complaints(*expected) == []
    finally:
        second.close()


@params("lead", fixture="started")
def test_it_starts_and_leads_with_its_settings(started):
    started.wait_leads()
    expected, filled = started.expected, started.filled
    with started.connect() as sql:
        shown = {name: sql.execute(f"show {name}").fetchone()[0] for name, _ in expected.shows}
        assert shown == {name: filled(value) for name, value in expected.shows}
        for query, value in expected.answers:
            assert str(sql.execute(filled(query)).fetchone()[0]) == value, query
    config, status = json.loads(started.get("/config")[1]), json.loads(started.get("/patroni")[1])
    assert [(path, value_at(config, path)) for path, _ in expected.config] == expected.config
    assert [(path, value_at(status, path)) for path, _ in expected.status] == expected.status
    assert "pending_restart" not in status, status
    assert started.complaints(*map(filled, expected.logs)) == []
    members = [(member["Member"], member["Role"], member["State"]) for member in started.listed()]
    assert members == [(status["patroni"]["name"], "Leader", "running")]
    if expected.copies:
        a_second_node_streams(started)


@params("wait")
def test_it_waits_for_others_to_make_the_cluster(operator):
    operator.begin()
    operator.wait_for("member to bootstrap the cluster: this one may not")
    assert operator.complaints() == []
    assert operator.ask("/liveness")[0] == 200
    assert operator.stop() == 0
