import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from herdlib import Herd  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(scope="module")
def monitored(request):
    """A herd of three and what watches it; tests of a module share it, in the order of the file."""
    from monitoringlib import Monitored  # pylint: disable=import-outside-toplevel
    herd = Herd(nodes=3)
    made = Monitored(herd)
    try:
        herd.wait_complete()
        herd.set_tls("on")  # for the metrics and alerts of certificates
        yield made.start()
    finally:
        if request.session.testsfailed:
            print(made.logs())
        made.close()
        herd.close()
