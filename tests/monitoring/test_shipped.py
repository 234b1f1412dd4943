"""What deploy/monitoring has, by the tools' own validators; nothing runs here."""

import re
import subprocess

import pytest
import yaml

from herdlib import PGHERD, ROOT, deps
from monitoringlib import ALERTS_TEST, RULES, SHIPPED, alerts, run

OPERATIONS = (ROOT / "docs/operations.md").read_text()
MONITORING = OPERATIONS.split("\n## Monitoring\n")[1].split("\n## ")[0]


def test_prometheus_takes_the_configuration():
    run(deps()["PROMTOOL"], "check", "config", SHIPPED / "prometheus.yml")
    run(deps()["PROMTOOL"], "check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_alertmanager_takes_the_example_and_calls_somebody_for_what_is_critical():
    config = SHIPPED / "alertmanager.yml"
    run(deps()["AMTOOL"], "check-config", config)
    for severity, receiver in {"critical": "on-call", "warning": "mail", "info": "mail"}.items():
        said = run(deps()["AMTOOL"], "config", "routes", "test", f"--config.file={config}", f"severity={severity}")
        assert said.strip() == receiver, severity


def test_what_alertmanager_holds_back_are_alerts_that_there_are():
    config = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
    named = re.findall(r'alertname=~?"([^"]+)"', str(config["inhibit_rules"]))
    assert named and {name for some in named for name in some.split("|")} <= set(alerts())


def test_the_alerts_fire_when_they_should():
    run(deps()["PROMTOOL"], "test", "rules", ALERTS_TEST)


def test_each_alert_is_tried_firing_and_silent():
    fires, silent = set(), set()
    for case in yaml.safe_load(ALERTS_TEST.read_text())["tests"]:
        for one in case["promql_expr_test"]:
            [name] = re.findall(r'alertname="(\w+)"', one["expr"])
            (fires if one.get("exp_samples") else silent).add(name)
    assert fires == set(alerts()) and silent == set(alerts())


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_what_it_means_and_what_to_do(name):
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    description = rule["annotations"]["description"]
    assert rule["annotations"]["summary"] and re.findall(r"`[^`]+`", description), "no command to run next"


def test_the_commands_of_the_alerts_are_those_of_ctl():
    said = " ".join(rule["annotations"]["description"] for rule in alerts().values()) + MONITORING
    commands = {tuple(words.split()) for words in re.findall(r"`ctl ([^`]+)`", said)}
    assert len(commands) > 8
    for command in commands:
        shown = subprocess.run([PGHERD, "ctl", command[0], "--help"], capture_output=True, text=True, check=False)
        assert shown.returncode == 0, command
        for option in re.findall(r" (--?[a-z]+)", " " + " ".join(command).split("'")[0]):
            assert option in shown.stdout, f"{command}: no {option}"


def test_operations_has_a_line_for_each_alert():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", MONITORING, re.M)
    assert dict(rows) == {name: rule["labels"]["severity"] for name, rule in alerts().items()}
    assert len(rows) == len(alerts())
