"""A common instruction set: what libraries are limited to, and what the key of a machine's numbers says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fad_core.errors import ResourceError
from fad_core.util import instructions
from fad_core.util.instructions import AVX2_VARIABLES, limit_instructions, limited_instructions
from fad_core.util.processor import cpu_features

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
from fad_core.util.instructions import limit_instructions
limit_instructions("avx2")
assert not {"numpy", "numba", "torch"} & set(sys.modules)
import torch
from fad_core.models import get_model
from fad_core.runner.fast.packed_gemm import LANES
from fad_core.runner.numerics import numerics_key
import numpy
key = numerics_key(get_model("vggish"))
print(torch.backends.cpu.get_cpu_capability(), LANES, key.instructions)
print(key.limits)
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Restores all variables after the test."""
    for variable in [*AVX2_VARIABLES, *instructions._CLEARED]:
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    return monkeypatch


@pytest.mark.skipif(not {"avx2", "fma"} <= cpu_features(), reason="needs a processor with AVX2 and FMA")
def test_libraries_use_the_common_instructions_whatever_the_users_limits() -> None:
    own = {"DNNL_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "AVX512", "ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PROGRAM],
        env={**os.environ, **own, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    used, limits = done.stdout.splitlines()
    assert used == "AVX2 8 isa=avx2"
    assert dict(each.split("=", 1) for each in limits.split()) == {
        name: value.replace(" ", "_") for name, value in AVX2_VARIABLES.items()
    }


def test_a_processor_without_them_is_an_error(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(instructions, "cpu_features", lambda: {*instructions._AVX2} - {"fma"})
    with pytest.raises(ResourceError, match=r"lacks instructions that isa=avx2 requires \(fma\): run on"):
        limit_instructions("avx2")
    assert not set(AVX2_VARIABLES) & set(os.environ)


def test_native_changes_nothing(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DNNL_MAX_CPU_ISA", "AVX2")
    before = dict(os.environ)
    limit_instructions("native")
    assert dict(os.environ) == before


def test_all_variables_make_the_set_and_fewer_do_not(environment: pytest.MonkeyPatch) -> None:
    for variable, value in AVX2_VARIABLES.items():
        assert limited_instructions() == ""
        environment.setenv(variable, value)
    assert limited_instructions() == "isa=avx2"
