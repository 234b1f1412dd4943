"""deploy/monitoring over a living herd: everybody is scraped, no panel of the dashboard is empty, and a slow etcd and
the loss of a primary are alerts. The tests go on where the one before ended."""

import contextlib
import json
import re
import signal

from herdlib import kill, wait_until
from monitoringlib import DASHBOARD, alerts, dashboard_queries, rules

# The disks of the machine that runs the tests are not the herd's doing.
NOT_OURS = {"PgherdDiskIsFull"}


def test_everybody_is_scraped(monitored):
    def all_up():
        targets = monitored.ask("targets")["activeTargets"]
        down = [(target["scrapeUrl"], target["lastError"]) for target in targets if target["health"] != "up"]
        assert not down, down
        assert {target["labels"]["job"] for target in targets} == {
            "pgherd", "postgres", "etcd", "haproxy", "router", "host"}
        return len(targets) == 3 + 3 + 3 + 1 + 1 + 1
    wait_until("all targets are up", all_up, 60)


def test_every_query_of_the_dashboard_has_an_answer(monitored):
    queries = list(dashboard_queries())
    assert len(queries) > 40

    def empty():
        return [query for query in queries if not monitored.has_answer(query[1])]
    # A rate needs two scrapes, and of PostgreSQL's there is one in 15 s.
    wait_until("no panel is empty", lambda: not empty() or _fail(empty()), 90)


def _fail(what):
    raise AssertionError(what)


def test_the_dashboard_offers_the_cluster(monitored):
    board = json.loads(DASHBOARD.read_text())
    [scope] = [variable for variable in board["templating"]["list"] if variable["name"] == "scope"]
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", scope["query"]).groups()
    assert {sample["metric"][label] for sample in monitored.query(metric)} == {monitored.scope}


def test_what_the_alerts_look_at_is_there(monitored):
    """An alert about a metric that nobody exports never fires."""
    for name, rule in rules().items():
        expression = re.sub(r'"[^"]*"|\{[^}]*\}', "", rule["expr"])
        metrics = set(re.findall(r"\b(?:up|(?:patroni|pgherd|pg|etcd|haproxy|node)[_:][\w:]+)\b", expression))
        assert metrics, name
        for metric in metrics:
            wait_until(f"{metric}, which {name} looks at", lambda metric=metric: monitored.query(metric), 60)


def test_those_joined_with_an_agent_have_its_labels(monitored):
    assert monitored.query("pg_stat_archiver_failed_count >= 0 and on (scope, name) patroni_primary == 1")
    assert monitored.query("pg_stat_archiver_last_archive_age >= 0 and on (scope, name) patroni_primary == 1")
    assert len(monitored.query("sum by (scope, name) (pg_stat_activity_count) < 0.85 * "
                               "max by (scope, name) (pg_settings_max_connections)")) == 3


def test_nothing_is_wrong_with_a_herd_at_rest(monitored):
    assert [alert for alert in monitored.active_alerts() if alert["labels"]["alertname"] not in NOT_OURS] == []


def gauge(monitored, node, name):
    [value] = re.findall(rf"^{name}\{{.*\}} (\S+)$", monitored.herd.rest(node, "/metrics")[1], re.M)
    return float(value)


@contextlib.contextmanager
def etcd_asleep(herd):
    pids = [member["pid"] for member in herd.plan["etcd"].values()]
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            kill(pid, signal.SIGCONT)


def test_a_slow_etcd_is_an_alert_before_a_lease_is_lost(monitored):
    leader = monitored.herd.leader()
    ttl = gauge(monitored, leader, "pgherd_lease_ttl_seconds")
    with etcd_asleep(monitored.herd):
        wait_until("half of the lease is gone",
                   lambda: gauge(monitored, leader, "pgherd_lease_remaining_seconds") < ttl / 2)
    wait_until("it is renewed, late", lambda: gauge(monitored, leader, "pgherd_lease_renewals_late_total") > 0)
    assert monitored.herd.leader() == leader, "nobody else has taken over"
    wait_until("the alert", lambda: leader in {
        alert["labels"]["name"] for alert in monitored.firing("PgherdLeaseMarginShrinks")}, 60)


def test_a_failover_is_an_alert(monitored):
    herd = monitored.herd
    former = herd.leader()
    with herd.supervisor_asleep():
        herd.lose_node(former)
        [alert] = wait_until("the alert", lambda: monitored.firing("PgherdFailover"), 60)
        assert alert["labels"]["scope"] == monitored.scope
        timeline = max(herd.status(name)["timeline"] for name in herd.nodes if name != former)
        assert alert["annotations"]["summary"] == (
            f"Cluster {monitored.scope} has another primary, on timeline {timeline}")
        assert not monitored.firing("PgherdNoPrimary") and not monitored.firing("PgherdMoreThanOnePrimary")

        [down] = wait_until("the lost node's agent is an alert", lambda: monitored.firing("PgherdAgentDown"), 120)
        assert down["labels"]["name"] == former and former in down["annotations"]["summary"]
    board = json.loads(DASHBOARD.read_text())
    for mark in board["annotations"]["list"]:
        # The mark stands where it happened, not now.
        wide = re.sub(r"\[\d+s\]", "[10m]", mark["expr"])
        assert wide != mark["expr"] and monitored.has_answer(wide), mark
    herd.wait_complete()


def test_alertmanager_has_heard_of_it(monitored):
    def heard():
        return {alert["labels"]["alertname"]: [receiver["name"] for receiver in alert["receivers"]]
                for alert in monitored.alertmanager_alerts()}
    assert wait_until("the alert in Alertmanager", lambda: heard().get("PgherdFailover"), 60) == ["mail"]
    assert set(heard()) <= set(alerts())


def test_the_dashboard_is_whole_after_it(monitored):
    wait_until("no panel is empty", lambda: all(
        monitored.has_answer(query) for _, query in dashboard_queries()), 60)
