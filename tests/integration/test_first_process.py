"""An agent that is the first process of a container: it reaps whoever is left to it, passes signals on, and ends
as its agent does."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from herdlib import PGHERD, Herd, Solo, kill, wait_until

NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"]

pytestmark = pytest.mark.skipif(
    subprocess.run([*NAMESPACE, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0,
    reason="a PID namespace is made by root, where the kernel allows it")


def status_of(pid):
    """The fields of /proc/PID/status; empty when the process is gone."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def processes():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            status = status_of(entry.name)
            if status:
                yield int(entry.name), status


class Contained(Solo):
    """Its pids are those of a namespace of its own, so nothing outside is ended by them."""

    def start(self, text=None, env=None):
        config = self.write_configuration(self.text if text is None else text)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*NAMESPACE, "setpriv", f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups",
                 PGHERD, "agent", str(config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        return self

    def first(self):
        """Of the namespace, as it is called outside."""
        return next(pid for pid, status in processes() if int(status["PPid"]) == self.process.pid)

    def called_outside(self, pid_inside):
        namespace = os.readlink(f"/proc/{self.first()}/ns/pid")
        for pid, status in processes():
            inside = status.get("NSpid", "").split()
            if len(inside) > 1 and int(inside[-1]) == pid_inside:
                try:
                    if os.readlink(f"/proc/{pid}/ns/pid") == namespace:
                        return pid
                except OSError:
                    continue
        raise AssertionError(f"no process {pid_inside} there")

    def postmaster(self):
        return self.called_outside(int((self.data_dir / "postmaster.pid").read_text().splitlines()[0]))

    def zombies(self):
        first = self.first()
        return [pid for pid, status in processes()
                if int(status["PPid"]) == first and status["State"].startswith("Z")]

    def close_server(self):
        if self.process.poll() is None:
            kill(self.first())  # and by that all of the namespace
            self.process.wait(30)


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture
def contained(herd):
    made = Contained(herd, "solo-first")
    yield made
    made.close_server()
    shutil.rmtree(made.folder, ignore_errors=True)


def test_orphans_are_reaped_and_a_signal_ends_all_in_order(contained):
    contained.start().wait_leads()
    killed = contained.postmaster()
    kill(killed)  # its backends are nobody's now
    wait_until("PostgreSQL is back", lambda: contained.postmaster() != killed and contained.leads())
    wait_until("nobody waits to be reaped", lambda: not contained.zombies())
    os.kill(contained.first(), signal.SIGTERM)
    assert contained.process.wait(30) == 0
    assert "PostgreSQL is stopped, the agent ends" in contained.said()
    assert not (contained.data_dir / "postmaster.pid").exists()


def test_its_exit_status_is_the_agents(contained):
    contained.write_configuration(contained.text)
    contained.start(contained.text.replace("scope: solo-first", "scope:"))
    assert contained.process.wait(30) == 1
    assert "scope" in contained.said()
