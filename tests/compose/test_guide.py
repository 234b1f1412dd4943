"""docs/compose.md, command by command: each is run as it stands there, in one shell, in a terminal."""

import re

import pexpect

from composelib import COMPOSE, ROOT

# What the suite has done already, in a copy, without building again.
DONE_BEFORE = ("cd deploy/compose", "./create_secrets.sh", "docker-compose -f patroni.yml up -d",
               "docker-compose -f patroni.yml -f tls.yml up -d",
               "docker-compose -f patroni.yml -f monitoring.yml up -d",
               "docker-compose -f patroni.yml -f backup.yml up -d", "docker-compose -f patroni.yml build")


# Sections of overlays: their commands are for a deployment that was made with them.
OF_OVERLAYS = {"TLS": "tls", "Monitoring": "monitoring", "Backups": "backup"}


def commands(overlay=None):
    text = (ROOT / "docs" / "compose.md").read_text()
    for title, section in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
        if OF_OVERLAYS.get(title) != overlay:
            continue
        for block in re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S):
            yield from (line for line in block.splitlines() if line and not line.startswith("#"))


def test_every_command_of_the_guide_works(deployment):
    assert run_commands(deployment, commands()) > 20


def run_commands(deployment, lines):
    """As they stand there, in one shell, in a terminal; how many they were."""
    ran = 0
    shell = pexpect.spawn("/bin/bash", ["--norc", "--noprofile"], encoding="utf-8", timeout=300,
                          cwd=str(deployment.folder), dimensions=(60, 240), echo=False)
    shell.sendline("PS1=; PS2=; set +o history; export PAGER=cat TERM=dumb; echo ready")
    shell.expect("ready\r\n")
    for command in lines:
        if command in DONE_BEFORE:
            continue
        command = command.replace("docker-compose ", " ".join(COMPOSE) + " ")
        shell.sendline(f"{command}; echo \"[exit $?]\"")
        shell.expect(r"\[exit (\d+)\]\r\n")
        assert shell.match[1] == "0", f"{command}\n{shell.before}"
        ran += 1
    shell.close()
    return ran
