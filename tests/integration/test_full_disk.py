"""A primary whose disk for the write-ahead log is full: PostgreSQL panics, and again when it is started. Another
member takes over, nothing that was acknowledged is lost, and the node comes back when there is room."""

import os
import subprocess

import psycopg
import pytest

from herdlib import Herd, Solo, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted by root only")


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


class SmallDisk:
    """A file system of its own, which can be filled and emptied."""

    def __init__(self, path, megabytes, solo):
        self.path = path
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,uid={solo.user},gid={solo.group},mode=700",
                        "pgherd-test", str(path)], check=True)

    def fill(self):
        with open(self.path / "filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"\0" * (1 << 20)):
                    pass
            except OSError:
                pass

    def empty(self):
        (self.path / "filler").unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


@pytest.fixture
def members(herd):
    lead = Solo(herd, "solo-disk", name="lead")
    disk = SmallDisk(lead.folder / "small", 200, lead)
    roomy = Solo(herd, "solo-disk", name="roomy", share=lead)
    lead.text = lead.text.replace("data-checksums]", f'data-checksums, {{waldir: "{disk.path}/wal"}}]', 1)
    for node in (lead, roomy):
        node.text = node.text.replace("dcs: {", "dcs: {synchronous_mode: true, ", 1).replace(
            "parameters: {", "parameters: {wal_keep_size: 16MB, max_wal_size: 64MB, ", 1)
        node.text = node.text.replace("postgresql:\n", "postgresql:\n  use_pg_rewind: true\n", 1)
    lead.start().wait_leads()
    roomy.start()
    wait_until("the standby is synchronous", lambda: roomy.get("/sync")[0] == 200, 60)
    yield lead, roomy, disk
    for node in (roomy, lead):
        node.close_server()
    disk.close()
    lead.close()


def connect(solo):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                           dbname="postgres", autocommit=True, connect_timeout=3)


def write_until_it_fails(solo):
    """The numbers of the rows that were acknowledged."""
    acknowledged = []
    with connect(solo) as sql:
        try:
            for number in range(100_000):
                sql.execute("insert into kept select %s, string_agg(md5(i::text || %s), '') "
                            "from generate_series(1, 2000) i", (number, str(number)))
                acknowledged.append(number)
        except psycopg.OperationalError:  # the server is gone
            return acknowledged
    pytest.fail("the disk was never full")


def test_a_primary_without_room_gives_way_and_comes_back(herd, members):
    lead, roomy, disk = members
    with connect(lead) as sql:
        sql.execute("create table kept (n int, filling text)")
    disk.fill()
    acknowledged = write_until_it_fails(lead)
    wait_until("the other one leads", roomy.leads, 60)
    with connect(roomy) as sql:
        wait_until("it takes writes", lambda: not sql.execute("select pg_is_in_recovery()").fetchone()[0])
        there = {row[0] for row in sql.execute("select n from kept").fetchall()}
        assert set(acknowledged) <= there
        sql.execute("insert into kept values (-1, '')")
    disk.empty()
    wait_until("it streams again", lambda: lead.get("/replica")[0] == 200, 120)
    with connect(lead) as sql:
        wait_until("it has the row that came since", lambda: sql.execute(
            "select count(*) from kept where n = -1").fetchone()[0] == 1)
