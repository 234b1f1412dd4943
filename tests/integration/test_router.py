"""`pgherd router` before a real herd: clients are led to the right server, and are told the truth when
there is none."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

import psycopg
import pytest
from psycopg import errors

from herdlib import Herd, PGHERD, Writer, kill, wait_until


@pytest.fixture(scope="module")
def shared_herd():
    made = Herd(nodes=3, ttl=3, options=("--router", "pgherd"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def herd(shared_herd):
    shared_herd.wait_complete()
    leader = shared_herd.leader()
    wait_until("the router leads to the leader", lambda: herd_status(shared_herd)["primary"] == leader)
    return shared_herd


def herd_status(herd):
    secrets = json.loads((herd.dir / "secrets.json").read_text())
    return status_at(herd.plan["ports"]["statistics"], "herd", secrets["statistics"])


def ask_at(port, path, user=None, password=""):
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    url = f"http://127.0.0.1:{port}{path}"
    if user:
        passwords.add_password(None, url, user, password)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    with opener.open(url, timeout=5) as answer:
        return answer.read().decode()


def status_at(port, user, password):
    return json.loads(ask_at(port, "/status", user, password))


class ARouter:
    """A router of its own, on the store of a herd, with ports that the system chooses."""

    def __init__(self, herd, scope=None, hosts=None, etcd="", **keys):
        self.folder = tempfile.TemporaryDirectory(prefix="pgherd-router-", dir="/var/tmp")
        self.herd = herd
        folder = pathlib.Path(self.folder.name)
        members = [f"127.0.0.1:{member['client_port']}" for member in herd.plan["etcd"].values()]
        lines = "".join(f"  {key}: {value}\n" for key, value in keys.items())
        config = folder / "router.yml"
        config.write_text(f"""
scope: {scope or herd.plan["scope"]}
log: {{level: DEBUG}}
etcd3: {{hosts: {json.dumps(hosts or members)}{etcd}}}
router:
  write: 127.0.0.1:0
  read: 127.0.0.1:0
  statistics: {{listen: "127.0.0.1:0"}}
{lines}""")
        self.log_path = folder / "router.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([PGHERD, "router", str(config)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.ports = wait_until("the router's ports in its log", self._find_ports)

    def _find_ports(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the router has ended: {self.said()}")
        found = re.search(r"writes on port (\d+), reads on port (\d+), statistics on port (\d+)",
                          self.said())
        return [int(port) for port in found.groups()] if found else None

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        if problem[0]:
            print(self.said())
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.folder.cleanup()

    def said(self):
        return self.log_path.read_text(errors="replace")

    def status(self):
        return status_at(self.ports[2], None, "")

    def connect(self, port=0, **options):
        return psycopg.connect(self.herd.dsn("--write"), port=self.ports[port], autocommit=True,
                               **options)

    def raw(self, port=0):
        made = socket.create_connection(("127.0.0.1", self.ports[port]), timeout=10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


def port_of(connection):
    return connection.execute("select inet_server_port()").fetchone()[0]


def everything(connection):
    """What comes until the other side closes."""
    text = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(4096):
            text += piece
    return text


# ---- the way --------------------------------------------------------------------------------------


@pytest.mark.core
def test_writes_go_to_the_primary_and_reads_to_the_standbys_in_turn(herd):
    ports = {herd.nodes[name]["pg_port"]: name for name in herd.nodes}
    with herd.connect("--write") as writer:
        assert ports[port_of(writer)] == herd.leader()
        writer.execute("create table if not exists seen (number int)")
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(herd.connect("--read")) for _ in range(4)]
        used = [ports[port_of(reader)] for reader in readers]
        assert sorted(set(used)) == sorted(herd.standbys())
        assert all(used.count(name) == 2 for name in set(used))
        with pytest.raises(errors.ReadOnlySqlTransaction):
            readers[0].execute("insert into seen values (1)")


def test_copy_and_large_results_pass_unchanged(herd):
    rows = 200_000
    with herd.connect() as connection:
        connection.execute("drop table if exists copied")
        connection.execute("create table copied (number int, filling text)")
        with connection.cursor() as cursor:
            with cursor.copy("copy copied from stdin") as copy:
                for number in range(rows):
                    copy.write(f"{number}\t{'x' * (number % 97)}\n")
            with cursor.copy("copy (select * from copied order by number) to stdout") as copy:
                received = b"".join(bytes(piece) for piece in copy)
        expected = "".join(f"{number}\t{'x' * (number % 97)}\n" for number in range(rows)).encode()
        assert received == expected
        one_value = connection.execute("select repeat('abcdefgh', 4000000)").fetchone()[0]
        assert one_value == "abcdefgh" * 4000000
        many = connection.execute("select g, md5(g::text) from generate_series(1, 100000) g").fetchall()
        assert len(many) == 100000 and many[-1][0] == 100000


def test_a_client_that_does_not_read_holds_up_nobody_else(herd):
    """And gets all of it in the end."""
    with ARouter(herd) as router, router.connect() as slow, router.connect() as quick:
        cursor = slow.cursor()
        for number, row in enumerate(cursor.stream("select repeat('y', 100000) from generate_series(1, 500)")):
            if number % 100 == 0:
                assert quick.execute("select 1").fetchone()[0] == 1
                time.sleep(0.05)
            assert len(row[0]) == 100000
        assert number == 499


def test_pipelines_cursors_notifications_and_prepared_statements_work(herd):
    with herd.connect() as connection, herd.connect() as other:
        with connection.pipeline():
            cursors = [connection.execute("select %s::int", (number,)) for number in range(200)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(200))
        for number in range(10):
            assert connection.execute("select %s + 1", (number,), prepare=True).fetchone()[0] == number + 1
        with connection.transaction(), connection.cursor("named") as cursor:
            cursor.execute("select generate_series(1, 1000)")
            assert len(cursor.fetchall()) == 1000
        connection.execute("listen news")
        other.execute("notify news, 'hello'")
        assert next(connection.notifies()).payload == "hello"


@pytest.mark.core
@pytest.mark.parametrize("kind", ["--write", "--read"])
def test_a_cancel_request_reaches_the_server_of_its_session(herd, kind):
    with herd.connect(kind) as one, herd.connect(kind) as other:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asleep = pool.submit(one.execute, "select pg_sleep(60)")
            bystander = pool.submit(other.execute, "select pg_sleep(1), 7")
            wait_until("the statement runs", lambda: _is_asleep(herd, one.info.backend_pid))
            one.cancel()
            with pytest.raises(errors.QueryCanceled):
                asleep.result(10)
            assert bystander.result(10).fetchone()[1] == 7
        assert one.execute("select 1").fetchone()[0] == 1


def _is_asleep(herd, pid):
    for name in herd.nodes:
        with herd.connect_node(name) as connection:
            if connection.execute("select 1 from pg_stat_activity where pid = %s and wait_event = 'PgSleep'",
                                  (pid,)).fetchone():
                return True
    return False


def test_a_cancel_request_with_a_key_of_nobody_does_nothing(herd):
    with ARouter(herd) as router, router.connect() as bystander:
        with router.raw() as connection:
            connection.sendall(struct.pack("!iiii", 16, 80877102, bystander.info.backend_pid, 12345))
            assert everything(connection) == b""
        assert bystander.execute("select 1").fetchone()[0] == 1
        counts = router.status()["connections"]
        assert (counts["cancels"], counts["cancels_of_unknown_key"]) == (1, 1)


# ---- when the primary moves -------------------------------------------------------------------------


REFUSALS = ("refused", "starting up", "shutting down", "57P03", "read-only", "recovery")


def no_refusals(writer):
    """One session was lost, and no new one was refused. (A client's own patience is not the router's.)"""
    told = [text for _, text in writer.errors if "timeout expired" not in text]
    assert not [text for text in told if any(word in text for word in REFUSALS)], told
    assert len(told) <= 1, told


@pytest.mark.core
def test_nobody_is_refused_while_a_crashed_primary_comes_back(herd):
    leader = herd.leader()
    with Writer(herd) as writer:
        kill(herd.postmaster_pid(leader))
        wait_until("the writer has lost its session", lambda: writer.errors)
        writer.wait_for_rows(50)
    no_refusals(writer)
    with herd.connect() as connection:
        assert not writer.missing(connection)


@pytest.mark.core
def test_nobody_is_refused_while_the_primary_moves(herd):
    leader = herd.leader()
    with Writer(herd) as writer:
        herd.ctl("switchover", "pgherd", "--candidate", herd.standbys()[0], "--force")
        writer.wait_for_rows(50)
        no_refusals(writer)
    assert herd.wait_complete() != leader
    with herd.connect() as connection:
        assert not writer.missing(connection)


def test_clients_do_not_notice_an_agent_that_is_started_again(herd):
    with Writer(herd) as writer:
        kill(herd.agent_pid(herd.leader()))
        wait_until("the agent is back", lambda: herd.is_complete())
        writer.wait_for_rows(100)
        assert not writer.errors


def _processes_of(herd, name):
    postmaster = herd.postmaster_pid(name)
    children = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == postmaster:
                    children.append(int(entry.name))
    return [herd.agent_pid(name), *herd.guardian_pids(name), postmaster, *children]


def test_sessions_on_a_primary_that_fell_silent_are_ended_when_another_leads(herd):
    """The frozen server cannot say goodbye: the router does."""
    leader = herd.leader()
    with herd.connect() as idle, herd.connect() as busy, herd.connect("--read") as reader:
        busy.execute("begin")
        reader_port = port_of(reader)
        frozen = _processes_of(herd, leader)
        for pid in frozen:
            kill(pid, signal.SIGSTOP)
        try:
            wait_until("another leads", lambda: herd_status(herd)["primary"] not in (None, leader))
            began = time.monotonic()
            for connection in (idle, busy):
                with pytest.raises(psycopg.OperationalError, match=f"has moved from {leader}"):
                    connection.execute("select 1")
            assert time.monotonic() - began < 2
            with herd.connect() as fresh:
                assert port_of(fresh) != herd.nodes[leader]["pg_port"]
            assert port_of(reader) == reader_port, "sessions for reading on a living server stay"
        finally:
            for pid in frozen:
                with contextlib.suppress(ProcessLookupError):
                    kill(pid, signal.SIGCONT)
    herd.wait_complete()


# ---- no server --------------------------------------------------------------------------------------


@pytest.mark.core
def test_clients_wait_for_a_primary_and_are_told_when_there_is_none(herd):
    with ARouter(herd, scope="nobody", hold="1s") as router:
        for port, words in ((0, "there is no primary to connect to"),
                            (1, "there is no standby to connect to")):
            for mode in ("disable", "prefer"):
                began = time.monotonic()
                with pytest.raises(psycopg.OperationalError, match=words) as refused:
                    router.connect(port, sslmode=mode)
                assert time.monotonic() - began >= 1
                assert "Try again" in str(refused.value)
        assert router.status()["ports"]["write"]["refused"] == 2


def test_the_refusal_has_a_sqlstate_with_which_clients_try_their_next_host(herd):
    with ARouter(herd, scope="nobody", hold="100ms") as router, router.raw() as connection:
        connection.sendall(startup())
        assert b"C57P03\0" in everything(connection)
        dsn = herd.dsn("--write")
        port = herd.plan["ports"]["primary"]
        with psycopg.connect(dsn, host="127.0.0.1,127.0.0.1", port=f"{router.ports[0]},{port}"):
            pass


def test_a_client_that_leaves_while_it_waits_is_forgotten(herd):
    with ARouter(herd, scope="nobody", hold="60s") as router:
        with router.raw() as connection:
            connection.sendall(startup())
            wait_until("it waits", lambda: router.status()["ports"]["write"]["held_now"] == 1)
        wait_until("it is gone", lambda: router.status()["ports"]["write"]["held_now"] == 0)
        assert router.status()["connections"]["now"] == 0


class Forwarder:
    """A way to the store that can be closed."""

    def __init__(self, port):
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.hosts = [f"127.0.0.1:{self.listener.getsockname()[1]}"]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                other = socket.create_connection(("127.0.0.1", self.port))
                self.open += [one, other]
                for source, sink in ((one, other), (other, one)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass(source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # or the thread would take one more
        self.listener.close()
        for one in self.open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.mark.parametrize("policy", ["keep_primary", "hold"])
def test_what_happens_without_the_store_is_as_configured(herd, policy):
    forwarder = Forwarder(herd.plan["ports"]["etcd"])
    with contextlib.closing(forwarder), ARouter(
            herd, hosts=forwarder.hosts, etcd=", use_proxies: true", store_silent=policy,
            store_silence="1s", hold="500ms") as router:
        with router.connect() as session:
            forwarder.close()
            wait_until("the store has been silent",
                       lambda: router.status()["store"]["seen_milliseconds_ago"] > 1100)
            assert session.execute("select 1").fetchone()[0] == 1
            if policy == "keep_primary":
                with router.connect() as fresh:
                    assert port_of(fresh) == port_of(session)
            else:
                with pytest.raises(psycopg.OperationalError, match="the store has been silent"):
                    router.connect()


# ---- bad input and limits ---------------------------------------------------------------------------


def startup(version=0x00030000, **parameters):
    body = b"".join(name.encode() + b"\0" + value.encode() + b"\0"
                    for name, value in ({"user": "postgres"} | parameters).items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, version) + body


SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSSENC_REQUEST = struct.pack("!ii", 8, 80877104)
BAD_OPENINGS = {
    "a length of zero": (b"\0\0\0\0", b"C08P01\0"),
    "too long": (struct.pack("!ii", 10005, 0x00030000), b"C08P01\0"),
    "protocol 2": (startup(0x00020000), b"C0A000\0"),
    "no user": (struct.pack("!ii", 9, 0x00030000) + b"\0", b"C28000\0"),
    "no terminator": (struct.pack("!ii", 12, 0x00030000) + b"user", b"C08P01\0"),
    "a long SSLRequest": (struct.pack("!iii", 12, 80877103, 1), b"C08P01\0"),
    "two SSLRequests": (SSL_REQUEST + SSL_REQUEST, b"C08P01\0"),
    "two GSSENCRequests": (GSSENC_REQUEST + GSSENC_REQUEST, b"C08P01\0"),
    "a short cancel key": (struct.pack("!iiih", 14, 80877102, 1, 1), b"C08P01\0"),
    "HTTP": (b"GET / HTTP/1.1\r\n\r\n", None),
    "nothing": (b"", None),
}


@pytest.mark.core
@pytest.mark.parametrize("what", BAD_OPENINGS)
def test_bad_openings_are_refused_with_a_reason(herd, what):
    sent, expected = BAD_OPENINGS[what]
    with socket.create_connection(("127.0.0.1", herd.plan["ports"]["primary"]), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        text = everything(connection)
    if expected is None:
        assert text == b""
    else:
        assert b"SFATAL\0" in text and expected in text, text
    with herd.connect() as connection:
        assert connection.execute("select 1").fetchone()[0] == 1


@pytest.mark.core
def test_an_opening_may_come_byte_by_byte_and_cut_anywhere(herd):
    with ARouter(herd) as router:
        whole = GSSENC_REQUEST + SSL_REQUEST + startup()
        for cut in (1, 7, 8, 12, 15, 16, 20, len(whole) - 1):
            with router.raw() as connection:
                connection.sendall(whole[:cut])
                time.sleep(0.01)  # so that they are two pieces
                connection.sendall(whole[cut:])
                assert connection.recv(2) in (b"N", b"NN")
        with router.raw() as connection:
            for byte in whole:
                connection.sendall(bytes([byte]))
            text = b""
            while b"R" not in text:
                text += connection.recv(100)
            assert text.startswith(b"NNR"), "the server asks who it is"


def test_clients_that_say_nothing_or_too_little_are_given_up(herd):
    with ARouter(herd, startup_timeout="300ms") as router:
        with router.raw() as silent, router.raw() as slow:
            slow.sendall(startup()[:9])
            assert everything(silent) == b"" and everything(slow) == b""
        assert router.status()["connections"]["startup_timeouts"] == 2
        with router.connect() as connection:
            time.sleep(0.7)  # longer than the limit, which is not for sessions
            assert connection.execute("select 1").fetchone()[0] == 1


def test_bytes_that_are_no_messages_end_their_own_session_only(herd):
    with ARouter(herd) as router, router.connect() as other:
        for nonsense in (b"Q\0\0\0\1", b"\xff" * 5000, b"d\x7f\xff\xff\xff"):
            with router.raw() as connection:
                connection.sendall(startup())
                assert connection.recv(1) == b"R"
                connection.sendall(nonsense)
                everything(connection)
        assert other.execute("select 1").fetchone()[0] == 1
        assert router.process.poll() is None


def test_there_are_no_more_sessions_than_allowed(herd):
    with ARouter(herd, max_connections=2) as router:
        with router.connect(), router.connect():
            with pytest.raises(psycopg.OperationalError, match="as many connections as it may have"):
                router.connect()
        wait_until("they are gone", lambda: router.status()["connections"]["now"] == 0)
        router.connect().close()


# ---- TLS ------------------------------------------------------------------------------------------


@pytest.fixture
def herd_with_tls(herd):
    herd.set_tls("on")
    yield herd
    herd.set_tls("off")


def test_tls_passes_from_the_client_to_the_server(herd_with_tls):
    herd = herd_with_tls
    leader = herd.leader()
    with ARouter(herd) as router, ARouter(herd, tls="refuse") as plain:
        with router.connect(sslmode="require") as connection:
            assert connection.execute(
                "select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()[0]
            assert connection.execute("select repeat('z', 10000000)").fetchone()[0] == "z" * 10000000
            with concurrent.futures.ThreadPoolExecutor() as pool:
                asleep = pool.submit(connection.execute, "select pg_sleep(60)")
                wait_until("it runs", lambda: _is_asleep(herd, connection.info.backend_pid))
                connection.cancel()
                with pytest.raises(errors.QueryCanceled):
                    asleep.result(10)
        assert herd.leader() == leader
        with plain.connect(sslmode="prefer") as connection:
            assert not connection.execute(
                "select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()[0]
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            plain.connect(sslmode="require")


# ---- the end of a router, and what it says of itself ------------------------------------------------


@pytest.mark.core
def test_a_router_that_is_asked_to_end_lets_transactions_finish(herd):
    with ARouter(herd) as router, router.connect() as idle, router.connect() as busy:
        busy.execute("begin")
        router.process.send_signal(signal.SIGTERM)
        wait_until("the idle session is ended",
                   lambda: router.status()["ports"]["write"]["sessions"] == 1)
        with pytest.raises(psycopg.OperationalError, match="this router is shutting down"):
            idle.execute("select 1")
        assert busy.execute("select 1").fetchone()[0] == 1
        assert router.process.poll() is None
        with pytest.raises(psycopg.OperationalError):
            router.connect(connect_timeout=2)
        busy.execute("commit")
        assert router.process.wait(10) == 0
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select 1")


def test_a_router_that_is_asked_to_end_does_not_wait_for_ever(herd):
    with ARouter(herd, drain_timeout="300ms") as router, contextlib.closing(router.connect()) as busy:
        busy.execute("begin")
        router.process.send_signal(signal.SIGTERM)
        assert router.process.wait(10) == 0


def test_several_loops_share_the_ports(herd):
    with ARouter(herd, threads=4) as router, contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(router.connect()) for _ in range(24)]
        for session in sessions:
            assert session.execute("select 1").fetchone()[0] == 1
        assert router.status()["ports"]["write"]["sessions"] == 24
        sessions[5].cancel()  # whichever loop it comes to


def test_the_router_shows_its_figures_to_those_who_know_the_password(herd):
    port = herd.plan["ports"]["statistics"]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask_at(port, "/")
    assert ask_at(port, "/health") == "OK\n"
    password = json.loads((herd.dir / "secrets.json").read_text())["statistics"]
    with herd.connect() as connection:
        connection.execute("select 1")
        page = ask_at(port, "/", "herd", password)
        assert f'Writes go to <b class="good">{herd.leader()}</b>' in page
        rows = [line.split(",") for line in ask_at(port, "/stats;csv", "herd", password).splitlines()]
        header = rows[0]
        (primary,) = [row for row in rows if row[0] == "primary" and row[1] == herd.leader()]
        assert primary[header.index("status")] == "UP" and primary[header.index("scur")] == "1"
        metrics = ask_at(port, "/metrics", "herd", password)
        assert re.search(rf'pgherd_router_takes{{scope="pgherd",server="{herd.leader()}",port="write"}} 1',
                         metrics)
        (server,) = [one for one in herd_status(herd)["servers"] if one["name"] == herd.leader()]
        assert server["sessions"]["write"]["now"] == 1 and server["takes_writes"]


def test_a_port_that_somebody_has_is_named(herd):
    with socket.socket() as taken, tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config.write(f"scope: x\netcd3: {{host: '127.0.0.1:1'}}\nrouter: {{write: '127.0.0.1:{port}'}}\n")
        config.flush()
        done = subprocess.run([PGHERD, "router", config.name], capture_output=True, text=True,
                              timeout=20, check=False)
        assert done.returncode == 1
        assert f"router.write: cannot listen on address \"127.0.0.1\" port {port}" in done.stderr


# ---- peers that are gone, and peers that are slow -------------------------------------------------


class Island:
    """A network of its own with a server that the store knows as the leader of the cluster `island`."""

    def __init__(self, herd):
        self.herd = herd
        self.name = f"pgherd{os.getpid()}"
        inside, outside = f"in{os.getpid()}", f"out{os.getpid()}"
        self.outside = outside
        ip = lambda *words: subprocess.run(["ip", *words], check=True, capture_output=True)  # noqa: E731
        ip("netns", "add", self.name)
        try:
            ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", self.name)
            ip("addr", "add", "198.18.77.1/30", "dev", outside)
            ip("link", "set", outside, "up")
            ip("-n", self.name, "addr", "add", "198.18.77.2/30", "dev", inside)
            ip("-n", self.name, "link", "set", inside, "up")
            self.server = subprocess.Popen(
                ["ip", "netns", "exec", self.name, "/usr/bin/python3", "-c", self.SERVER],
                stdout=subprocess.PIPE, text=True)
            assert self.server.stdout.readline() == "listening\n"
        except BaseException:
            self.close()
            raise
        for key, value in (("leader", "a"), ("members/a", json.dumps(
                {"conn_url": "postgres://198.18.77.2:5432/postgres", "state": "running",
                 "role": "primary", "timeline": 1}))):
            herd.etcdctl("put", f"/service/island/{key}", value)

    # Welcomes everybody, and never reads what comes then.
    SERVER = r"""
import socket, struct, time
listener = socket.create_server(("198.18.77.2", 5432))
print("listening", flush=True)
held = []
while True:
    one, _ = listener.accept()
    one.recv(1000)
    one.sendall(b"R" + struct.pack("!ii", 8, 0) + b"Z" + struct.pack("!i", 5) + b"I")
    held.append(one)
"""

    def is_cut_off(self):
        subprocess.run(["ip", "link", "set", self.outside, "down"], check=True)

    def close(self):
        self.herd.etcdctl("del", "--prefix", "/service/island/")
        if hasattr(self, "server"):
            self.server.kill()
            self.server.wait(10)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network")
def test_a_server_that_is_gone_is_found_and_a_slow_one_is_waited_for(herd):
    with contextlib.closing(Island(herd)) as island, ARouter(
            herd, scope="island", dead_peer_timeout="1s") as router, router.raw() as connection:
        connection.sendall(startup())
        greeting = connection.recv(15, socket.MSG_WAITALL)
        assert greeting.endswith(b"I")
        # More than fits between here and there: the server's window closes, and stays so.
        flood = threading.Thread(target=_send_all, args=(connection, message(b"d", b"x" * 50_000_000)),
                                 daemon=True)
        flood.start()
        connection.settimeout(6)
        with pytest.raises(TimeoutError):
            connection.recv(1)  # six times the limit: it is slow, and acknowledges
        assert router.status()["ports"]["write"]["sessions"] == 1
        with router.raw() as other:
            other.sendall(startup())
            assert other.recv(15, socket.MSG_WAITALL).endswith(b"I")
            island.is_cut_off()
            other.sendall(message(b"Q", b"select 1\0"))
            other.settimeout(30)
            assert b"the connection to a was lost" in everything(other)


def _send_all(connection, data):
    with contextlib.suppress(OSError):
        connection.sendall(data)
