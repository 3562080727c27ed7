"""What makes the key of a machine's numbers another one, and what does not."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from importlib import metadata
from pathlib import Path

import pytest
import torch

from fad_core.models import get_model
from fad_core.runner import numerics
from fad_core.runner.numerics import NumericsKey, numerics_key

ROOT = Path(__file__).resolve().parents[3]
PRINT_KEY = "from fad_core.models import get_model; from fad_core.runner.numerics import numerics_key; "
PRINT_KEY += "print(numerics_key(get_model('vggish')))"


def in_a_process(code: str, *, packages: Path = ROOT, **environment: str) -> str:
    """What a Python program prints that imports our packages from a folder."""
    variables = {**os.environ, "PYTHONPATH": str(packages), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, cwd=packages, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_every_process_on_this_machine_has_the_same_key():
    here = numerics_key(get_model("vggish"))
    assert NumericsKey.parse(in_a_process(PRINT_KEY)) == here == numerics_key(get_model("vggish"))
    assert here.torch == torch.__version__
    assert here.gpu == ""
    assert here.instructions.split()[0] == platform.machine()
    assert len(here.digest) == 16
    assert here.differences(here) == ""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX2"),
        ("MKL_ENABLE_INSTRUCTIONS", "AVX2"),
        ("ATEN_CPU_CAPABILITY", "default"),
        ("NUMBA_CPU_NAME", "haswell"),
        ("NPY_DISABLE_CPU_FEATURES", "AVX512F AVX512CD"),
    ],
)
def test_a_limit_of_the_environment_is_another_key(variable: str, value: str, monkeypatch):
    before = numerics_key(get_model("vggish"))
    monkeypatch.setenv(variable, value)
    limited = numerics_key(get_model("vggish"))
    assert limited.digest != before.digest
    text = f"{variable}={value.replace(' ', '_')}"
    assert limited.differences(before) == f"limits: {text}, not nothing"
    assert before.differences(limited) == f"limits: nothing, not {text}"
    assert NumericsKey.parse(str(limited)) == limited


def test_a_processor_of_other_instructions_is_another_key(monkeypatch):
    before = numerics_key(get_model("vggish"))
    known = numerics.cpu_features()
    monkeypatch.setattr(numerics, "cpu_features", lambda: known - {"fma", "asimd", "aes"} | {"sve512", "sha"})
    found = numerics_key(get_model("vggish")).differences(before)
    assert found in ("instructions: sve512, not fma", "instructions: sve512, not asimd")


@pytest.mark.parametrize("package", ["numba", "llvmlite", "numpy", "scipy", "resampy"])
def test_another_version_of_a_package_is_another_key(package: str, monkeypatch):
    before = numerics_key(get_model("vggish"))
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0" if name == package else version(name))
    assert numerics_key(get_model("vggish")).differences(before) == f"{package}: 0.0, not {version(package)}"


def test_a_gpu_is_named_with_its_cudnn(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of {device}")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    here, there = numerics_key(get_model("vggish")), numerics_key(get_model("vggish"), "cuda:1")
    assert there == replace(here, gpu="GPU of cuda:1, cuDNN 91002", limits="NVIDIA_TF32_OVERRIDE=1")


def test_edits_of_what_makes_embeddings_are_another_key(tmp_path: Path):
    """Without PyTorch: the machine that plans the jobs has this part of the key."""
    shutil.copytree(ROOT / "fad_core", tmp_path / "fad_core", ignore=shutil.ignore_patterns("__pycache__"))
    edits = {
        "": "",
        "frontends/log_mel.py": "# A comment.",
        "models/vggish/network.py": '"""More words."""',
        "verification/check.py": "EDITED = True",
        "models/pann/cnn14.py": "EDITED = True",
        "runner/exported.py": "EDITED = True",
        "audio/decoding.py": "EDITED = True",
        "models/vggish/constants.py": "EDITED = True",
        "frontends/network.py": "EDITED = True",
        "frontends/log_mel.py ": "EDITED = True",
    }
    code = f"""
import sys
from fad_core.models import get_model
from fad_core.runner.numerics import code_key
for path, line in {edits!r}.items():
    if path:
        with open("fad_core/" + path.strip(), "a") as stream:
            stream.write("\\n" + line + "\\n")
    print(code_key(get_model("vggish")))
assert "torch" not in sys.modules
"""
    keys = in_a_process(code, packages=tmp_path).splitlines()
    changed = [
        path for path, before, after in zip([*edits][1:], keys, keys[1:], strict=False) if before != after
    ]
    assert changed == [
        "runner/exported.py",
        "audio/decoding.py",
        "models/vggish/constants.py",
        "frontends/log_mel.py ",
    ]


@pytest.mark.parametrize("text", ["", "code=1", "torch=2; code=1", "a table of another version"])
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a numerics key"):
        NumericsKey.parse(text)


def test_every_fact_is_compared():
    names = [field.name for field in fields(NumericsKey)]
    key = NumericsKey(*names)
    for name in names:
        other = replace(key, **{name: "other"})
        assert other.differences(key) == f"{name}: other, not {name}"
        assert other.digest != key.digest
