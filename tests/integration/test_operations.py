"""docs/operations.md, command by command: each is run as it stands there, on a herd, and does what the page says."""

import json
import os
import re
import subprocess

import pytest

from herdlib import PGHERD, ROOT, wait_until

PAGE = ROOT / "docs/operations.md"

# Sections whose commands are for a host of their own, and what runs them or the like of them.
ELSEWHERE = {
    "Members: add, remove, replace": "test_standbys.py",
    "etcd": "test_store_login.py",
    "Renew certificates": "test_certificates.py",
    "The Debian package": "make test-deb",
    "Standby cluster": "test_standby_cluster.py",
    "Backups with pgBackRest": "make test-pgbackrest",
}
# Of the sections that are run: what a herd has not.
NOT_ON_A_HERD = {
    "pgherd agent --validate-config -i /etc/pgherd/agent.yml": "there is one file for each node",
    "pgherd drill restore -c /etc/pgherd/agent.yml pgherd": "there is no repository",
    "pgherd drill partition -c /etc/pgherd/agent.yml pgherd": "test_drill_partition.py: it wants hosts",
    "cp /usr/share/doc/pgherd/examples/pgherd-drill@.* /etc/systemd/system/": "it is for systemd, as the rest",
    "systemctl edit pgherd-drill@failover.service": "",
    "systemctl enable --now pgherd-drill@failover.timer": "",
    "systemctl start pgherd-drill@failover.service": "",
}


def sections():
    text = PAGE.read_text()
    for title, section in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```", section, re.M | re.S)
        commands = [re.sub(r"\s+# .*", "", line).strip() for block in blocks for line in block.splitlines()]
        if commands := [command for command in commands if command and not command.startswith("#")]:
            yield title, commands


def run_on_herd():
    return {title: commands for title, commands in sections() if title not in ELSEWHERE}


class Operator:
    """Who types what the page says, in a folder of his own, and answers what he is asked."""

    def __init__(self, herd, folder):
        self.herd = herd
        self.folder = folder
        (folder / "bin").mkdir()
        config = herd.dir / "patronictl.yml"
        for name, words in {"ctl": f"ctl -c {config}", "pgherd": ""}.items():
            program = folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {PGHERD} {words} "$@"\n')
            program.chmod(0o755)
        (folder / "changes.yml").write_text("maximum_lag_on_failover: 2097152\n")

    def type(self, command):
        leader = self.herd.nodes[self.herd.leader()]
        command = command.replace("NODE", f"http://127.0.0.1:{leader['rest_port']}")
        command = command.replace("-u USER:PASSWORD", f'-H "Authorization: {self.herd.authorization()}"')
        command = command.replace("/etc/pgherd/agent.yml", str(self.herd.dir / "pg0/agent.yml"))
        # Newer than what runs here: else nobody is restarted, and that is said.
        command = command.replace("--pg-version 17.6", "--pg-version 17.99")
        command = re.sub(r"^curl ", "curl --fail --silent --show-error ", command)
        # The leader, now, and yes; who is asked less takes less.
        answers = "\n\ny\n" if command.startswith("ctl switchover") else "y\n"
        environment = os.environ | {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "EDITOR": "true"}
        return subprocess.run(["bash", "-c", command], input=answers, capture_output=True, text=True,
                              cwd=self.folder, env=environment, timeout=120, check=False)


def lead_by(herd, name):
    herd.wait_complete()
    if herd.leader() != name:
        herd.ctl("switchover", "--candidate", name, "--force")
        herd.wait_complete()


def nobody_lags(herd):
    """By what the members have published: a standby streams a moment before it says how far it is."""
    members = json.loads(herd.rest(herd.leader(), "/cluster")[1])["members"]
    return all(member["lag"] == 0 for member in members if member["role"] != "leader")


def shown(herd, parameter):
    return {herd.connect_node(name).execute(f"show {parameter}").fetchone()[0] for name in herd.nodes}


def configured(herd, key):
    return herd.ctl("show-config").stdout.split(f"{key}: ")[1].splitlines()[0]


def scheduled(herd):
    return "scheduled_switchover" in herd.rest(herd.leader(), "/cluster")[1]


# What is to be seen after a command, besides that it ended with 0.
EFFECTS = {
    "ctl switchover --candidate pg0": lambda herd: herd.leader() == "pg0",
    "ctl switchover --leader pg1 --candidate pg0 --force": lambda herd: herd.leader() == "pg0",
    "ctl switchover --candidate pg0 --scheduled 2030-01-01T03:00:00+00:00 --force": scheduled,
    "ctl flush pgherd switchover --force": lambda herd: not scheduled(herd),
    "ctl failover --candidate pg1 --force": lambda herd: herd.leader() == "pg1",
    "ctl edit-config -p work_mem=8MB --force": lambda herd: shown(herd, "work_mem") == {"8MB"},
    "ctl edit-config -s loop_wait=2 -s ttl=10 --force": lambda herd: configured(herd, "ttl") == "10",
    "ctl edit-config --apply changes.yml --force":
        lambda herd: configured(herd, "maximum_lag_on_failover") == "2097152",
    "ctl pause --wait": lambda herd: '"pause": true' in herd.rest(herd.leader(), "/cluster")[1],
    "ctl resume --wait": lambda herd: '"pause"' not in herd.rest(herd.leader(), "/cluster")[1],
    "ctl edit-config -s synchronous_mode=on --force":
        lambda herd: "Sync Standby" in herd.ctl("list").stdout,
    "ctl edit-config -s synchronous_mode=quorum --force":
        lambda herd: "Quorum Standby" in herd.ctl("list").stdout,
    "ctl edit-config -s synchronous_mode=off --force":
        lambda herd: "Standby" not in herd.ctl("list").stdout,
    "pgherd drill failover -c /etc/pgherd/agent.yml pgherd": lambda herd: herd.leader() != "pg0",
    "ctl edit-config -s failsafe_mode=true --force": lambda herd: configured(herd, "failsafe_mode") == "true",
}
# Who has to lead before a command of the section.
LEADERS = {"Planned switchover": "pg1", "Forced failover": "pg0", "Reinitialize": "pg0",
           "Minor upgrade of PostgreSQL": "pg1", "Drills": "pg0"}


@pytest.mark.parametrize("title", run_on_herd())
def test_every_command_of_the_page_does_what_it_says(herd, title, tmp_path):
    operator = Operator(herd, tmp_path)
    herd.wait_complete()
    wait_until("every standby level with the leader", lambda: nobody_lags(herd))
    before = herd.ctl("show-config").stdout
    for command in run_on_herd()[title]:
        if command in NOT_ON_A_HERD:
            continue
        if title in LEADERS and "flush" not in command:
            lead_by(herd, LEADERS[title])
        done = operator.type(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if command in EFFECTS:
            wait_until(f"the effect of {command}", lambda command=command: EFFECTS[command](herd))
    (tmp_path / "before.yml").write_text(before)
    herd.ctl("edit-config", "--replace", str(tmp_path / "before.yml"), "--force")
    herd.wait_complete()


def test_each_effect_is_that_of_a_command_of_the_page():
    all_of_it = {command for commands in run_on_herd().values() for command in commands}
    assert set(EFFECTS) | set(NOT_ON_A_HERD) <= all_of_it, "the page says it otherwise now"
    assert set(ELSEWHERE) <= {title for title, _ in sections()} and len(all_of_it) > 35
