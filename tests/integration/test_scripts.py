"""The operator's scripts: callbacks, pre_promote and before_stop, with real processes."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from herdlib import Herd, Solo, free_port, kill, process_is_alive, wait_until


class Scripts:
    """A folder into which scripts write what they are called with, a file for each node."""

    def __init__(self, herd):
        self.herd = herd
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgherd-scripts-", dir="/var/tmp"))
        owner = (herd.dir / "pg0").stat()
        self.owner = owner.st_uid, owner.st_gid
        os.chown(self.folder, *self.owner)

    def record(self, name, more=""):
        """Words of the call in one line; then whatever else the script shall do."""
        return f"""/bin/sh -c 'echo "$@" >> {self.folder}/{name}.calls; {more}' record"""

    def all_callbacks(self, name, **other):
        return {action: other.get(action, self.record(name)) for action in
                ("on_start", "on_stop", "on_restart", "on_reload", "on_role_change")}

    def configure(self, name, callbacks=None, **keys):
        """In the local file of one node, in the place of what stood there of scripts."""
        path = pathlib.Path(self.herd.nodes[name]["config"])
        text = re.sub(r"(?m)^  (callbacks|pre_promote|before_stop|krbsrvname): .*\n", "", path.read_text())
        lines = "".join(f"  {key}: {as_yaml(value)}\n" for key, value in keys.items() if value)
        if callbacks:
            lines += "  callbacks: {" + ", ".join(
                f"{action}: {as_yaml(command)}" for action, command in callbacks.items()) + "}\n"
        path.write_text(text.replace("\npostgresql:\n", f"\npostgresql:\n{lines}", 1))
        assert self.herd.rest(name, "/reload", "POST", {})[0] in (200, 202)

    def calls(self, name):
        path = self.folder / f"{name}.calls"
        return path.read_text().splitlines() if path.exists() else []

    def wait_calls(self, name, expected, seconds=30):
        wait_until(f"the calls {expected} on {name}", lambda: self.calls(name) == expected or
                   self.fail_if_other(name, expected), seconds)

    def fail_if_other(self, name, expected):
        calls = self.calls(name)
        if calls != expected[:len(calls)]:
            pytest.fail(f"calls on {name}: {calls}, expected: {expected}")
        return False

    def forget(self):
        for path in self.folder.glob("*"):
            path.unlink()

    def file(self, name):
        return self.folder / name

    def pid_in(self, name):
        return int(wait_until(f"a pid in {name}", lambda: self.file(name).read_text().strip()))


def as_yaml(command):
    return "'" + command.replace("'", "''") + "'"


@pytest.fixture(scope="module")
def two():
    made = Herd(nodes=2)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def scripts(two):
    two.wait_complete()
    made = Scripts(two)
    try:
        yield made
    finally:
        for name in two.nodes:
            made.configure(name)
        two.wait_complete()
        for path in made.folder.glob("*.pid"):  # of a test that failed
            with contextlib.suppress(OSError, ValueError):
                kill(int(path.read_text()))
        shutil.rmtree(made.folder)


def with_callbacks(scripts):
    """Every node records its callbacks; what the reload itself has called is forgotten."""
    for name in scripts.herd.nodes:
        scripts.configure(name, scripts.all_callbacks(name))
    for name in scripts.herd.nodes:
        role = "primary" if name == scripts.herd.leader() else "replica"
        scripts.wait_calls(name, [f"on_reload {role} pgherd"])
    scripts.forget()


@pytest.mark.core
def test_callbacks_are_called_for_what_postgresql_lives_through(two, scripts):
    with_callbacks(scripts)
    leader, standby = two.leader(), two.standbys()[0]
    for name, role in ((leader, "primary"), (standby, "replica")):
        assert two.rest(name, "/restart", "POST", {}) == (200, "restarted successfully")
        scripts.wait_calls(name, [f"on_restart {role} pgherd"])
        two.wait_complete()
        assert two.rest(name, "/reload", "POST", {})[0] in (200, 202)
        scripts.wait_calls(name, [f"on_restart {role} pgherd", f"on_reload {role} pgherd"])
    scripts.forget()
    two.ctl("switchover", "pgherd", "--leader", leader, "--candidate", standby, "--force")
    assert two.wait_complete() == standby
    scripts.wait_calls(standby, ["on_role_change primary pgherd"])
    scripts.wait_calls(leader, ["on_stop primary pgherd", "on_role_change replica pgherd"])
    assert scripts.calls(standby) == ["on_role_change primary pgherd"]
    # An agent that finds PostgreSQL running tells its start, and its files are read anew.
    scripts.forget()
    for name, role in ((standby, "primary"), (leader, "replica")):
        postmaster, agent = two.postmaster_pid(name), two.agent_pid(name)
        with two.supervisor_asleep():
            kill(agent)
        wait_until("the next agent", lambda name=name, agent=agent: two.agent_pid(name) != agent)
        wait_until(f"the calls on {name}", lambda name=name, role=role: set(scripts.calls(name)) ==
                   {f"on_start {role} pgherd", f"on_reload {role} pgherd"})
        assert two.postmaster_pid(name) == postmaster
    two.wait_complete()


def test_scripts_know_the_name_of_the_kerberos_service(two, scripts):
    standby = two.standbys()[0]
    seen = scripts.file("kerberos")
    on_start = scripts.record(standby, f'echo "$PGKRBSRVNAME" > {seen}')
    scripts.configure(standby, scripts.all_callbacks(standby, on_start=on_start), krbsrvname="herd")
    kill(two.agent_pid(standby))  # the variable is set when an agent begins
    wait_until("the script's environment", lambda: seen.exists() and seen.read_text() == "herd\n")


def test_a_primary_that_crashes_is_announced_again(two, scripts):
    with_callbacks(scripts)
    leader = two.leader()
    kill(two.postmaster_pid(leader))
    scripts.wait_calls(leader, ["on_role_change primary pgherd"])
    assert two.wait_complete() == leader


@pytest.mark.core
def test_a_callback_that_hangs_holds_nothing_up_and_is_killed_by_the_next(two, scripts):
    leader, standby = two.leader(), two.standbys()[0]
    hangs = scripts.record("hanging", f"echo $$ > {scripts.file('hanging.pid')}; sleep 3600 & wait")
    scripts.configure(standby, scripts.all_callbacks(standby, on_restart=hangs))
    assert two.rest(standby, "/restart", "POST", {}) == (200, "restarted successfully")
    hanging = scripts.pid_in("hanging.pid")
    two.wait_complete()
    with two.supervisor_asleep():
        two.lose_node(leader)
        wait_until("the standby leads", lambda: two.leader() == standby)
        wait_until("the new call", lambda: "on_role_change primary pgherd" in scripts.calls(standby))
    assert not process_is_alive(hanging), "it is killed before the next one begins"
    assert "callback on_restart replica pgherd still runs after" in two.log(standby)
    two.wait_complete()


def test_what_a_callback_says_and_how_it_ends_is_logged(two, scripts):
    name = two.standbys()[0]
    scripts.configure(name, {"on_restart": "/bin/sh -c 'echo I was called with \"$@\"; exit 7' it"})
    assert two.rest(name, "/restart", "POST", {}) == (200, "restarted successfully")
    wait_until("the log", lambda: re.search(
        r"WARNING: callback on_restart replica pgherd exited with status 7 after \d+ ms; "
        r"it says: I was called with on_restart replica pgherd", two.log(name)))


def test_callbacks_of_a_life_from_the_first_start_to_the_last_stop(two, scripts):
    """A new cluster, its callbacks in the dynamic configuration."""
    solo = Solo(two, "life")
    try:
        record = scripts.all_callbacks("solo", on_stop=scripts.record("solo", "echo a word"))
        text = solo.text.replace("  dcs: {ttl: 5,", "  dcs: {postgresql: {callbacks: {" + ", ".join(
            f"{action}: {as_yaml(command)}" for action, command in record.items()) + "}}, ttl: 5,")
        assert text != solo.text
        solo.start(text)
        solo.wait_leads()
        scripts.wait_calls("solo", ["on_start primary life"])
        assert solo.stop(signal.SIGTERM) == 0
        scripts.wait_calls("solo", ["on_start primary life", "on_stop primary life"])
        scripts.forget()
        solo.start(text)
        solo.wait_leads()  # nobody leads at first, so it starts as a standby
        scripts.wait_calls("solo", ["on_start replica life", "on_role_change primary life"])
    finally:
        solo.close()


def test_a_crashed_primary_that_gives_up_is_told_that_it_is_demoted(two, scripts):
    with_callbacks(scripts)
    leader, standby = two.leader(), two.standbys()[0]
    data_dir = pathlib.Path(two.nodes[leader]["data_dir"])
    data_dir.chmod(0o755)  # PostgreSQL refuses such a directory
    try:
        kill(two.postmaster_pid(leader))
        scripts.wait_calls(leader, ["on_role_change demoted pgherd"])
        wait_until("the other leads", lambda: two.leader() == standby)
        scripts.wait_calls(standby, ["on_role_change primary pgherd"])
    finally:
        data_dir.chmod(0o700)
    scripts.wait_calls(leader, ["on_role_change demoted pgherd", "on_role_change replica pgherd"], 60)
    assert two.wait_complete() == standby


def started(herd, name, step):
    found = re.search(r'pgherd_steps_started_total\{[^}]*step="%s"[^}]*\} (\d+)' % step,
                      herd.rest(name, "/metrics")[1])
    return int(found[1]) if found else 0


def switch(two, candidate):
    """Asks for it. The answer waits for the new leader, and nobody here for the answer."""
    leader = two.leader()
    threading.Thread(target=two.rest, daemon=True, args=(
        leader, "/switchover", "POST", {"leader": leader, "candidate": candidate})).start()


@pytest.mark.core
def test_a_node_whose_pre_promote_fails_leaves_the_lead_to_another(two, scripts):
    leader, standby = two.leader(), two.standbys()[0]
    scripts.configure(standby, scripts.all_callbacks("callbacks"),
                      pre_promote=scripts.record("pre_promote", "echo not this one; exit 4"))
    scripts.configure(leader, pre_promote=scripts.record("other"))
    scripts.wait_calls("callbacks", ["on_reload replica pgherd"])
    switch(two, standby)
    wait_until("the script was asked", lambda: scripts.calls("pre_promote"))
    assert two.wait_complete() == leader
    assert set(scripts.calls("pre_promote")) == {""}, "it is given no words"
    assert scripts.calls("other") == [""]
    assert "on_role_change primary pgherd" not in scripts.calls("callbacks")
    said = two.log(standby)
    assert re.search(r"pre_promote script `/bin/sh .*exited with status 4 after \d+ ms; it says: not this one", said)
    assert "[K3] the promotion failed (PostgreSQL is not promoted: pre_promote script" in said
    scripts.configure(standby)
    switch(two, standby)
    wait_until("the switchover", lambda: two.leader() == standby)


def is_in_recovery(solo):
    with psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                         dbname="postgres", connect_timeout=3) as sql:
        return sql.execute("select pg_is_in_recovery()").fetchone()[0]


def test_a_node_that_is_alone_asks_pre_promote_again(two, scripts):
    solo = Solo(two, "alone")
    try:
        allowed = scripts.file("allowed")
        command = scripts.record("pre_promote", f"test -e {allowed}")
        text = solo.text.replace("\npostgresql:\n", f"\npostgresql:\n  pre_promote: {as_yaml(command)}\n", 1)
        solo.start(text)
        solo.wait_leads()
        assert scripts.calls("pre_promote") == [], "a new cluster has nothing to be promoted"
        assert solo.stop() == 0
        solo.start(text)
        wait_until("two refusals", lambda: len(scripts.calls("pre_promote")) >= 2)
        # /primary is 200 as soon as the key is there, so PostgreSQL itself is asked.
        assert is_in_recovery(solo)
        allowed.touch()
        wait_until("its promotion", lambda: not is_in_recovery(solo))
    finally:
        solo.close()


@pytest.mark.core
def test_the_lease_is_renewed_while_pre_promote_takes_longer_than_it(two, scripts):
    leader, standby = two.leader(), two.standbys()[0]
    wait = f"echo $$ > {scripts.file('pre.pid')}; until test -e {scripts.file('go')}; do sleep 0.05; done"
    scripts.configure(standby, pre_promote=scripts.record("pre_promote", wait))
    switch(two, standby)
    script = scripts.pid_in("pre.pid")
    every = int(re.search(r"lease of 5 s: renewed every (\d+) ms", two.log(standby))[1])
    before = started(two, standby, "RenewLease")
    # As many as fill more than a whole lease.
    wait_until("renewals", lambda: started(two, standby, "RenewLease") > before + 5000 / every + 2, 60)
    assert process_is_alive(script)
    assert two.etcdctl("get", "--print-value-only", "/service/pgherd/leader") == standby
    with two.connect_node(standby) as connection:
        assert connection.execute("select pg_is_in_recovery()").fetchone()[0]
    scripts.file("go").touch()
    assert two.wait_complete() == standby
    assert scripts.calls("pre_promote") == [""], "it is asked once for one promotion"
    assert "[K3]" not in two.log(standby).split("reloading")[-1]


def test_pre_promote_is_killed_when_the_leader_key_is_lost(two, scripts):
    standby = two.standbys()[0]
    once, pid = scripts.file("once"), scripts.file("pre.pid")
    hangs = f"test -e {once} || {{ touch {once}; echo $$ > {pid}; sleep 3600 & wait; }}"
    scripts.configure(standby, pre_promote=scripts.record("pre_promote", hangs))
    switch(two, standby)
    script = scripts.pid_in("pre.pid")
    two.etcdctl("del", "/service/pgherd/leader")
    wait_until("the end of the script", lambda: not process_is_alive(script))
    two.wait_complete()


def is_told_to_be_running(name, herd):
    """What a script says of the server: it is there."""
    return f"kill -0 $(head -1 {herd.nodes[name]['data_dir']}/postmaster.pid) && echo runs >> "


@pytest.mark.core
def test_before_stop_is_waited_for_before_the_server_goes(two, scripts):
    leader, standby = two.leader(), two.standbys()[0]
    go, pid = scripts.file("go"), scripts.file("stop.pid")
    for name in (leader, standby):
        more = is_told_to_be_running(name, two) + str(scripts.file(f"{name}.seen")) + \
            f"; echo $$ > {pid}; until test -e {go}; do sleep 0.05; done; exit 9"
        scripts.configure(name, {"on_stop": scripts.record(name), "on_restart": scripts.record(name)},
                          before_stop=scripts.record(f"{name}-stops", more))
    postmaster = two.postmaster_pid(leader)
    switch(two, standby)
    scripts.pid_in("stop.pid")
    with two.connect_node(leader) as connection:
        assert not connection.execute("select pg_is_in_recovery()").fetchone()[0]
    assert process_is_alive(postmaster) and scripts.calls(leader) == []
    go.touch()
    wait_until("the switchover", lambda: two.wait_complete() == standby)
    assert scripts.calls(f"{leader}-stops") == [""] and scripts.file(f"{leader}.seen").exists()
    scripts.wait_calls(leader, ["on_stop primary pgherd"])
    assert two.rest(leader, "/restart", "POST", {}) == (200, "restarted successfully")
    scripts.wait_calls(leader, ["on_stop primary pgherd", "on_restart replica pgherd"])
    assert scripts.calls(f"{leader}-stops") == ["", ""]
    assert scripts.file(f"{leader}.seen").read_text() == "runs\nruns\n"
    assert "exited with status 9" in two.log(leader), "and its exit code stops nothing"


@pytest.mark.core
def test_a_restart_of_the_leader_may_take_longer_than_the_lease(two, scripts):
    leader = two.leader()
    wait = f"echo $$ > {scripts.file('stop.pid')}; until test -e {scripts.file('go')}; do sleep 0.05; done"
    scripts.configure(leader, before_stop=scripts.record("before_stop", wait))
    postmaster = two.postmaster_pid(leader)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(two.rest, leader, "/restart", "POST", {})
        scripts.pid_in("stop.pid")
        every = int(re.search(r"lease of 5 s: renewed every (\d+) ms", two.log(leader))[1])
        before = started(two, leader, "RenewLease")
        # As many as fill more than a whole lease.
        wait_until("renewals", lambda: started(two, leader, "RenewLease") > before + 5000 / every + 2, 60)
        assert process_is_alive(postmaster)
        scripts.file("go").touch()
        assert answer.result() == (200, "restarted successfully")
    assert two.wait_complete() == leader and two.postmaster_pid(leader) != postmaster
    assert "[R1]" not in two.log(leader), "its own act has started it again"


@pytest.mark.core
@pytest.mark.parametrize("is_switching", [False, True])
def test_a_before_stop_that_hangs_does_not_keep_a_lost_leases_primary_open(two, scripts, is_switching):
    leader, standby = two.leader(), two.standbys()[0]
    postmaster = two.postmaster_pid(leader)
    scripts.configure(leader, before_stop=scripts.record(
        "before_stop", f"echo $$ > {scripts.file('stop.pid')}; sleep 3600 & wait"))
    if is_switching:
        switch(two, standby)
        script = scripts.pid_in("stop.pid")
        assert process_is_alive(postmaster)
    members = [member["pid"] for member in two.plan["etcd"].values()]
    with two.supervisor_asleep():
        for member in members:
            kill(member, signal.SIGSTOP)
        try:
            wait_until("the end of the primary", lambda: not process_is_alive(postmaster))
            if not is_switching:
                script = scripts.pid_in("stop.pid")
                assert process_is_alive(script), "nobody has waited for it"
        finally:
            for member in members:
                kill(member, signal.SIGCONT)
    if is_switching:
        wait_until("the end of the script", lambda: not process_is_alive(script))
    scripts.configure(leader)
    two.wait_complete()


def test_the_leader_of_a_standby_cluster_has_a_role_of_its_own(two, scripts):
    with_callbacks(scripts)
    leader = two.leader()
    remote = {"host": "127.0.0.1", "port": free_port()}  # nobody is there, and it waits
    assert two.rest(leader, "/config", "PATCH", {"standby_cluster": remote})[0] == 200
    try:
        scripts.wait_calls(leader, ["on_stop primary pgherd", "on_role_change standby_leader pgherd"])
        scripts.forget()
        agent = two.agent_pid(leader)
        with two.supervisor_asleep():
            kill(agent)
        # At first it is any standby, for PostgreSQL's files do not say whose.
        wait_until("the new agent's call", lambda: "on_role_change standby_leader pgherd"
                   in scripts.calls(leader))
    finally:
        wait_until("the configuration", lambda: two.rest(
            leader, "/config", "PATCH", {"standby_cluster": None})[0] == 200)
    wait_until("its promotion", lambda: "on_role_change primary pgherd" in scripts.calls(leader))
    assert two.wait_complete() == leader
