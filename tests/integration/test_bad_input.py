"""Wrong configurations and broken surroundings: one clear line, nothing lost, nothing that spins."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time

import pytest

from herdlib import PGHERD, Solo, deps, kill, process_is_alive, wait_until


@pytest.fixture
def solo(herd, request):
    made = Solo(herd, "solo-" + request.node.name.removeprefix("test_").split("[")[0].replace("_", "-"))
    yield made
    made.close()


@pytest.mark.parametrize("old, new, expected", [
    ("scope: ", "scope: [", ["solo.yml:3"]),
    ("name: solo\n", "", ["name"]),
    ('listen: "127.0.0.1', 'listen: "nonsense', ["listen", "nonsense"]),
    ("ttl: 5", "ttl: soon", ["ttl", "soon"]),
    ("etcd3:", "etcd7:", ["etcd3"]),
    ("data_dir:", "data_dri:", ["data_dir"]),
    ("name: solo", "name: " + 64 * "n", ["name", "63 bytes"]),
    ('connect_address: "127.0.0.1', 'connect_address: "0.0.0.0', ["connect_address", "0.0.0.0"]),
])
@pytest.mark.core
def test_a_wrong_configuration_is_named_and_refused(solo, old, new, expected):
    assert old in solo.text
    status, said = solo.run_to_its_end(solo.text.replace(old, new, 1))
    assert status != 0
    line = said.strip().splitlines()[-1]
    assert all(word in line for word in expected), said


def test_unknown_keys_are_one_warning_and_no_obstacle(solo):
    solo.start(solo.text + "\nlogg: {level: INFO}\nwhat_is_this: 1\n")
    solo.wait_leads()
    warnings = [line for line in solo.said().splitlines() if "WARNING" in line and "logg" in line]
    assert len(warnings) == 1, solo.said()
    assert "what_is_this" in warnings[0]


def test_a_silent_store_is_waited_for_without_spinning(solo):
    before = solo.text
    solo.start(before.replace(before[before.index("hosts: "):before.index("]", before.index("hosts: ")) + 1],
                              'hosts: ["127.0.0.1:1"]'))
    solo.wait_for("waiting on etcd")
    with pytest.raises(subprocess.TimeoutExpired):
        solo.process.wait(3)
    assert len(solo.said().splitlines()) < 40, solo.said()
    assert solo.stop() == 0


def steps_started(solo, kind):
    found = re.search(rf'pgherd_steps_started_total{{[^}}]*step="{kind}"}} (\d+)', solo.metrics())
    return int(found[1]) if found else 0


def test_a_leader_without_a_watchdog_device_looks_for_it_once_for_each_renewal(solo):
    missing = solo.folder / "no-such-device"
    solo.start(solo.text.replace("ttl: 5", "ttl: 20") + f'watchdog: {{device: "{missing}"}}\n')
    solo.wait_leads()
    wait_until("renewals", lambda: steps_started(solo, "RenewLease") >= 8)
    tries, renewals = steps_started(solo, "ActivateWatchdog"), steps_started(solo, "RenewLease")
    assert 1 <= tries <= renewals + 2
    assert solo.said().count("no-such-device") == 1, solo.said()


def test_a_twin_is_refused(solo, herd):
    solo.start()
    solo.wait_leads()
    twin = Solo(herd, solo.scope, share=solo)
    twin.log_path = twin.folder / "twin.log"
    status, said = twin.run_to_its_end(
        twin.text.replace(str(twin.data_dir), str(twin.folder / "twin-data")))
    assert status == 1
    assert "Can't start; there is already a node named 'solo' running" in said
    assert solo.process.poll() is None


def test_a_name_that_postgresql_takes_for_another_members_waits(solo, herd):
    solo.start()
    solo.wait_leads()
    other = Solo(herd, solo.scope, name="SOLO", share=solo)
    other.start()
    try:
        other.wait_for("'SOLO' and 'solo' cannot be in one cluster")
        assert "replication slot 'solo'" in other.said()
        members = herd.etcdctl("get", "--prefix", "--keys-only", f"/service/{solo.scope}/members/")
        assert "SOLO" not in members
        # The one that was there first is not disturbed, and the other comes in when it is gone.
        assert solo.get("/leader")[0] == 200
        solo.stop()
        other.wait_for("SOLO of cluster")
    finally:
        other.stop()


def test_a_restart_of_a_server_that_does_not_start_is_answered_with_the_reason(solo):
    solo.start()
    solo.wait_leads()
    auto = solo.data_dir / "postgresql.auto.conf"
    before = auto.read_text()
    auto.write_text(before + "shared_preload_libraries = 'no_such_library'\n")
    kill(int((solo.data_dir / "postmaster.pid").read_text().splitlines()[0]))
    wait_until("a start fails", lambda: "no_such_library" in solo.said())

    def answer():
        asked = time.monotonic()
        status, text = solo.ask("/restart", "POST", {})[:2]
        assert status == 503 and time.monotonic() - asked < 5, text
        return "no_such_library" in text  # or it is just being tried again
    wait_until("the reason is in the answer", answer)
    auto.write_text(before)
    solo.wait_leads()


def test_data_of_another_cluster_is_refused_naming_both_ids(solo, herd):
    solo.start()
    solo.wait_leads()
    mine = herd.etcdctl("get", "--print-value-only", f"/service/{solo.scope}/initialize")
    other = herd.etcdctl("get", "--print-value-only", "/service/pgherd/initialize")
    solo.stop()
    status, said = solo.run_to_its_end(solo.text.replace(f"scope: {solo.scope}", "scope: pgherd"))
    assert status == 1
    assert mine in said and other in said
    assert (solo.data_dir / "PG_VERSION").exists(), "nothing is removed"


def test_a_data_directory_open_to_others_is_left_alone_and_explained(solo):
    solo.start()
    solo.wait_leads()
    solo.stop()
    os.chmod(solo.data_dir, 0o777)
    solo.log_path.unlink()
    solo.start()
    solo.wait_for(str(solo.data_dir))
    assert not (solo.data_dir / "postmaster.pid").exists()
    os.chmod(solo.data_dir, 0o700)
    solo.wait_leads()


def test_a_full_disk_fails_the_bootstrap_and_keeps_what_was_made(solo, herd):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = solo.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=8m,mode=700",
                    "tmpfs", disk], check=True)
    os.chown(disk, solo.user, solo.group)
    try:
        status, said = solo.run_to_its_end(
            solo.text.replace(str(solo.data_dir), str(disk / "data")), 60)
        assert status == 1
        assert "No space left on device" in said, said
        assert herd.etcdctl("get", "--print-value-only", f"/service/{solo.scope}/initialize") == ""
        assert not (disk / "data").exists() or not any((disk / "data").iterdir())
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def test_another_server_on_the_port_is_named(solo, herd):
    taken = herd.nodes["pg0"]["pg_port"]
    status, said = solo.run_to_its_end(solo.text.replace(str(solo.pg_port), str(taken)), 90)
    assert status == 1
    assert str(taken) in said
    aside = list(solo.folder.glob("solo-data.failed*"))
    assert aside and not solo.data_dir.exists(), "what was made is moved aside, not deleted"
    with herd.connect_node("pg0") as connection:
        assert connection.execute("select 1").fetchone() == (1,), "the stranger is unharmed"


def test_programs_of_another_major_version_are_named(solo):
    if "PG_BINDIR_15" not in deps() or "/17/" not in solo.bin_dir:
        pytest.skip("needs PostgreSQL 15 beside 17")
    solo.start()
    solo.wait_leads()
    solo.stop()
    solo.log_path.unlink()
    solo.start(solo.text.replace(solo.bin_dir, deps()["PG_BINDIR_15"]))
    wait_until("both versions in the log", lambda: "15" in solo.said() and "17" in solo.said()
               and "version" in solo.said())
    assert (solo.data_dir / "PG_VERSION").read_text().strip() == "17"
    solo.stop()


def test_root_is_refused(solo):
    if os.geteuid() != 0:
        pytest.skip("only root can be refused")
    config = solo.folder / "root.yml"
    config.write_text(solo.text)
    done = subprocess.run([PGHERD, "agent", config], capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == 1
    assert "root" in done.stderr


def test_a_wrong_replication_password_stops_no_primary_and_is_said(solo, herd):
    solo.start()
    solo.wait_leads()
    joiner = Solo(herd, solo.scope, "joiner", share=solo)
    joiner.start(joiner.text.replace("username: replicator, password: secret",
                                     "username: replicator, password: wrong"))
    try:
        joiner.wait_for("CloneFrom{solo} failed")
        assert "password authentication failed" in joiner.said()
        assert not joiner.data_dir.exists() or not any(joiner.data_dir.iterdir())
        assert joiner.process.poll() is None, "it tries again, with pauses"
    finally:
        joiner.stop()


def without_pgpass(solo):
    kept = [line for line in solo.text.splitlines() if "pgpass:" not in line]
    assert len(kept) == len(solo.text.splitlines()) - 1
    return "\n".join(kept) + "\n"


def test_without_pgpass_a_standby_is_copied_with_a_file_in_the_home_directory(solo, herd):
    solo.start()
    solo.wait_leads()
    joiner = Solo(herd, solo.scope, "joiner", share=solo)
    try:
        joiner.start(without_pgpass(joiner), env={"HOME": str(solo.folder)})
        wait_until("the joiner streams", lambda: json.loads(joiner.get("/patroni")[1])
                   .get("replication_state") == "streaming", 60)
        passwords = solo.folder / "pgpass"
        assert passwords.stat().st_mode & 0o777 == 0o600
        assert f"127.0.0.1:{solo.pg_port}:*:replicator:secret\n" in passwords.read_text()
    finally:
        joiner.close_server()


def test_without_pgpass_and_a_home_the_key_is_named(solo, herd):
    solo.start()
    solo.wait_leads()
    joiner = Solo(herd, solo.scope, "joiner", share=solo)
    try:
        joiner.start(without_pgpass(joiner), env={"HOME": "/nonexistent"})
        joiner.wait_for("CloneFrom{solo} failed")
        line = next(line for line in joiner.said().splitlines() if "CloneFrom{solo} failed" in line)
        assert "/nonexistent/pgpass" in line and "set postgresql.pgpass" in line, line
    finally:
        joiner.stop()


@pytest.mark.core
def test_the_agent_dies_and_the_guardian_ends_the_reign(solo):
    solo.start()
    solo.wait_leads()
    postmaster = int((solo.data_dir / "postmaster.pid").read_text().splitlines()[0])
    solo.process.send_signal(signal.SIGKILL)
    solo.process.wait()
    assert process_is_alive(postmaster), "the agent's death alone is no reason"
    wait_until("the end of PostgreSQL", lambda: not process_is_alive(postmaster), 15)


@pytest.mark.core
def test_ctl_says_in_one_line_that_the_store_is_silent(tmp_path):
    config = tmp_path / "ctl.yml"
    config.write_text("scope: x\netcd3: {host: '127.0.0.1:1'}\n")
    done = subprocess.run([PGHERD, "ctl", "-c", config, "list"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and len(done.stderr.strip().splitlines()) == 1
    with contextlib.suppress(ValueError):
        assert "Traceback" not in done.stderr
