"""One story of one repository, in the order of the file. In the end, what was proven."""

import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from herdlib import Herd  # noqa: E402  pylint: disable=wrong-import-position

PROVEN = []


@pytest.fixture(scope="session")
def store():
    """A herd, for its etcd only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture
def proven(request):
    """Says what the test has proven; printed in the end if it passed."""
    lines = []
    yield lambda *said: lines.extend(said)
    PROVEN.append((request.node, lines))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.has_passed = report.passed


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("what was proven with pgBackRest")
    for item, lines in PROVEN:
        for line in lines if getattr(item, "has_passed", False) else [f"FAILED: {item.name}"]:
            terminalreporter.write_line(line)
