"""An operator's restart is always answered, and does what was asked for."""

import signal

import pytest

from herdlib import Herd, kill, process_is_alive, wait_until


@pytest.fixture
def herd():
    made = Herd(nodes=3)
    try:
        yield made
    finally:
        made.close()


def stop_by_hand(herd, name):
    pid = herd.postmaster_pid(name)
    kill(pid, signal.SIGINT)
    wait_until(f"the end of the server of {name}", lambda: not process_is_alive(pid))
    wait_until(f"{name} has seen it", lambda: herd.status(name)["state"] != "running")


def test_what_an_operator_has_stopped_in_maintenance_mode_is_started_by_a_restart(herd):
    leader = herd.wait_complete()
    standby = herd.standbys()[0]
    timeline = herd.status(leader)["timeline"]
    herd.ctl("pause", "pgherd", "--wait")
    stop_by_hand(herd, leader)
    wait_until("nobody leads", lambda: herd.leader() is None)
    assert herd.rest(leader, "/restart", "POST", {}, timeout=30) == (200, "restarted successfully")
    wait_until("it leads again", lambda: herd.leader() == leader)
    assert herd.status(leader)["timeline"] == timeline
    stop_by_hand(herd, standby)
    assert herd.rest(standby, "/restart", "POST", {}, timeout=30) == (200, "restarted successfully")
    herd.ctl("resume", "pgherd", "--wait")
    assert herd.wait_complete() == leader
    assert herd.status(leader)["timeline"] == timeline
