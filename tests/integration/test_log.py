"""A log that nobody reads (a full pipe) holds nothing up, and does not keep the agent from ending."""

import fcntl
import json
import os
import signal
import subprocess

import pytest

from herdlib import PGHERD, Solo, wait_until


@pytest.fixture
def solo(herd):
    made = Solo(herd, "solo-log")
    yield made
    made.close()


def test_an_agent_whose_log_is_stuck_leads_and_ends_with_5(solo):
    config = solo.write_configuration(solo.text + "log: {level: DEBUG}\n")
    unread, log = os.pipe()
    fcntl.fcntl(log, fcntl.F_SETPIPE_SZ, 4096)
    solo.process = subprocess.Popen(
        [PGHERD, "agent", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=solo.folder,
        user=solo.user, group=solo.group, extra_groups=[])
    os.close(log)
    try:
        wait_until("it leads", lambda: solo.get("/leader")[0] == 200 and solo.get("/health")[0] == 200, 60)
        wait_until("the log waits for its reader", lambda: json.loads(solo.get("/patroni")[1]).get("logger_queue_size", 0) > 2)
        assert (solo.data_dir / "postmaster.pid").exists()
        solo.process.send_signal(signal.SIGTERM)
        assert solo.process.wait(60) == 5
        assert not (solo.data_dir / "postmaster.pid").exists(), "PostgreSQL is stopped before"
    finally:
        os.close(unread)
