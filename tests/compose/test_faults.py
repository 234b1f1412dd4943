"""What happens to the deployment, with a client that writes before, through and after, in quorum
mode: what was acknowledged must be there."""

import contextlib

import psycopg
import pytest

from composelib import NODES, SERVICES, docker, run, wait_until
from herdlib import Writer


@pytest.fixture(name="quorum")
def in_quorum_mode(deployment):
    """A crash of the primary may cost the last rows unless a standby has them: the guide says how."""
    deployment.ctl("edit-config", "--force", "-s", "synchronous_mode=quorum")
    wait_until("commits wait for standbys",
               lambda: "ANY" in deployment.ask("select current_setting('synchronous_standby_names')"))
    yield deployment
    wait_until("the mode is off again", lambda: deployment.ctl(
        "edit-config", "--force", "-s", "synchronous_mode=off") is not None)


def is_whole_again(deployment):
    """In quorum mode the standbys have another role."""
    members = deployment.members()
    states = sorted(row["State"] for row in members.values())
    return len(members) == 4 and states == ["running"] + ["streaming"] * 3


def written(deployment, writer):
    with psycopg.connect(deployment.dsn()) as connection:
        rows = connection.execute("select count(*) from written").fetchone()[0]
        return rows, writer.missing(connection), writer.alien(connection)


@contextlib.contextmanager
def writing(deployment, what):
    """Nothing acknowledged is lost, whatever happens inside; prints the longest pause."""
    with Writer(deployment, statement_timeout=0) as writer:
        yield writer
        writer.wait_for_rows(30, 60)
    wait_until("all is well again", lambda: is_whole_again(deployment), 120)
    # HAProxy may turn a client away for a moment when a health check is late; that is no loss.
    rows, missing, alien = wait_until("the rows are read", lambda: written(deployment, writer), 20)
    print(f"\n{what}: longest pause of writes {writer.longest_gap():.2f} s, "
          f"{len(writer.acknowledged)} rows acknowledged, {rows} there")
    assert missing == []
    assert alien == []


def another_leads(deployment, former):
    return wait_until("another node leads",
                      lambda: (lambda name: name != former and name)(deployment.leader()), 60)


@pytest.mark.quick
def test_the_primary_is_stopped(quorum):
    former = quorum.leader()
    with writing(quorum, "docker stop of the primary") as writer:
        docker("stop", former)
        writer.wait_for_rows(20)
        another_leads(quorum, former)
        docker("start", former)


@pytest.mark.quick
def test_the_primary_is_killed(quorum):
    former = quorum.leader()
    with writing(quorum, "docker kill of the primary") as writer:
        docker("kill", former)
        another_leads(quorum, former)
        writer.wait_for_rows(20)
        docker("start", former)


def test_the_primary_is_frozen_and_thawed(quorum):
    former = quorum.leader()
    with writing(quorum, "docker pause of the primary") as writer:
        docker("pause", former)
        try:
            wait_until("another node leads", lambda: any(
                row["Role"] == "Leader" and name != former
                for name, row in quorum.members().items()), 60)
            writer.wait_for_rows(20)
        finally:
            docker("unpause", former)


def test_the_primary_is_cut_off_and_comes_back(quorum):
    former = quorum.leader()
    other = quorum.standbys()[0]
    with writing(quorum, "docker network disconnect of the primary") as writer:
        for network in ("patroni-network", "etcd-proxy-network"):
            docker("network", "disconnect", network, former)
        wait_until("another node leads", lambda: quorum.leader(other) != former, 60)
        writer.wait_for_rows(20)
        for network in ("patroni-network", "etcd-proxy-network"):
            docker("network", "connect", "--alias", former, network, former)


@pytest.mark.parametrize("name", ["etcd0", "etcd1"])
def test_an_etcd_member_is_frozen(quorum, name):
    before = quorum.leader()
    with writing(quorum, f"docker pause {name}") as writer:
        docker("pause", name)
        writer.wait_for_rows(100)
        # Longer than the lease could last without a renewal.
        wait_until("the lease was renewed without it", lambda: ttl_has_passed(writer, 6.0), 30)
        docker("unpause", name)
    assert quorum.leader() == before


def ttl_has_passed(writer, seconds):
    moments = [moment for _, moment in writer.acknowledged]
    return moments[-1] - moments[0] > seconds


def test_two_etcd_members_are_lost_and_failsafe_keeps_the_primary(quorum):
    before = quorum.leader()
    with writing(quorum, "two of three etcd members stopped") as writer:
        docker("kill", "etcd1", "etcd2")
        began = len(writer.acknowledged)
        wait_until("three times the ttl have passed with writes",
                   lambda: len(writer.acknowledged) > began
                   and ttl_has_passed_since(writer, began, 15.0), 60)
        docker("start", "etcd1", "etcd2")
    assert quorum.leader() == before


def ttl_has_passed_since(writer, index, seconds):
    return writer.acknowledged[-1][1] - writer.acknowledged[index - 1][1] > seconds


@pytest.mark.parametrize("name", ["patroni-haproxy", "etcd-proxy"])
def test_a_proxy_is_restarted(quorum, name):
    before = quorum.leader()
    with writing(quorum, f"docker restart {name}"):
        docker("restart", name)
    assert quorum.leader() == before


def test_everything_is_killed_and_brought_up_again(quorum):
    with Writer(quorum, statement_timeout=0) as writer:
        writer.wait_for_rows(100)
        docker("kill", *SERVICES)
    quorum.compose("up", "-d", "--no-build")
    wait_until("all is well again", lambda: is_whole_again(quorum), 120)
    with psycopg.connect(quorum.dsn()) as connection:
        assert writer.missing(connection) == []


def test_a_node_without_its_volume_copies_itself_anew(deployment):
    name = deployment.standbys()[-1]
    deployment.compose("rm", "--stop", "--force", name)
    volume = next(line for line in docker("volume", "ls", "-q").split()
                  if line.endswith(f"replica{name[-1]}-data"))
    docker("volume", "rm", volume)
    deployment.compose("up", "-d", "--no-build", name)
    deployment.wait_whole()


def test_nodes_are_replaced_one_by_one_after_a_change(quorum):
    ids = {name: docker("inspect", "--format", "{{.Id}}", name) for name in NODES}
    with open(quorum.folder / ".env", "a", encoding="utf-8") as env:
        env.write("NODE_SHM=300m\n")
    try:
        with writing(quorum, "rolling_update.sh"):
            said = run("./rolling_update.sh", cwd=quorum.folder, timeout=400).stdout
        assert said.count(": replaced") == 4, said
        assert said.count("handed leadership") == 1, said
        # By itself it takes the Compose that made them: the other one would replace them all.
        again = run("env", "-u", "COMPOSE", "./rolling_update.sh", cwd=quorum.folder,
                    timeout=120).stdout
        assert again.count("is as it should be") == 4, again
    finally:
        lines = (quorum.folder / ".env").read_text().replace("NODE_SHM=300m\n", "")
        (quorum.folder / ".env").write_text(lines)
        quorum.compose("up", "-d", "--no-build")
        wait_until("all is well again", lambda: is_whole_again(quorum), 180)
    assert all(docker("inspect", "--format", "{{.Id}}", name) != ids[name] for name in NODES)
