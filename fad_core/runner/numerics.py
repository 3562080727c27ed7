"""Properties of code and machine on which the bits of embeddings depend: packages, processor and GPU.

Numeric libraries choose their kernels by the processor's instruction set, and kernels round differently. A
verification is therefore valid for one kind of machine, which its verdict names by a `NumericsKey`.

Importing this module does not import PyTorch: the machine that plans a study's jobs needs only `code_key`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from fad_core.models import definition_of
from fad_core.models.base import EmbeddingModel
from fad_core.util.code_digest import code_digest
from fad_core.util.instructions import limited_instructions

# This module imports all code from a file to its vectors. It is read as text, not imported.
_FROM_FILE_TO_VECTORS = Path(__file__).parents[1] / "embedding/embed.py"

# Environment variables with which users limit or choose the kernels of numeric libraries.
_LIMITS = (
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_CPU_ISA_HINTS", "DNNL_CPU_ISA_HINTS"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "ATEN_CPU_CAPABILITY"),
    *("MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "OPENBLAS_CORETYPE", "GLIBC_TUNABLES"),
    *("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"),
)
# The same for a GPU.
_CUDA_LIMITS = ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG")
# Instructions on which these libraries' choice of kernels does not depend.
_NOT_NUMERIC = {
    *("aes", "atomics", "bmi", "bmi2", "clflush", "clflushopt", "clwb", "crc32", "lzcnt", "pmull", "popcnt"),
    *("sha", "sha1", "sha2"),
}
_BETWEEN = "; "


@dataclass(frozen=True)
class NumericsKey:
    """Properties that two computations must share to give the same bits.

    Attributes:
        code: `code_key` of the model. The others are properties of the machine.
        torch: version of PyTorch.
        numba: version of Numba.
        llvmlite: version of llvmlite, whose LLVM compiles the code of Numba and the kernels.
        libsndfile: version of libsndfile, which decodes files.
        numpy: version of NumPy.
        scipy: version of SciPy.
        resampy: version of resampy.
        instructions: the instruction set that PyTorch's own kernels use ("AVX512"), and the instructions of
            the processor; "isa=avx2" where `fad_core.util.instructions` limits them to a common set.
        limits: environment variables that restrict instructions or choose kernels: NAME=value.
        gpu: name of the GPU and version of cuDNN; "" on a CPU.

    >>> here = NumericsKey("c0de", *["1.0"] * 7, "AVX2 avx2 fma3", "", "")
    >>> NumericsKey.parse(str(here)) == here
    True
    >>> NumericsKey("c0de", *["1.0"] * 7, "AVX2 avx2 fma3", "MKL_CBWR=AVX2", "").differences(here)
    'limits: MKL_CBWR=AVX2, not nothing'
    """

    code: str
    torch: str
    numba: str
    llvmlite: str
    libsndfile: str
    numpy: str
    scipy: str
    resampy: str
    instructions: str
    limits: str
    gpu: str

    @property
    def digest(self) -> str:
        """16 hex digits that identify the key in names of files."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        """Return all attributes as one text, for tables: `name=value`, separated by semicolons."""
        return _BETWEEN.join(f"{name}={value}" for name, value in asdict(self).items())

    @classmethod
    def parse(cls, text: str) -> NumericsKey:
        """Read a key from its text.

        Raises:
            ValueError: the text is not that of a key, or of a key of another version.
        """
        facts = dict(fact.partition("=")[::2] for fact in text.split(_BETWEEN))
        if list(facts) != [field.name for field in fields(cls)]:
            raise ValueError(f"{text[:100]!r} is not a numerics key of this version")
        return cls(**facts)

    def differences(self, other: NumericsKey) -> str:
        """Describe the differences of this key from another one; "" if they are equal."""
        return "; ".join(self._differences(other))

    def mixes_with(self, other: NumericsKey) -> bool:
        """Return whether this key and another one are of the same code, and both of GPUs or both of none."""
        return (self.code, bool(self.gpu)) == (other.code, bool(other.gpu))

    def _differences(self, other: NumericsKey) -> Iterator[str]:
        for name, mine in asdict(self).items():
            words, others = set(mine.split()), set(getattr(other, name).split())
            if words != others:
                only = (" ".join(sorted(each)) or "nothing" for each in (words - others, others - words))
                yield f"{name}: {', not '.join(only)}"


def code_key(model: EmbeddingModel) -> str:
    """Return the digest of the code that embeds files: decoding, frontend, family and runner.

    Args:
        model: the model that embeds.

    Returns:
        16 hex digits (`fad_core.util.code_digest`).
    """
    return code_digest(_FROM_FILE_TO_VECTORS, *definition_of(model))


def numerics_key(model: EmbeddingModel, device: str = "cpu") -> NumericsKey:
    """Return the key of this machine.

    Args:
        model: the model that embeds.
        device: where its network runs, as returned by `fad_core.runner.device.resolve_device`.
    """
    import soundfile
    import torch

    limits = _LIMITS if device == "cpu" else _LIMITS + _CUDA_LIMITS
    return NumericsKey(
        code=code_key(model),
        torch=str(torch.__version__),
        libsndfile=soundfile.__libsndfile_version__,
        **{name: metadata.version(name) for name in ("numba", "llvmlite", "numpy", "scipy", "resampy")},
        instructions=limited_instructions() or _instructions(),
        limits=" ".join(f"{name}={value}" for name in limits if (value := _limit(name))),
        gpu=_gpu(device),
    )


def _limit(variable: str) -> str:
    """Return the value of an environment variable as one word."""
    return "_".join(os.environ.get(variable, "").replace(";", ",").split())


def _instructions() -> str:
    import torch

    # Only AMD processors have sse4a: MKL's kernels depend on the maker of the processor, too.
    known: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    names = [name for name, has in known.items() if has is True and name not in _NOT_NUMERIC]
    lengths = [f"{name}={value}" for name, value in known.items() if name.endswith("_max_length")]
    return " ".join([torch.backends.cpu.get_cpu_capability(), *sorted(names + lengths)])


def _gpu(device: str) -> str:
    import torch

    if device == "cpu":
        return ""
    cudnn: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return f"{torch.cuda.get_device_name(device)}, cuDNN {cudnn}"
