"""Slots of members that do not stream from the leader: one behind another standby gets a slot that moves on,
or the leader would keep WAL for ever; one that does not stream at all gets none; that of a member that is gone
is made anew where it holds back too much. And permanent logical slots, which go on after a failover."""

import json

import psycopg
import pytest

from herdlib import Herd, Solo, wait_until


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def members(herd):
    """lead <- near <- behind, and apart, which does not stream."""
    made = {"lead": Solo(herd, "solo-slots", name="lead")}
    made["lead"].start()
    made["lead"].wait_leads()
    for name, tags in {"near": "{}", "behind": "{replicatefrom: near}", "apart": "{nostream: true}"}.items():
        made[name] = Solo(herd, "solo-slots", name=name, share=made["lead"])
        made[name].text += f"tags: {tags}\n"
        made[name].start()
        wait_until(f"{name} runs", lambda node=name: made[node].get("/health")[0] == 200, 60)
    yield made
    for name in ["behind", "apart", "near"]:
        made[name].close_server()
    made["lead"].close()


def connect(solo):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                           dbname="postgres", autocommit=True, connect_timeout=3)


def slots(solo):
    with connect(solo) as sql:
        return dict(sql.execute("select slot_name, restart_lsn from pg_replication_slots").fetchall())


def behind_by(solo, slot):
    """In bytes; without end where the slot is not there, which it is not for a moment while it is made anew."""
    with connect(solo) as sql:
        row = sql.execute("select pg_current_wal_lsn() - restart_lsn from pg_replication_slots "
                          "where slot_name = %s", (slot,)).fetchone()
    return row[0] if row else float("inf")


def fill(solo, table, rows):
    """As many kB of WAL before a checkpoint, and none later: nobody vacuums the table."""
    with connect(solo) as sql:
        sql.execute(f"create table {table} with (autovacuum_enabled = off) as "
                    f"select repeat('x', 1000) from generate_series(1, {rows})")
        sql.execute("checkpoint")


def test_the_slot_of_a_member_behind_another_moves_on(herd, members):
    lead = members["lead"]
    wait_until("the cascade streams", lambda: "behind" in [row[0] for row in connect(members["near"]).execute(
        "select application_name from pg_stat_replication where state = 'streaming'")], 60)
    wait_until("its slot is on the leader, too", lambda: {"near", "behind"} <= set(slots(lead)))
    fill(lead, "filling", 40000)
    wait_until("nothing of that is kept for it", lambda: behind_by(lead, "behind") < 1_000_000)
    assert "apart" not in slots(lead)
    status = json.loads(herd.etcdctl("get", "--print-value-only", "/service/solo-slots/status"))
    assert "apart" not in status.get("slots", {}) and "behind" in status["slots"]


def test_the_slot_of_a_member_that_is_gone_holds_back_no_more_than_its_limit(members):
    lead, near, apart = members["lead"], members["near"], members["apart"]
    wait_until("the slot is there", lambda: "near" in slots(lead), 60)
    members["behind"].stop()
    near.stop()
    assert lead.ask("/config", "PATCH", {"slots_wal_limit": "16MB"})[0] == 200
    fill(lead, "kept", 14000)
    lead.wait_for("[U10] replication slot 'near' holds back more than 80 % of slots_wal_limit (16MB)")
    fill(lead, "more", 14000)
    lead.wait_for("[U10] replication slot 'near' holds back more than slots_wal_limit (16MB) and is made anew")
    wait_until("nothing of that is kept for it", lambda: behind_by(lead, "near") < 4_000_000)
    assert apart.get("/health")[0] == 200, "the others go on"


LOGICAL = ("dcs: {slots: {cdc: {type: logical, database: postgres, plugin: test_decoding}}, "
           "postgresql: {parameters: {wal_level: logical}}, ")


@pytest.fixture
def pair(herd):
    """lead <- next, in a cluster with a permanent logical slot."""
    made = {"lead": Solo(herd, "solo-logical", name="lead")}
    made["next"] = Solo(herd, "solo-logical", name="next", share=made["lead"])
    for node in made.values():
        node.text = node.text.replace("dcs: {", LOGICAL, 1)
    made["lead"].start().wait_leads()
    made["next"].start()
    yield made["lead"], made["next"]
    print(made["next"].said())  # shown where the test has failed
    made["next"].close_server()
    made["lead"].close()


def confirmed(solo):
    with connect(solo) as sql:
        row = sql.execute("select confirmed_flush_lsn from pg_replication_slots "
                          "where slot_name = 'cdc'").fetchone()
    return row and row[0]


def changes(solo):
    """Reads them from the slot: they come but once."""
    with connect(solo) as sql:
        return [row[0].rsplit(":", 1)[1] for row in sql.execute(
            "select data from pg_logical_slot_get_changes('cdc', null, null) where data like '%INSERT%'")]


def test_a_logical_slot_goes_on_after_a_failover_where_it_stood(pair):
    lead, following = pair
    with connect(lead) as sql:
        sql.execute("create table told (word text)")

    def is_copied():
        """The standby has WAL from where its copy of the data began: the slot has to be read past that."""
        with connect(lead) as sql:
            sql.execute("insert into told values ('one')")
            assert set(changes(lead)) <= {"'one'"}
            sql.execute("checkpoint")
        return confirmed(following)

    wait_until("the slot on the standby", is_copied, 150)
    wait_until("the standby's slot is where the primary's is", lambda: confirmed(following) == confirmed(lead))
    with connect(following) as sql:
        assert sql.execute("show hot_standby_feedback").fetchone()[0] == "on"
    with connect(lead) as sql:
        sql.execute("insert into told values ('two')")
    lead.stop()
    following.wait_leads()
    wait_until("the slot of the new primary", lambda: changes(following) == ["'two'"])
    assert "restarting to copy logical slots" in following.said()
