"""One cluster, members of both kinds: every action under every kind of leader."""

import contextlib
import json
import shutil

import psycopg
import pytest

from herdlib import Writer
from mixedlib import kill, patroni_versions, wait_until

KINDS = ["pgherd", *sorted(patroni_versions())]
PAIRS = [(one, other) for one in KINDS for other in KINDS if one != other]


def ids(pair):
    return "-".join(pair)


def lead(herd, kind):
    """Lets a member of this kind lead."""
    wanted = herd.of_kind(kind)[0]
    leader = herd.wait_complete(90)
    if leader != wanted:
        herd.ctl("switchover", "--leader", leader, "--candidate", wanted, "--force")
        wait_until(f"{wanted} leads", lambda: herd.leader() == wanted, 60)
        herd.wait_complete(90)
    return wanted


def configure(herd, **settings):
    words = []
    for name, value in settings.items():
        words += ["-s", f"{name}={value}"]
    herd.ctl("edit-config", "--force", *words)


def key(herd, leaf):
    text = herd.etcdctl("get", "--print-value-only", f"/service/{herd.plan['scope']}/{leaf}")
    return json.loads(text) if text else {}


class Straight:
    """For a client that is connected to one node's PostgreSQL, past HAProxy."""

    def __init__(self, herd, name):
        self.herd = herd
        self.port = herd.nodes[name]["pg_port"]

    def dsn(self, kind):
        return f"{self.herd.dsn(kind)} port={self.port}"


@contextlib.contextmanager
def synchronous(herd, mode):
    configure(herd, synchronous_mode=mode)
    try:
        wait_until("a synchronous standby", lambda: key(herd, "sync").get("sync_standby"), 40)
        yield
    finally:
        configure(herd, synchronous_mode="off")
        wait_until("/sync is empty", lambda: not key(herd, "sync").get("sync_standby"), 40)


def assert_nothing_is_lost(herd, writer):
    with herd.connect() as connection:
        assert writer.missing(connection) == []
        assert writer.alien(connection) == []


@pytest.mark.parametrize("pair", PAIRS, ids=ids)
@pytest.mark.parametrize("tool", ["pgherd ctl", "patronictl"])
def test_switchover(herd, pair, tool):
    leader = lead(herd, pair[0])
    candidate = herd.of_kind(pair[1])[0]
    words = ("switchover", "--leader", leader, "--candidate", candidate, "--force")
    with Writer(herd) as writer:
        if tool == "patronictl":
            herd.patronictl(KINDS[-1], *words)
        else:
            herd.ctl(*words)
        wait_until(f"{candidate} leads", lambda: herd.leader() == candidate, 60)
        herd.wait_complete(90)
        writer.wait_for_rows(20)
    assert_nothing_is_lost(herd, writer)
    history = key(herd, "history")
    assert history[-1][4] == candidate, "the new leader writes who began the timeline"


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_leader_is_replaced_and_comes_back(herd, kind):
    leader = lead(herd, kind)
    with synchronous(herd, "on"), Writer(herd, statement_timeout=0) as writer:
        pids = [herd.agent_pid(leader), *herd.guardian_pids(leader), herd.postmaster_pid(leader)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                kill(pid)
        wait_until("another leader", lambda: herd.leader() not in (None, leader), 60)
        writer.wait_for_rows(20)
        if leader in herd.agents:
            herd.agents.pop(leader).wait()
        herd.start(leader, kind)
        herd.wait_complete(90)
        writer.wait_for_rows(20)
    assert_nothing_is_lost(herd, writer)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_postgres_comes_back_under_its_agent(herd, kind):
    leader = lead(herd, kind)
    with Writer(herd) as writer:
        kill(herd.postmaster_pid(leader))
        writer.wait_for_rows(50)
        herd.wait_complete(90)
    with herd.connect() as connection:
        assert writer.alien(connection) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["on", "quorum"])
def test_synchronous_standbys_of_other_kinds(herd, kind, mode):
    if mode == "quorum" and kind == "patroni3":
        pytest.skip("Patroni 3.0 does not know quorum mode")
    leader = lead(herd, kind)
    with synchronous(herd, mode):
        count = 1 if mode == "on" else 2

        def is_listed():
            sync = key(herd, "sync")
            names = [name for name in (sync.get("sync_standby") or "").split(",") if name]
            return sync.get("leader") == leader and len(names) >= count and leader not in names
        wait_until("standbys of all kinds in /sync", is_listed, 40)
        with herd.connect_node(leader) as connection:
            names = connection.execute("show synchronous_standby_names").fetchone()[0]
        assert names.startswith("ANY" if mode == "quorum" else ('"', "1", "p", "2", "F")), names
        with Writer(herd, statement_timeout=0) as writer:
            writer.wait_for_rows(50)
        assert_nothing_is_lost(herd, writer)


@pytest.mark.parametrize("kind", KINDS)
def test_pause_and_resume(herd, kind):
    leader = lead(herd, kind)
    herd.ctl("pause", "--wait")
    try:
        for name in herd.nodes:
            wait_until(f"{name} rests", lambda name=name: herd.status(name).get("pause"), 30)
        standby = [name for name in herd.nodes if name != leader][0]
        stopped = herd.postmaster_pid(standby)
        kill(stopped)
        wait_until("the standby stays down", lambda: herd.status(standby)["state"] != "running", 30)
        assert herd.leader() == leader
    finally:
        herd.patronictl(KINDS[-1], "resume", "--wait")
    herd.wait_complete(90)
    assert herd.leader() == leader


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_the_configuration_reaches_all(herd, kind):
    lead(herd, kind)
    for tool, value in (("pgherd", "123"), ("patronictl", "456")):
        words = ("edit-config", "--force", "-s", f"postgresql.parameters.log_temp_files={value}")
        if tool == "pgherd":
            herd.ctl(*words)
        else:
            herd.patronictl(KINDS[-1], *words)
        for name in herd.nodes:
            def has_it(name=name, value=value):
                with herd.connect_node(name) as connection:
                    shown = connection.execute("show log_temp_files").fetchone()[0]
                return shown.startswith(value)
            wait_until(f"{name} has log_temp_files={value}", has_it, 40)


@pytest.mark.parametrize("kind", KINDS)
def test_failsafe_keeps_the_leader_while_etcd_is_away(herd, kind):
    leader = lead(herd, kind)
    configure(herd, failsafe_mode="true")
    wait_until("/failsafe names all",
               lambda: set(key(herd, "failsafe")) == set(herd.nodes), 40)
    etcd = [part["pid"] for part in herd.plan["etcd"].values()]
    postmaster = herd.postmaster_pid(leader)
    with Writer(herd) as writer:
        for pid in etcd:
            kill(pid, 19)
        try:
            wait_until("the leader goes on without the store",
                       lambda: herd.status(leader).get("failsafe_mode_is_active"), 60)
            writer.wait_for_rows(50)
        finally:
            for pid in etcd:
                kill(pid, 18)
        wait_until("the store is back",
                   lambda: not herd.status(leader).get("failsafe_mode_is_active"), 60)
        herd.wait_complete(90)
    assert herd.leader() == leader and herd.postmaster_pid(leader) == postmaster
    assert_nothing_is_lost(herd, writer)
    configure(herd, failsafe_mode="false")


@pytest.mark.parametrize("kind", KINDS)
def test_reinitialize_copies_anew(herd, kind):
    leader = lead(herd, kind)
    standby = [name for name in herd.nodes if name != leader][0]
    before = herd.postmaster_pid(standby)
    herd.ctl("reinit", herd.plan["scope"], standby, "--force")
    wait_until("a new postmaster", lambda: herd.postmaster_pid(standby) != before, 60)
    herd.wait_complete(90)


@pytest.mark.parametrize("kind", KINDS)
def test_a_permanent_slot_is_made_by_whoever_leads(herd, kind):
    leader = lead(herd, kind)
    slot = f"kept_{kind}"
    configure(herd, **{f"slots.{slot}.type": "physical"})

    def exists():
        with herd.connect_node(leader) as connection:
            return connection.execute(
                "select 1 from pg_replication_slots where slot_name = %s", (slot,)).fetchone()
    wait_until(f"the slot {slot}", exists, 40)
    configure(herd, slots="null")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_that_one_kind_has_made_is_joined_by_the_others(herd, kind):
    kinds = dict(herd.kinds)
    leader = herd.wait_complete(90)
    for name in [*herd.standbys(), leader]:
        herd.stop(name)
    herd.etcdctl("del", "--prefix", f"/service/{herd.plan['scope']}/")
    for node in herd.nodes.values():
        shutil.rmtree(node["data_dir"])
    founder = [name for name in herd.nodes if kinds[name] == kind][0]
    herd.start(founder, kind)
    wait_until(f"{founder} has made a cluster", lambda: herd.leader() == founder, 60)
    made = key(herd, "initialize")
    for name in herd.nodes:
        if name != founder:
            herd.start(name, kinds[name])
    assert herd.wait_complete(90) == founder
    assert key(herd, "initialize") == made
    with Writer(herd) as writer:
        writer.wait_for_rows(20)
    assert_nothing_is_lost(herd, writer)


@pytest.mark.parametrize("other", sorted(patroni_versions()))
def test_rolling_migration_and_back_in_maintenance_mode(herd, other):
    """Agent by agent, PostgreSQL is not restarted, and no write fails of a client that is connected
    to it; HAProxy ends sessions while nobody answers its checks."""
    leader = lead(herd, "pgherd")
    before = dict(herd.kinds)
    postmasters = {name: herd.postmaster_pid(name) for name in herd.nodes}
    with Writer(Straight(herd, leader)) as writer:
        for target in ({name: other for name in herd.nodes}, before):
            herd.ctl("pause", "--wait")
            for name in sorted(herd.nodes):
                if herd.kinds[name] != target[name]:
                    herd.stop(name)
                    herd.start(name, target[name])
                    wait_until(f"the new agent of {name}",
                               lambda name=name: herd.status(name)["state"] == "running", 40)
            herd.wait_complete(90)
            herd.ctl("resume", "--wait")
            herd.wait_complete(90)
            writer.wait_for_rows(20)
    assert {name: herd.postmaster_pid(name) for name in herd.nodes} == postmasters
    assert writer.errors == []
    assert_nothing_is_lost(herd, writer)


@pytest.mark.parametrize("other", sorted(patroni_versions()))
def test_rolling_migration_with_a_switchover_and_back(herd, other):
    """The way with nothing but systemctl: standbys first, then a switchover, then the last."""
    lead(herd, "pgherd")
    before = dict(herd.kinds)
    with Writer(herd) as writer:
        for target in ({name: other for name in herd.nodes}, before):
            for name in herd.standbys():
                if herd.kinds[name] != target[name]:
                    herd.replace(name, target[name])
            leader = herd.leader()
            if herd.kinds[leader] != target[leader]:
                heir = herd.standbys()[0]
                herd.ctl("switchover", "--leader", leader, "--candidate", heir, "--force")
                wait_until(f"{heir} leads", lambda heir=heir: herd.leader() == heir, 60)
                herd.wait_complete(90)
                herd.replace(leader, target[leader])
            writer.wait_for_rows(20)
    assert herd.kinds == before
    assert_nothing_is_lost(herd, writer)


VALUES = (
    "select 1::int2 as i2, 9007199254740993 as i8, 1.50::numeric as num, 1e20::float8 as f8, 0.1::float4 as f4, "
    "1.0::float8 as f1, 1e15::float8 as f15, 'Infinity'::float8 as inf, true as t, false as f, null as n, '' as e, "
    "'ab''\"c' as q, 'ü' as u",
    "select '2026-08-01'::date as d, '03:04:05.5'::time as tm, '03:04:05+02'::timetz as tmz, "
    "'2026-08-01 03:04:05.25'::timestamp as ts, '2026-08-01 03:04:05+05'::timestamptz as tz, "
    "'1 day 02:03:04.5'::interval as iv, '-1 mon'::interval as m, '-00:00:01'::interval as s, "
    "'1 year 2 mons -3 days 04:05:06'::interval as y",
    "select '{1,2,NULL}'::int[] as ia, '{a,\"b c\",NULL,\"q\\\"x\",\"it''s\"}'::text[] as ta, '{t,f}'::bool[] as ba, "
    "'{{1,2},{3,4}}'::int[] as ma, '[0:1]={5,6}'::int[] as oa, '{1,0.5}'::float8[] as fa, "
    "'{\"a\": [1, true, null, 1.50], \"b\": \"it''s\"}'::json as j, '\"x\"'::jsonb as js, "
    "'550e8400-e29b-41d4-a716-446655440000'::uuid as uu, '0/3000060'::pg_lsn as lsn, '10.0.0.1/24'::inet as ip, "
    "row(1,'a') as r, 'x'::bpchar(3) as bp, 26::oid as o, 12.5::money as mo, 'pg_class'::regclass as rc",
    "select 1 as a, 2 as b where false",
)
FOR_PROGRAMS = ("select 1 as i, 1.0::float8 as f, 1e20::float8 as f2, true as t, null as n, '{1,2}'::int[] as ia, "
                "'{\"a\": 1.50}'::json as j, 'ü' as u, '{a,NULL}'::text[] as ta, '' as e, '12' as s")


@pytest.mark.parametrize("sql, form",
                         [(sql, form) for sql in VALUES for form in ("tsv", "pretty")]
                         + [(FOR_PROGRAMS, form) for form in ("json", "yaml")])
def test_query_prints_what_patronictl_prints(herd, monkeypatch, sql, form):
    login = psycopg.conninfo.conninfo_to_dict(herd.dsn())
    monkeypatch.setenv("PGPASSFILE", login["passfile"])
    words = ("query", herd.plan["scope"], "-U", login["user"], "-d", "postgres", "--format", form, "-c", sql)
    assert herd.ctl(*words).stdout == herd.patronictl("patroni4", *words).stdout
