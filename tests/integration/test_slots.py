"""Slots of members that do not stream from the leader: one behind another standby gets a slot that moves on,
or the leader would keep WAL for ever; one that does not stream at all gets none."""

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


@pytest.fixture
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
    with connect(solo) as sql:
        return sql.execute("select pg_current_wal_lsn() - restart_lsn from pg_replication_slots "
                           "where slot_name = %s", (slot,)).fetchone()[0]


def test_the_slot_of_a_member_behind_another_moves_on(herd, members):
    lead = members["lead"]
    wait_until("the cascade streams", lambda: "behind" in [row[0] for row in connect(members["near"]).execute(
        "select application_name from pg_stat_replication where state = 'streaming'")], 60)
    wait_until("its slot is on the leader, too", lambda: {"near", "behind"} <= set(slots(lead)))
    with connect(lead) as sql:
        sql.execute("create table filling as select repeat('x', 1000) from generate_series(1, 40000)")
    wait_until("nothing of that is kept for it", lambda: behind_by(lead, "behind") < 1_000_000)
    assert "apart" not in slots(lead)
    status = json.loads(herd.etcdctl("get", "--print-value-only", "/service/solo-slots/status"))
    assert "apart" not in status.get("slots", {}) and "behind" in status["slots"]
