"""The overlay monitoring.yml: everybody is scraped, no panel of the dashboard is empty, nothing is wrong with a
deployment at rest, and the loss of its primary reaches Alertmanager."""

import pytest

from composelib import ETCD, NODES, OVERLAYS, docker, run, wait_until
from monitoringlib import Watcher, alerts, dashboard_queries
from test_guide import commands, run_commands

# The disks of the machine that runs the tests are not the deployment's doing.
NOT_OURS = {"PgherdDiskIsFull"}


@pytest.fixture(scope="module")
def watcher(running):
    # A segment in the archive, for those who ask how old the last one is.
    running.ask("select pg_switch_wal()")
    return Watcher("pg_cluster", 9090, 9093)


@pytest.mark.quick
def test_everybody_is_scraped(deployment, watcher):
    def all_up():
        targets = watcher.ask("targets")["activeTargets"]
        down = [(target["scrapeUrl"], target["lastError"]) for target in targets if target["health"] != "up"]
        assert not down, down
        return sorted((target["labels"]["job"], target["labels"].get("name", "")) for target in targets) == sorted(
            [("pgherd", name) for name in NODES] + [("postgres", name) for name in NODES]
            + [("etcd", name) for name in ETCD] + [("haproxy", ""), ("host", "docker-host")])
    wait_until("all targets are up", all_up, 60, 0.5)
    urls = {target["labels"]["job"]: target["scrapeUrl"] for target in watcher.ask("targets")["activeTargets"]}
    for job in ("pgherd", "etcd", "haproxy"):
        assert urls[job].startswith("https:" if "tls" in OVERLAYS else "http:")


@pytest.mark.quick
def test_every_exporter_asks_its_own_postgresql(deployment, watcher):
    def roles():
        return {sample["metric"]["name"]: sample["value"][1] for sample in watcher.query("pg_replication_is_replica")}
    leader = deployment.leader()
    wait_until("each has answered", lambda: roles() == {
        name: "0" if name == leader else "1" for name in NODES}, 60, 0.5)


def test_every_query_of_the_dashboard_has_an_answer(deployment, watcher):
    # HAProxy is what this deployment has.
    queries = [query for _, query in dashboard_queries() if "pgherd_router" not in query]
    assert len(queries) > 30

    def nothing_is_empty():
        empty = [query for query in queries if not watcher.has_answer(query)]
        assert not empty, empty
        return True
    wait_until("no panel is empty", nothing_is_empty, 90, 1)


@pytest.mark.quick
def test_nothing_is_wrong_with_a_deployment_at_rest(deployment, watcher):
    def nothing_is_wrong():
        wrong = [alert["labels"] for alert in watcher.active_alerts()
                 if alert["labels"]["alertname"] not in NOT_OURS]
        assert not wrong, wrong
        return True
    # Prometheus may have begun while the cluster was being made.
    wait_until("no alert", nothing_is_wrong, 120, 1)


def test_the_loss_of_the_primary_reaches_alertmanager(deployment, watcher):
    former = deployment.leader()
    docker("kill", former)
    try:
        [alert] = wait_until("the alert", lambda: watcher.firing("PgherdFailover"), 60, 0.5)
        assert alert["labels"]["scope"] == "pg_cluster"
        heard = wait_until("Alertmanager has heard of it", lambda: {
            alert["labels"]["alertname"]: [receiver["name"] for receiver in alert["receivers"]]
            for alert in watcher.alertmanager_alerts()}, 60, 0.5)
        assert heard["PgherdFailover"] == ["mail"] and set(heard) <= set(alerts())
        wait_until("the lost node is an alert", lambda: former in {
            alert["labels"]["name"] for alert in watcher.firing("PgherdAgentDown")}, 120, 0.5)
    finally:
        docker("start", former)
    deployment.wait_whole()


def test_what_is_wrong_with_a_configuration_is_said(deployment):
    """Not by an endless row of starts without a word."""
    broken = deployment.place / "broken.yml"
    broken.write_text("route: {receiver: nobody}\n")
    done = run("docker", "run", "--rm", "--volume", f"{broken}:/etc/pgherd/alertmanager.yml:ro",
               "pgherd/monitoring:latest", "alertmanager", check=False)
    assert done.returncode == 1
    assert "/etc/pgherd/alertmanager.yml is refused: " in done.stderr and "nobody" in done.stderr, done


def test_every_command_of_the_guide_about_monitoring_works(deployment):
    assert run_commands(deployment, commands("monitoring")) >= 3
