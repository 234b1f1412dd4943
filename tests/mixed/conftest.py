"""One herd of three members for all tests: pgherd, and one of each Patroni that is there. Every test
leaves it able to heal. In the end the matrix: what was done, under which kind of leader, how it went."""

import pytest

from mixedlib import MixedHerd, patroni_versions

RESULTS = {}


@pytest.fixture(scope="session")
def shared_herd():
    versions = sorted(patroni_versions())
    assert versions, "no Patroni is unpacked: make test-mixed fetches it"
    made = MixedHerd()
    standbys = made.standbys()
    for name, kind in zip(standbys, versions):
        made.replace(name, kind)
    yield made
    made.close()


@pytest.fixture
def herd(shared_herd, request):
    shared_herd.wait_complete(90)
    failed_before = request.session.testsfailed
    yield shared_herd
    if request.session.testsfailed > failed_before:
        for name, kind in shared_herd.kinds.items():
            print(f"---- {name} ({kind})\n" + "\n".join(shared_herd.log(name).splitlines()[-60:]))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" or report.failed:
        RESULTS[item.nodeid.split("::", 1)[1]] = report.outcome


def pytest_terminal_summary(terminalreporter):
    actions = {}
    for test, outcome in RESULTS.items():
        action, _, kinds = test.partition("[")
        actions.setdefault(action.removeprefix("test_").replace("_", " "), {})[
            kinds.rstrip("]") or "-"] = outcome
    terminalreporter.section("action, and under which kinds (leader-other) it was done")
    for action, cells in actions.items():
        terminalreporter.write_line(f"{action}:")
        terminalreporter.write_line("    " + ", ".join(
            f"{kinds} {'ok' if outcome == 'passed' else outcome.upper()}"
            for kinds, outcome in cells.items()))
