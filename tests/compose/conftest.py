import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))

from composelib import Deployment  # noqa: E402


def pytest_collection_modifyitems(items):
    """A new deployment is looked at before anything is done to it."""
    items.sort(key=lambda item: item.path.name != "test_start.py")


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
