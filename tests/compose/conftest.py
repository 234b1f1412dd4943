import pathlib
import sys

import pytest

for folder in ("integration", "monitoring"):
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / folder))

from composelib import OVERLAYS, Deployment  # noqa: E402

# Test files of overlays, which are run with OVERLAYS only.
OF_OVERLAYS = {"test_tls.py": "tls", "test_monitoring.py": "monitoring",
               "test_backup.py": "backup"}


def pytest_ignore_collect(collection_path):
    overlay = OF_OVERLAYS.get(collection_path.name)
    return True if overlay and overlay not in OVERLAYS else None


def pytest_collection_modifyitems(config, items):
    """A new deployment is looked at before anything is done to it, by its alarms as well: those tell of a
    switchover for ten minutes. With overlays, only what is theirs is run, and what is quick of the rest."""
    first = ("test_start.py", "test_monitoring.py")
    items.sort(key=lambda item: first.index(item.path.name) if item.path.name in first else len(first))
    if OVERLAYS:
        others = [item for item in items
                  if item.path.name not in OF_OVERLAYS and not item.get_closest_marker("quick")]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session")
def running():
    """The deployment, from its first `up` to the end of all tests."""
    made = Deployment()
    try:
        made.up()
        yield made
    finally:
        made.close()


@pytest.fixture
def deployment(running, request):
    """Whole before each test; each leaves it able to heal."""
    running.wait_whole()
    failed_before = request.session.testsfailed
    yield running
    if request.session.testsfailed > failed_before:
        print(running.logs())
