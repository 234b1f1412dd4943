"""docs/compose.md, command by command: each is run as it stands there, in one shell, in a terminal."""

import re

import pexpect

from composelib import COMPOSE, ROOT

# What the suite has done already, in a copy, without building again.
DONE_BEFORE = ("cd deploy/compose", "./create_secrets.sh", "docker-compose -f patroni.yml up -d",
               "docker-compose -f patroni.yml build")


def commands():
    text = (ROOT / "docs" / "compose.md").read_text()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        yield from (line for line in block.splitlines() if line and not line.startswith("#"))


def test_every_command_of_the_guide_works(deployment):
    ran = 0
    shell = pexpect.spawn("/bin/bash", ["--norc", "--noprofile"], encoding="utf-8", timeout=300,
                          cwd=str(deployment.folder), dimensions=(60, 240), echo=False)
    shell.sendline("PS1=; PS2=; set +o history; export PAGER=cat TERM=dumb; echo ready")
    shell.expect("ready\r\n")
    for command in commands():
        if command in DONE_BEFORE:
            continue
        command = command.replace("docker-compose ", " ".join(COMPOSE) + " ")
        shell.sendline(f"{command}; echo \"[exit $?]\"")
        shell.expect(r"\[exit (\d+)\]\r\n")
        assert shell.match[1] == "0", f"{command}\n{shell.before}"
        ran += 1
    shell.close()
    assert ran > 20
