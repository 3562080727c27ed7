"""The tool that makes golden files says in one line what it lacks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from outside_model import outside_model

from fad_core.errors import ArgumentError, VerificationError
from fad_core.models import _registered, register_model

PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).parents[2] / "golden/make_golden.py"
    spec = importlib.util.spec_from_file_location("make_golden", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def family() -> Iterator[str]:
    """A family whose models name no golden file."""
    register_model(model := outside_model())
    yield model.family
    _registered.clear()


def test_an_unknown_family_is_answered_with_the_known_ones(tool: ModuleType):
    with pytest.raises(ArgumentError, match=r"no family 'pan'; families: .*encodec, .*pann, .*vggish"):
        tool.main(PYTHON, "pan")


def test_what_is_missing_is_named(tool: ModuleType, family: str, tmp_path: Path):
    (adapter := tmp_path / "adapter.py").write_text("")
    with pytest.raises(ArgumentError, match=r"there is no interpreter .*nowhere"):
        tool.main(tmp_path / "nowhere", family, adapter)
    with pytest.raises(ArgumentError, match=rf"there is no adapter .*originals/{family}\.py: write it"):
        tool.main(PYTHON, family)
    with pytest.raises(
        ArgumentError,
        match=rf"the models of {family} name no golden file: set VerificationFacts\.golden, or give --output",
    ):
        tool.main(PYTHON, family, adapter)


def test_the_error_of_an_adapter_is_shown_once(
    tool: ModuleType, family: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    (adapter := tmp_path / "adapter.py").write_text("raise RuntimeError('no such weights')")
    with pytest.raises(VerificationError, match=r"adapter\.py fails for outside .*: its error is above"):
        tool.main(PYTHON, family, adapter, tmp_path / "golden.npz")
    shown = capfd.readouterr().err
    assert shown.count("Traceback") == shown.count("RuntimeError: no such weights") == 1
    assert not (tmp_path / "golden.npz").exists()
