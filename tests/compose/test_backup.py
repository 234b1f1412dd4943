"""The overlay backup.yml: what is written is archived and backed up by itself, encrypted and from a standby; nodes
are made from the repository, and the whole deployment as of a moment."""

import json
import re

import pytest

from composelib import NODES, OVERLAYS, docker, run, wait_until
from test_guide import commands, run_commands

STANZA = "main"


def in_repository(*words, **options):
    return docker("exec", "--user", "postgres", "backup", *words, **options)


def backups():
    return json.loads(in_repository("pgbackrest", f"--stanza={STANZA}", "--log-level-console=error", "info",
                                    "--output=json"))[0]["backup"]


def said(container):
    done = run("docker", "logs", container)
    return done.stdout + done.stderr


def await_first_backup():
    return wait_until("the first full backup", lambda: [one for one in backups() if one["type"] == "full"], 120, 1)


def archive_all(deployment):
    """What is written until now is in the repository."""
    # Without anything new nothing is switched, and a server that has just become the primary counts from zero.
    deployment.ask("select pg_logical_emit_message(true, 'tests', 'something to archive')")
    segment = deployment.ask("select pg_walfile_name(pg_switch_wal())")
    wait_until(f"{segment} is archived", lambda: deployment.ask(
        f"select last_archived_wal >= '{segment}' from pg_stat_archiver"), 60)


@pytest.mark.quick
def test_the_first_backup_is_taken_by_itself_from_a_standby(deployment):
    [first] = await_first_backup()
    assert first["error"] is False
    copied = re.findall(r"backup\.?.*?from (?:the )?standby|wait for replay on the standby", said("backup"))
    assert copied, "no word of a standby"


def test_the_repository_is_encrypted(deployment):
    await_first_backup()
    heads = in_repository("sh", "-c", "find /var/lib/pgbackrest -type f ! -name '*.lock' -size +0 "
                          "-exec sh -c 'for file; do head -c 8 \"$file\"; echo; done' sh {} + | sort -u").split()
    assert heads == ["Salted__"], heads


def test_nobody_reaches_it_without_a_certificate(deployment):
    """One of the deployment's CA, which names somebody else, is none."""
    await_first_backup()
    name = NODES[0]
    script = ("pgbackrest --stanza=main --config=/etc/pgherd/backup/pgbackrest.conf --log-level-console=error "
              "--repo1-host-cert-file=/certs/tls.pem --repo1-host-key-file=/certs/tls.pem "
              "--repo1-host-ca-file=/certs/ca.crt repo-ls backup/main")

    def fetch(whose):
        return run("docker", "run", "--rm", "--network", "patroni-network", "--user", "0",
                   "--volume", f"{deployment.folder}/.certs/{whose}:/certs:ro",
                   "--volume", f"{deployment.folder}/cfg-backup:/etc/pgherd/backup:ro",
                   "--entrypoint", "sh", "pgherd/patroni:latest", "-c", script,
                   check=False)
    refused = fetch("patroni-haproxy")
    assert refused.returncode != 0 and "access denied" in refused.stderr + refused.stdout, refused
    allowed = fetch(name)
    assert allowed.returncode == 0 and "backup.info" in allowed.stdout, allowed


@pytest.mark.quick
def test_a_node_is_made_from_the_repository(deployment):
    await_first_backup()
    archive_all(deployment)
    deployment.ask("create table if not exists made_from (number int)")
    archive_all(deployment)
    name = deployment.standbys()[0]
    deployment.compose("rm", "--force", "--stop", name)
    volume = f"{deployment.folder.name}_{name.removeprefix('patroni-')}-data"
    docker("volume", "rm", volume)
    deployment.compose("up", "-d", "--no-build", "--no-deps", name)
    deployment.wait_whole(180)
    log = said(name)
    assert "restore backup set" in log and re.search(r"CloneFrom\{.*\} done", log), log[-3000:]
    assert deployment.ask_node(name, "select count(*) from made_from") == "0"


def test_archiving_goes_on_after_a_switchover(deployment):
    deployment.ctl("switchover", "--candidate", deployment.standbys()[0], "--force")
    deployment.wait_whole()
    archive_all(deployment)


def test_every_command_of_the_guide_about_backups_works(deployment):
    await_first_backup()
    assert run_commands(deployment, commands("backup")) >= 6


@pytest.mark.quick
def test_a_restore_is_proven(deployment):
    await_first_backup()
    deployment.ask("create table if not exists proof as select generate_series(1, 1000) as number")
    archive_all(deployment)
    report = in_repository("pgherd", "backup", "restore-test", "--scratch", "/var/lib/postgresql/restore-test",
                           "--user", "admin", "--query", "select count(*) from proof",
                           "--metrics-file", "/var/lib/metrics/pgherd-restore-test.prom", timeout=300)
    assert "select count(*) from proof: 1000" in report and "proven: backup" in report
    metrics = in_repository("cat", "/var/lib/metrics/pgherd-restore-test.prom")
    assert re.search(r"^pgherd_backup_restore_test_success\{.*\} 1$", metrics, re.M), metrics
    if "monitoring" in OVERLAYS:
        scraped = docker("exec", "exporter-host", "curl", "-s", "http://localhost:9100/metrics")
        assert "pgherd_backup_restore_test_success" in scraped


def test_the_deployment_as_of_a_moment(deployment):
    """As the guide says it: all volumes but the repository's are gone."""
    await_first_backup()
    deployment.ask("create table kept as select 1 as number")
    archive_all(deployment)
    moment = deployment.ask("select now()::text")
    deployment.ask("select pg_sleep(1.1)")
    deployment.ask("drop table kept")
    archive_all(deployment)
    before = deployment.ask("select system_identifier::text from pg_control_system()")
    deployment.compose("down")
    volumes = [name for name in docker("volume", "ls", "--quiet").split()
               if re.fullmatch(rf"{deployment.folder.name}_(replica|etcd)\d-data", name)]
    assert len(volumes) == 7
    docker("volume", "rm", *volumes)
    deployment.compose("up", "-d", "--no-build", env={"RESTORE_TO": moment})
    wait_until("all services are healthy", lambda: deployment.health() == {"healthy"}, 300, 0.5)
    deployment.wait_whole(240)
    assert deployment.ask("select number from kept") == 1
    assert deployment.ask("select system_identifier::text from pg_control_system()") == before
    archive_all(deployment)
    in_repository("pgherd", "backup", "now", "--type=full", timeout=300)
    run("./rolling_update.sh", cwd=deployment.folder, timeout=400)
    deployment.wait_whole()
    assert deployment.ask("select number from kept") == 1
