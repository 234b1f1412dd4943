"""Standbys are back with their primary, whatever wal_retrieve_retry_interval says."""

import re
import time

import pytest

from herdlib import Herd, kill, wait_until


@pytest.fixture(scope="module")
def herd():
    made = Herd(nodes=3)
    try:
        yield made
    finally:
        made.close()


def set_interval(herd, value):
    herd.wait_complete()
    assert herd.rest(herd.leader(), "/config", "PATCH", {"postgresql": {"parameters": {
        "wal_retrieve_retry_interval": value}}})[0] == 200

    def is_in_force():
        for name in herd.nodes:
            with herd.connect_node(name) as connection:
                if connection.execute("show wal_retrieve_retry_interval").fetchone()[0] != value:
                    return False
        return True

    wait_until(f"wal_retrieve_retry_interval = {value} everywhere", is_in_force)


def woken(herd, name):
    found = re.search(r'pgherd_rule_fired_total\{[^}]*rule="F8"[^}]*\} (\d+)', herd.rest(name, "/metrics")[1])
    return int(found[1]) if found else 0


def senders(herd, leader):
    with herd.connect_node(leader) as connection:
        return {row[0] for row in connection.execute(
            "select application_name from pg_stat_replication where state = 'streaming'")}


def crash_and_wait(herd):
    """How long the standbys were away after their primary was there again."""
    leader, standbys = herd.leader(), herd.standbys()
    before = {name: woken(herd, name) for name in standbys}
    postmaster = herd.postmaster_pid(leader)
    kill(postmaster)

    def is_back():
        with herd.connect_node(leader) as connection:
            return connection.execute("select not pg_is_in_recovery()").fetchone()[0]

    wait_until("the primary runs again", is_back)
    began = time.monotonic()
    wait_until("all standbys stream", lambda: senders(herd, leader) >= set(standbys))
    away = time.monotonic() - began
    assert herd.wait_complete() == leader and herd.postmaster_pid(leader) != postmaster
    for name in standbys:
        wait_until(f"the agent of {name} says that it has woken the receiver",
                   lambda name=name: woken(herd, name) > before[name])
    return away


@pytest.mark.core
def test_standbys_do_not_sleep_when_their_primary_is_back(herd):
    # Ten minutes: nothing but being woken can bring them back.
    set_interval(herd, "10min")
    crash_and_wait(herd)
    # As PostgreSQL comes.
    set_interval(herd, "5s")
    print(f"standbys stream {1000 * crash_and_wait(herd):.0f} ms after their primary's return")
