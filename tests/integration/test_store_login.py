"""etcd begins to demand a login while agents run: who has a name and a password logs in and goes on
leading; who has none says so, without a flood of lines, and leads again when it may."""

import re
import signal

import pytest

from herdlib import Herd, Solo, wait_until


@pytest.fixture
def herd():
    """Of its own, for its agents have no name to log in with."""
    made = Herd(nodes=1)
    made.wait_complete()
    yield made
    made.close()


@pytest.fixture
def solo(herd):
    made = Solo(herd, "solo-login")
    yield made
    made.close()


def with_login(text, password):
    return text.replace("etcd3: {", f'etcd3: {{username: herd, password: "{password}", ', 1)


def as_root(herd, *words):
    return herd.etcdctl("--user", "root:secret", *words)


def renewals_of(solo):
    found = re.search(r'pgherd_steps_started_total{[^}]*step="RenewLease"} (\d+)', solo.metrics())
    return int(found[1]) if found else 0


def lines_that_demote(text):
    return [line for line in text.splitlines() if "emote" in line]


def test_a_leader_stays_leader_when_etcd_demands_a_login(solo, herd):
    herd.etcdctl("user", "add", "root:secret")
    herd.etcdctl("user", "grant-role", "root", "root")
    herd.etcdctl("role", "add", "herd")
    herd.etcdctl("role", "grant-permission", "--prefix", "herd", "readwrite", "/service/")
    herd.etcdctl("user", "add", "herd:sheep")
    herd.etcdctl("user", "grant-role", "herd", "herd")
    solo.start(with_login(solo.text, "sheep"))
    solo.wait_leads()
    postmaster = (solo.data_dir / "postmaster.pid").read_text().splitlines()[0]
    renewals = renewals_of(solo)
    stranger = herd.leader()
    stranger_said = len(herd.log(stranger))

    herd.etcdctl("auth", "enable")
    try:
        # The lease is 5 s: so many renewals take longer than it would last without them.
        wait_until("the lease is renewed with a login", lambda: renewals_of(solo) >= renewals + 8)
        assert "logging in as 'herd'" in solo.said()
        # The node that has no name cannot lead, says what is missing, and does not repeat itself.
        wait_until("the node without a name gives way", lambda: herd.rest(stranger, "/leader")[0] != 200)
        wait_until("it says why", lambda: "etcd3.username" in herd.log(stranger)[stranger_said:])
        # Another login, told by a reload; the old one and its token end while the lease goes on.
        as_root(herd, "user", "add", "shepherd:dog")
        as_root(herd, "user", "grant-role", "shepherd", "herd")
        (solo.folder / "solo.yml").write_text(
            with_login(solo.text, "dog").replace("username: herd", "username: shepherd"))
        solo.process.send_signal(signal.SIGHUP)
        solo.wait_for("reloading")
        as_root(herd, "user", "delete", "herd")
        renewals = renewals_of(solo)
        wait_until("the lease is renewed with the new login",
                   lambda: renewals_of(solo) >= renewals + 8)
    finally:
        as_root(herd, "auth", "disable")
    renewals = renewals_of(solo)
    wait_until("the lease is renewed without a login", lambda: renewals_of(solo) >= renewals + 8)
    assert solo.get("/leader")[0] == 200
    assert (solo.data_dir / "postmaster.pid").read_text().splitlines()[0] == postmaster
    assert not lines_that_demote(solo.said()), solo.said()
    assert len(solo.said().splitlines()) < 200, solo.said()
    wait_until("the node without a name leads again", lambda: herd.rest(stranger, "/leader")[0] == 200)
    assert herd.log(stranger)[stranger_said:].count("\n") < 200, herd.log(stranger)[stranger_said:]


def test_an_agent_whose_password_is_wrong_ends_and_says_which_one(solo, herd):
    """As Patroni does: who starts it again looks at its configuration, not at a cluster that waits."""
    herd.etcdctl("user", "add", "root:secret")
    herd.etcdctl("user", "grant-role", "root", "root")
    herd.etcdctl("auth", "enable")
    try:
        status, said = solo.run_to_its_end(with_login(solo.text, "wolf"))
    finally:
        as_root(herd, "auth", "disable")
    assert status == 1, said
    assert "etcd refuses the login" in said and "etcd3.username and etcd3.password" in said
    assert not solo.data_dir.exists()
