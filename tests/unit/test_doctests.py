"""The examples in docstrings, run."""

from __future__ import annotations

import doctest
import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_layers import MODULES, tree
from tiny_pt2 import tiny_model

from fad_core.models import _registered, register_model

# Only what has examples is imported.
WITH_EXAMPLES = sorted(
    name for name in MODULES if ">>> " in MODULES[name].read_text(encoding="utf-8") and tree(name)
)


@pytest.fixture(autouse=True)
def what_examples_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The model "tiny", and two folders of three sounds of 0.1 s, 25 of its windows each."""
    generator = np.random.default_rng(18)
    for name, level in (("reference", 0.1), ("generated", 0.2)):
        folder = tmp_path / "audio" / name
        folder.mkdir(parents=True)
        for place in range(3):
            soundfile.write(folder / f"{place}.wav", generator.normal(0, level, 1600), 16000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAD_CACHE_DIR", os.environ["FAD_CACHE_DIR"])  # an example sets it
    register_model(tiny_model())
    yield
    _registered.clear()


@pytest.mark.filterwarnings("ignore:seeded. unverified against the original package")
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_give_what_they_say(name: str):
    """They run with `np` and what they are an example of; whatever else they use, they import."""
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for example in doctest.DocTestFinder().find(module, "", globs={}):
        described = example.name.split(".")[1:2]
        example.globs |= {"np": np, "__name__": name} | {each: getattr(module, each) for each in described}
        runner.run(example)
    found = [line for line in MODULES[name].read_text(encoding="utf-8").splitlines() if ">>> " in line]
    assert (runner.summarize(verbose=False).failed, runner.tries) == (0, len(found))
