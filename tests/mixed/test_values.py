"""Values of the store's keys that one kind has written mean the same to the other: what Patroni writes is read and
written again by pgherd, and Patroni's own classes must find the same in both texts."""

import json
import os
import pathlib
import random
import subprocess

import pytest

from mixedlib import patroni_versions

PROGRAM = os.environ.get("PGHERD_VALUES_AGAIN", str(
    pathlib.Path(__file__).resolve().parents[2] / "build/release/pgherd_values_again"))
COUNT = 300
PIECES = ["a", "B", "7", " ", '"', "\\", "'", ":", "#", "{", "]", ",", "\n", "\t", "\u00e9", "\u20ac", "\U0001f418", "\u2028",
          "\x01", "yes", "null"]

# Run with Patroni's modules: what its classes make of each value, for values that stand one a line as JSON.
READER = r"""
import json, sys
from patroni import dcs
def plain(thing):
    return repr(thing)
def read(kind, name, value):
    if kind == "member":
        data = dict(dcs.Member.from_node(1, name, "7", value).data)
        return {key: data.get(key) for key in (
            "conn_url", "api_url", "proxy_url", "state", "role", "version", "tags", "xlog_location", "receive_lsn",
            "replay_lsn", "timeline", "replication_state", "pause", "pending_restart", "pending_restart_reason",
            "scheduled_restart", "checkpoint_after_promote") if data.get(key) not in (None, False, {})}
    if kind == "status":
        if not hasattr(dcs, "Status"):
            return sorted(json.loads(value).get("slots", {}).items()), json.loads(value)["optime"]
        status = dcs.Status.from_node(value)
        return [status.last_lsn, sorted((status.slots or {}).items()), sorted(getattr(status, "retain_slots", []))]
    if kind == "history":
        return [list(line) for line in dcs.TimelineHistory.from_node(1, value).lines]
    if kind == "failover":
        asked = dcs.Failover.from_node(1, value)
        return [asked.leader or None, asked.candidate or None, asked.scheduled_at and asked.scheduled_at.timestamp()]
    if kind == "sync":
        sync = dcs.SyncState.from_node(1, value)
        return [sync.leader, sorted(sync.members), getattr(sync, "quorum", 0) or 0]
    if kind == "failsafe":
        return json.loads(value)
for line in sys.stdin:
    kind, name, value = json.loads(line)
    print(json.dumps(read(kind, name, value), sort_keys=True, default=str))
"""


class Dice(random.Random):
    def text(self, longest=10):
        return "".join(self.choice(PIECES) for _ in range(self.randint(0, longest)))

    def name(self):
        return "n" + str(self.randint(0, 20))

    def lsn(self):
        return self.getrandbits(self.randint(1, 62))

    def maybe(self, value, percent=50):
        return value() if self.randint(1, 100) <= percent else None


def some(**members):
    return {key: value for key, value in members.items() if value is not None}


def a_member(dice):
    host = f"10.0.{dice.randint(0, 255)}.{dice.randint(1, 254)}"
    return some(
        conn_url=f"postgres://{host}:5432/postgres", api_url=f"http://{host}:8008/patroni",
        proxy_url=dice.maybe(lambda: f"postgres://{host}:6432/postgres", 20),
        state=dice.choice(["running", "starting", "stopped", "creating replica", "start failed", "crashed", "stopping",
                           "restarting", "initdb failed", "running custom bootstrap script"]),
        role=dice.choice(["primary", "replica", "standby_leader", "demoted", "promoted", "uninitialized"]),
        version="4.0." + str(dice.randint(0, 9)),
        tags=dice.maybe(lambda: {"nofailover": True, "zone": dice.text(), "weight": dice.randint(0, 9)}),
        xlog_location=dice.maybe(dice.lsn), receive_lsn=dice.maybe(dice.lsn), replay_lsn=dice.maybe(dice.lsn),
        timeline=dice.maybe(lambda: dice.randint(1, 99)), pause=dice.maybe(lambda: True, 20),
        replication_state=dice.maybe(lambda: dice.choice(["streaming", "in archive recovery"])),
        pending_restart=dice.maybe(lambda: True, 30),
        pending_restart_reason=dice.maybe(
            lambda: {"max_connections": {"old_value": "100", "new_value": dice.text()}}, 30),
        checkpoint_after_promote=dice.maybe(lambda: False, 20),
        scheduled_restart=dice.maybe(
            lambda: {"schedule": "2031-08-01T03:00:00+02:00", "postmaster_start_time": dice.text()}, 20))


def a_status(dice):
    return some(optime=dice.lsn(), slots=dice.maybe(lambda: {dice.name(): dice.lsn() for _ in range(3)}),
                retain_slots=dice.maybe(lambda: sorted({dice.name() for _ in range(3)})))


def a_history(dice):
    return [[line + 1, dice.lsn(), dice.text(), *(["2031-08-01T03:00:00+00:00", dice.name()][:dice.randint(0, 2)])]
            for line in range(dice.randint(0, 5))]


def a_failover(dice):
    leader = dice.maybe(dice.name, 60)
    return some(leader=leader, member=dice.maybe(dice.name, 50) or (None if leader else dice.name()),
                scheduled_at=dice.maybe(lambda: dice.choice(["2031-08-01T03:00:00+02:00", "2031-08-01T03:00:00.250000+00:00"])))


def a_sync(dice):
    names = sorted({dice.name() for _ in range(dice.randint(0, 4))})
    return {"leader": dice.name(), "quorum": dice.randint(0, len(names)), "sync_standby": ",".join(names) or None}


def a_failsafe(dice):
    return {dice.name(): f"http://{dice.text()}:8008/patroni" for _ in range(3)}


MAKERS = {"member": a_member, "status": a_status, "history": a_history, "failover": a_failover, "sync": a_sync,
          "failsafe": a_failsafe}


def as_patroni_reads(kind, what, values):
    lines = "".join(json.dumps([what, name, value]) + "\n" for name, value in values)
    done = subprocess.run(["/usr/bin/python3", "-c", READER], input=lines, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": patroni_versions()[kind]}, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def written_again(what, values):
    lines = "".join(f"{what}\t{name}\t{value}\n" for name, value in values)
    done = subprocess.run([PROGRAM], input=lines.encode(), capture_output=True, check=True, timeout=60)
    return done.stdout.decode().split("\n")[:-1]


@pytest.mark.parametrize("what", sorted(MAKERS))
@pytest.mark.parametrize("kind", sorted(patroni_versions()))
def test_both_find_the_same_in_a_value(kind, what):
    dice = Dice(len(kind) * 1000 + len(what))
    # As Patroni writes them: compact.
    values = [(dice.name(), json.dumps(MAKERS[what](dice), separators=(",", ":"))) for _ in range(COUNT)]
    ours = written_again(what, values)
    assert len(ours) == COUNT
    here = as_patroni_reads(kind, what, values)
    there = as_patroni_reads(kind, what, [(name, text) for (name, _), text in zip(values, ours)])
    for (_, before), after, one, other in zip(values, ours, here, there):
        assert one == other, f"{before}\nwas written again as\n{after}"
