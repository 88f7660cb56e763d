"""Shared by the tests of the flows: the test generator is listed in this process and in every guarded child."""

import importlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.guard import close_templates
from ml.generators.registry import GENERATORS
from tasks.steps import STEPS

HERE = str(Path(__file__).parent)
sys.path.append(HERE)  # helpers that tests share, and that programs started by tests share with them


from mill import Mill  # noqa: E402  # found through the line above


@pytest.fixture(scope="session")
def plugins() -> Iterator[None]:
    """MESHMILL_PLUGINS names the poison generator, as an operator would name one of theirs."""
    before = {name: os.environ.get(name) for name in ("MESHMILL_PLUGINS", "PYTHONPATH")}
    known = os.pathsep.join(path for path in (HERE, before["PYTHONPATH"]) if path)
    os.environ.update(MESHMILL_PLUGINS="poison_plugin", PYTHONPATH=known)
    sys.path.insert(0, HERE)
    importlib.import_module("poison_plugin")
    close_templates()  # one that an earlier test started does not know the plugin
    yield
    close_templates()
    sys.path.remove(HERE)
    GENERATORS.pop("poison", None)
    STEPS.pop("dwell", None)
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Mill:
    return Mill(tmp_path_factory.mktemp("mill"))


@pytest.fixture
def mark() -> str:
    """A text that the environment of every process of one test holds."""
    return secrets.token_hex(32)
