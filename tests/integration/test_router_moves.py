"""`pgherd router` when the primary is asked to give way: sessions go on with the new one, and those that cannot
are told why."""

import concurrent.futures
import contextlib
import json
import os
import signal
import threading
import time

import psycopg
import pytest
from psycopg import errors

from herdlib import Herd, wait_until
from test_router import ARouter, herd_status, port_of


@pytest.fixture(scope="module")
def shared_herd():
    made = Herd(nodes=3, ttl=3, options=("--router", "pgherd"))
    try:
        with made.connect() as connection:
            connection.execute("create role app login password 'secret'")
            connection.execute("create role auditor; grant auditor to app")
            connection.execute("create table kept (client int, number int); grant all on kept to app")
        yield made
    finally:
        made.close()


@pytest.fixture
def herd(shared_herd):
    shared_herd.wait_complete()
    leader = shared_herd.leader()
    wait_until("the router leads to the leader", lambda: herd_status(shared_herd)["primary"] == leader)
    return shared_herd


def as_app(herd, **options):
    return psycopg.connect(herd.dsn("--write"), user="app", password="secret", autocommit=True, **options)


def switch_over(herd):
    candidate = herd.standbys()[0]
    herd.ctl("switchover", "pgherd", "--candidate", candidate, "--force")
    return herd.nodes[candidate]["pg_port"]


def moved(herd):
    return herd_status(herd)["ports"]["write"]["moved"]


@pytest.mark.core
def test_a_session_goes_on_with_the_new_primary_and_has_what_it_had(herd):
    moved_before = moved(herd)
    with as_app(herd, application_name="it", options="-c statement_timeout=60s") as session:
        session.execute("set work_mem = '7MB'")
        session.execute("set search_path to kept, \"$user\", public")
        session.execute("select set_config('app.tenant', 'it''s \\ 7', false)")
        session.execute("prepare by_sql (int) as select $1 + 1")
        for _ in range(7):
            session.execute("select count(*) from public.kept where number > %s", (1,), prepare=True)
        session.execute("set role auditor")
        before = port_of(session)
        there = switch_over(herd)
        assert port_of(session) == there != before
        assert moved(herd) == moved_before + 1
        rows = session.execute(
            "select current_setting('work_mem'), current_setting('search_path'), current_setting('app.tenant'),"
            " current_user, session_user, current_setting('application_name'),"
            " current_setting('statement_timeout')").fetchall()
        assert rows == [("7MB", 'kept, "$user", public', "it's \\ 7", "auditor", "app", "it", "1min")]
        assert session.execute("execute by_sql(2)").fetchone() == (3,)
        session.execute("reset role")
        assert session.execute("select count(*) from public.kept where number > %s", (1,), prepare=True).fetchone()
        assert session.execute("select pg_is_in_recovery()").fetchone() == (False,)


class Client:
    """Writes numbered rows without end: by themselves, or three in a transaction, prepared or not."""

    def __init__(self, herd, number, in_transactions, prepared):
        self.herd = herd
        self.number = number
        self.in_transactions = in_transactions
        self.prepared = prepared
        self.acknowledged = []
        self.problem = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def write(self, session, row):
        session.execute("insert into kept values (%s, %s)", (self.number, row), prepare=self.prepared)

    def run(self):
        row = 0
        try:
            with as_app(self.herd) as session:
                while not self.is_over.is_set():
                    rows = range(row, row + 3) if self.in_transactions else [row]
                    row = rows[-1] + 1
                    with session.transaction() if self.in_transactions else contextlib.nullcontext():
                        for one in rows:
                            self.write(session, one)
                    self.acknowledged.extend(rows)
        except psycopg.Error as problem:
            self.problem = problem


def restart(herd):
    herd.ctl("restart", "pgherd", herd.leader(), "--force")


def leave(herd):
    """As `systemctl stop` does it; here the agent is started again at once."""
    leader = herd.leader()
    os.kill(herd.agent_pid(leader), signal.SIGTERM)
    wait_until("another one leads", lambda: herd.leader() not in (None, leader))


@pytest.mark.core
@pytest.mark.parametrize("change", [switch_over, restart, leave])
def test_clients_with_short_transactions_see_no_error_at_all(herd, change):
    with herd.connect() as connection:
        connection.execute("truncate kept")
    clients = [Client(herd, number, number % 2 == 1, number % 4 >= 2) for number in range(8)]
    for client in clients:
        client.thread.start()
    try:
        for _ in range(4):
            counts = [len(client.acknowledged) for client in clients]
            wait_until("each has written", lambda: all(
                client.problem or len(client.acknowledged) > before + 20
                for client, before in zip(clients, counts)))
            change(herd)
            herd.wait_complete()
    finally:
        for client in clients:
            client.is_over.set()
        for client in clients:
            client.thread.join(30)
    assert not [client.problem for client in clients if client.problem]
    with herd.connect() as connection:
        rows = set(connection.execute("select client, number from kept").fetchall())
    assert rows == {(client.number, row) for client in clients for row in client.acknowledged}


def test_a_long_transaction_holds_up_a_switchover_for_a_moment_only(herd):
    with as_app(herd) as session:
        session.execute("begin; insert into kept values (99, 99)")
        began = time.monotonic()
        there = switch_over(herd)
        assert time.monotonic() - began < 20
        with pytest.raises(psycopg.OperationalError, match="administrator command"):
            session.execute("commit")
    with as_app(herd) as session:
        assert port_of(session) == there
        assert session.execute("select count(*) from kept where client = 99").fetchone() == (0,)


def test_the_store_knows_routers_for_as_long_as_they_are_there(herd):
    key = f"/service/{herd.plan['scope']}/routers/second"
    login = f'{{username: postgres, password: {json.loads((herd.dir / "secrets.json").read_text())["superuser"]}}}'
    with ARouter(herd, name="second", move_sessions=login) as router:
        wait_until("it is there", lambda: "at_rest_for" in herd.etcdctl("get", key))
        router.process.terminate()
        assert router.process.wait(10) == 0
        assert herd.etcdctl("get", key) == ""


@pytest.mark.parametrize("what", ["create temp table t (x int)", "select pg_advisory_lock(7)", "listen news",
                                  "declare c cursor with hold for select 1"])
def test_a_session_that_cannot_be_moved_is_told_why(herd, what):
    with as_app(herd) as session, as_app(herd) as other:
        session.execute(what)
        there = switch_over(herd)
        with pytest.raises(psycopg.OperationalError, match="could not go on there: it "):
            session.execute("select 1")
        assert port_of(other) == there


def test_the_login_that_looks_up_passwords_may_have_a_function_alone(herd):
    """As docs/router.md says it."""
    with herd.connect() as connection:
        connection.execute("drop role if exists router")
        connection.execute("create role router login password 'secret'")
        connection.execute(
            "create or replace function public.verifier(name) returns text language sql security definer"
            " set search_path = pg_catalog as"
            " 'select rolpassword from pg_authid where rolname = $1 and not rolsuper'")
        connection.execute("revoke all on function public.verifier(name) from public")
        connection.execute("grant execute on function public.verifier(name) to router")
    login = '{username: router, password: secret, query: "select public.verifier($1::text::name)"}'
    with ARouter(herd, move_sessions=login) as router:
        with router.connect(user="app", password="secret") as session, router.connect() as of_superuser:
            there = switch_over(herd)
            assert port_of(session) == there
            with pytest.raises(psycopg.OperationalError, match="neither SCRAM nor md5"):
                of_superuser.execute("select 1")


def test_a_session_whose_password_was_changed_is_not_moved(herd):
    with herd.connect() as connection:
        connection.execute("create role other login password 'secret'")
    with psycopg.connect(herd.dsn("--write"), user="other", password="secret", autocommit=True) as session:
        with herd.connect() as connection:
            connection.execute("alter role other password 'changed'")
        switch_over(herd)
        with pytest.raises(psycopg.OperationalError, match="the password of other was changed"):
            session.execute("select 1")


def test_a_cancel_request_reaches_a_session_that_was_moved(herd):
    with as_app(herd) as session:
        switch_over(herd)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asleep = pool.submit(session.execute, "select pg_sleep(60)")
            wait_until("the statement runs", lambda: _someone_is_asleep(herd))
            session.cancel()
            with pytest.raises(errors.QueryCanceled):
                asleep.result(10)


def _someone_is_asleep(herd):
    with herd.connect_node(herd.leader()) as connection:
        return connection.execute("select 1 from pg_stat_activity where wait_event = 'PgSleep'").fetchone()


def test_a_session_stays_where_it_is_when_nobody_else_leads_in_the_end(herd):
    leader = herd.leader()
    with as_app(herd) as session:
        pid = session.execute("select pg_backend_pid()").fetchone()
        key = f"/service/{herd.plan['scope']}/failover"
        herd.etcdctl("put", key, json.dumps({"leader": leader, "member": "nobody"}))
        wait_until("the request is refused", lambda: "nobody" not in herd.etcdctl("get", key))
        assert session.execute("select pg_backend_pid()").fetchone() == pid
    assert herd.leader() == leader
