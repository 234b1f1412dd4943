import pytest

from herdlib import Herd


@pytest.fixture(scope="module")
def shared_herd():
    made = Herd(nodes=3)
    yield made
    made.close()


@pytest.fixture
def herd(shared_herd, request):
    """A complete herd. Tests of one module share it; each leaves it able to heal."""
    shared_herd.wait_complete()
    failed_before = request.session.testsfailed
    yield shared_herd
    if request.session.testsfailed > failed_before:
        print(shared_herd.all_logs(80))
