"""The examples in docstrings, run."""

from __future__ import annotations

import doctest
import importlib

import pytest
from test_layers import MODULES, tree

# Only what has examples is imported.
WITH_EXAMPLES = sorted(
    name for name in MODULES if ">>> " in MODULES[name].read_text(encoding="utf-8") and tree(name)
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_give_what_they_say(name: str):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0 and result.failed == 0
