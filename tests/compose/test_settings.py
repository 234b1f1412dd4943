"""A person edits a file of cfg/ and reloads or restarts: it is in force, on the right role."""

import contextlib
import re

import pytest

from composelib import NODES, docker, run, wait_until


@contextlib.contextmanager
def edited(deployment, name, text):
    """A file of cfg/ with `text` behind what it says, and as it was afterwards."""
    file = deployment.folder / "cfg" / name
    before = file.read_text()
    # Written in place, as an editor may or may not do: the folder is mounted, not the file.
    file.write_text(before + text)
    try:
        yield
    finally:
        file.write_text(before)
        reload_all(deployment)


def reload_all(deployment):
    deployment.ctl("reload", "pg_cluster", "--force")


def value(deployment, node, name):
    return deployment.ask_node(node, f"show {name}")


@pytest.mark.parametrize("name, on_primary, on_standbys", [
    ("postgresql.base.conf", True, True),
    ("postgresql.auto.conf", True, True),
    ("postgresql.orig.conf", True, True),
    ("postgresql.master.conf", True, False),
    ("postgresql.replica.conf", False, True)])
def test_a_file_counts_on_its_roles(deployment, name, on_primary, on_standbys):
    leader = deployment.leader()
    with edited(deployment, name, "\ndeadlock_timeout = '1234ms'\n"):
        reload_all(deployment)
        for node in NODES:
            counts = on_primary if node == leader else on_standbys
            wanted = "1234ms" if counts else "1s"
            wait_until(f"deadlock_timeout is {wanted} on {node}",
                       lambda node=node, wanted=wanted:
                       value(deployment, node, "deadlock_timeout") == wanted, 20)
    for node in NODES:
        wait_until(f"{node} is as before",
                   lambda node=node: value(deployment, node, "deadlock_timeout") == "1s", 20)


def test_a_setting_that_the_cluster_decides_is_told_to_be_without_effect(deployment):
    node = deployment.standbys()[0]
    with edited(deployment, "postgresql.base.conf", "\nmax_connections = 123\n"):
        reload_all(deployment)
        wait_until("the agent says so", lambda: re.search(
            r"cfg/postgresql.base.conf:\d+: max_connections = '123' has no effect, the agent sets "
            r"'100'.*edit-config -p max_connections=123", run("docker", "logs", node).stderr), 20)


def test_the_role_files_follow_a_switchover(deployment):
    former = deployment.leader()
    candidate = deployment.standbys()[0]
    deployment.ctl("switchover", "--candidate", candidate, "--force")
    deployment.wait_whole()
    assert value(deployment, candidate, "default_transaction_read_only") == "off"
    assert value(deployment, candidate, "archive_command").startswith("/usr/local/bin/archive-wal")
    assert value(deployment, former, "default_transaction_read_only") == "on"
    assert value(deployment, former, "archive_command") in ("", "(disabled)")


def test_what_needs_a_restart_is_shown_and_done(deployment):
    # One that the file sets before and after: PostgreSQL itself goes on to call a setting pending
    # whose line was added and is gone again.
    standby = deployment.standbys()[0]
    with edited(deployment, "postgresql.base.conf", "\nhuge_pages = try\n"):
        reload_all(deployment)
        wait_until("a pending restart is shown",
                   lambda: deployment.members()[standby].get("Pending restart") == "*", 20)
        deployment.ctl("restart", standby, "--force")
        assert value(deployment, standby, "huge_pages") == "try"
    deployment.wait_whole()
    deployment.ctl("restart", standby, "--force")
    assert value(deployment, standby, "huge_pages") == "off"


def test_pg_hba_decides_who_may_log_in(deployment):
    rule = "host all milvus all reject\n"
    file = deployment.folder / "cfg" / "pg_hba.conf"
    before = file.read_text()
    password = deployment.secret("milvus")
    who = {"user": "milvus", "password": password, "database": "milvus"}
    assert deployment.ask("select 1", **who) == 1
    file.write_text(rule + before)
    try:
        reload_all(deployment)

        def is_refused():
            try:
                deployment.ask("select 1", **who)
                return False
            except Exception as problem:  # noqa: BLE001 the words are what counts
                return "pg_hba.conf rejects connection" in str(problem)
        wait_until("milvus is let in no more", is_refused, 20)
    finally:
        file.write_text(before)
        reload_all(deployment)
    wait_until("milvus is let in again", lambda: deployment.ask("select 1", **who) == 1, 20)


def test_haproxys_configuration_is_taken_on_hup_and_a_wrong_one_is_not(deployment):
    file = deployment.folder / "cfg" / "haproxy.cfg.tmpl"
    before = file.read_text()
    login = f"admin:{deployment.secret('patroni')}"

    def has(name):
        return name in run("curl", "-s", "-u", login, "http://localhost:8080/stats;csv").stdout

    file.write_text(before + "\nlisten added\n    bind :5999\n    server s patroni-replica0:5432\n")
    try:
        docker("kill", "--signal", "HUP", "patroni-haproxy")
        wait_until("the added proxy is there", lambda: has("added,"), 20)
        wait_until("writes go on", lambda: deployment.ask("select 1") == 1, 20)
        file.write_text(before.replace("mode tcp", "mode carrier-pigeon"))
        docker("kill", "--signal", "HUP", "patroni-haproxy")
        wait_until("the wrong one is named", lambda: "not reloaded" in run(
            "docker", "logs", "--tail", "5", "patroni-haproxy").stderr, 20)
        assert has("added,")
        wait_until("writes go on", lambda: deployment.ask("select 1") == 1, 20)
    finally:
        file.write_text(before)
        docker("kill", "--signal", "HUP", "patroni-haproxy")
    wait_until("the added proxy is gone", lambda: not has("added,"), 20)


def test_the_archive_never_overwrites(deployment):
    leader = deployment.leader()
    deployment.ask_node(leader, "create table archived as select 1")
    segment = deployment.ask_node(leader, "select pg_walfile_name(pg_switch_wal())")
    wait_until("the segment is archived", lambda: deployment.ask_node(
        leader, "select last_archived_wal >= '" + segment + "' from pg_stat_archiver") == "t", 30)
    place = f"/var/lib/postgresql/archive/{segment}"
    again = f"/usr/local/bin/archive-wal {place} {segment}"
    other = f"head -c 16777216 /dev/zero >/tmp/other && /usr/local/bin/archive-wal /tmp/other {segment}"
    before = deployment.inside(leader, "sha256sum", place)
    deployment.inside(leader, "bash", "-c", again)
    refused = run("docker", "exec", leader, "bash", "-c", other, check=False)
    assert refused.returncode == 1
    assert f"{place} is there and holds something else; it is not overwritten" in refused.stderr
    assert deployment.inside(leader, "sha256sum", place) == before
    deployment.ask_node(leader, "drop table archived")


def test_initdb_d_ran_once_and_as_it_says(deployment):
    assert deployment.ask("select pg_has_role('repl', 'pg_monitor', 'usage')")
    assert deployment.ask("select rolreplication from pg_roles where rolname = 'repl'")
    assert deployment.ask("select pg_get_userbyid(datdba) from pg_database "
                          "where datname = 'milvus'") == "milvus"
    logs = [run("docker", "logs", name).stderr for name in NODES]
    ran = sum(log.count("initdb.d: /docker-entrypoint-initdb.d/00_init.sql") for log in logs)
    assert ran <= 1  # containers that were made anew have an empty log
