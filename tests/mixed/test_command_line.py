"""What tests/ctl/golden says that patronictl prints, it prints: the same keys in an etcd of their own."""

import contextlib
import pathlib
import subprocess
import tempfile

import pytest

from herdlib import deps, free_port
from mixedlib import patronictl, patroni_versions, wait_until

GOLDEN = sorted((pathlib.Path(__file__).resolve().parents[1] / "ctl" / "golden").glob("*.txt"))


def parsed(path):
    """The keys, and [command, output] of those commands that patronictl has too."""
    keys, commands = {}, []
    for line in path.read_text().splitlines(keepends=True):
        if line.startswith("put "):
            key, _, value = line[4:].rstrip("\n").partition(" ")
            keys[key] = value
        elif line.startswith(("$ ", "> ")):
            commands.append([line[:1], line[2:].split(), ""])
        elif commands:
            commands[-1][2] += line
    return keys, [[words, output] for kind, words, output in commands if kind == "$"]


class Etcd:
    def __init__(self, folder):
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.hosts = client.removeprefix("http://")
        self.server = subprocess.Popen(
            [deps()["ETCD"], "--data-dir", folder, "--log-level", "error",
             "--listen-client-urls", client, "--advertise-client-urls", client,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", f"default={peer}"])

    def ask(self, *words):
        return subprocess.run([deps()["ETCDCTL"], "--endpoints", self.hosts, *words],
                              capture_output=True, check=True, text=True)

    def is_there(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.ask("endpoint", "health")
        return None

    def close(self):
        self.server.kill()
        self.server.wait()


@pytest.fixture(scope="module", name="etcd")
def an_etcd():
    with tempfile.TemporaryDirectory() as folder:
        made = Etcd(folder)
        try:
            wait_until("etcd answers", made.is_there, 30)
            yield made
        finally:
            made.close()


@pytest.mark.skipif("patroni4" not in patroni_versions(), reason="the outputs are those of 4.0")
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_patronictl_prints_what_is_written_down(etcd, path, tmp_path):
    config = tmp_path / "patronictl.yml"
    config.write_text(f"etcd3:\n  hosts: {etcd.hosts}\n")
    keys, commands = parsed(path)
    etcd.ask("del", "--prefix", "/service/orders/")
    for key, value in keys.items():
        etcd.ask("put", f"/service/orders/{key}", value)
    for words, output in commands:
        words = words[2:] if words[:2] == ["--table", "classic"] else words
        done = patronictl("patroni4", config, *words)
        assert done.stdout == output, " ".join(words)
