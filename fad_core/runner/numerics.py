"""What decides the bits of embeddings, beside the `.pt2` and the sound: code, packages, processor and GPU.

Numeric libraries choose their kernels by the processor's instruction set, and kernels round differently. A
verification therefore holds for machines of one kind, and its verdict names the kind by a `NumericsKey`.

Importing this module does not import PyTorch: the machine that plans a study's jobs needs `code_key` alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from fad_core.models import modules_of
from fad_core.models.base import EmbeddingModel
from fad_core.util.code_digest import code_digest

# All that happens between a file and its vectors. It is read as text: what runs a network does not import it.
_FROM_FILE_TO_VECTORS = Path(__file__).parents[1] / "embedding/embed.py"

# Environment variables with which a user limits, or chooses, the kernels of the libraries that compute.
_LIMITS = (
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_CPU_ISA_HINTS", "DNNL_CPU_ISA_HINTS"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "ATEN_CPU_CAPABILITY"),
    *("MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "OPENBLAS_CORETYPE", "GLIBC_TUNABLES"),
    *("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"),
)
# The same for a GPU.
_CUDA_LIMITS = ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG")
# Instructions that no kernel of these libraries is chosen by.
_NOT_NUMERIC = {
    *("aes", "atomics", "bmi", "bmi2", "clflush", "clflushopt", "clwb", "crc32", "lzcnt", "pmull", "popcnt"),
    *("sha", "sha1", "sha2"),
}
_BETWEEN = "; "


@dataclass(frozen=True)
class NumericsKey:
    """What two computations must have in common to give the same bits.

    Attributes:
        code: `code_key` of the model. The others belong to the machine that computes.
        torch: version of PyTorch, and so for the following packages.
        numba: version.
        llvmlite: version; its LLVM compiles what Numba and the kernels give it.
        libsndfile: version of the library that decodes.
        numpy: version.
        scipy: version.
        resampy: version.
        instructions: the instruction set that PyTorch's own kernels are for ("AVX512"), and what the
            processor has.
        limits: environment variables that make libraries use less of it, or other kernels: NAME=value.
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
        """16 hex digits that stand for the key in names of files."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        """All facts as one text, for tables: `name=value`, divided by semicolons."""
        return _BETWEEN.join(f"{name}={value}" for name, value in asdict(self).items())

    @classmethod
    def parse(cls, text: str) -> NumericsKey:
        """Read what `str` of a key has written.

        Raises:
            ValueError: it is the text of no key, or of another version's.
        """
        facts = dict(fact.partition("=")[::2] for fact in text.split(_BETWEEN))
        if list(facts) != [field.name for field in fields(cls)]:
            raise ValueError(f"{text[:100]!r} names no numerics")
        return cls(**facts)

    def differences(self, other: NumericsKey) -> str:
        """Say in words what of this key is not so in another one; "" if they are equal."""
        return "; ".join(self._differences(other))

    def _differences(self, other: NumericsKey) -> Iterator[str]:
        for name, mine in asdict(self).items():
            words, others = set(mine.split()), set(getattr(other, name).split())
            if words != others:
                only = (" ".join(sorted(each)) or "nothing" for each in (words - others, others - words))
                yield f"{name}: {', not '.join(only)}"


def code_key(model: EmbeddingModel) -> str:
    """Digest of the code that makes embeddings of files: decoding, frontend, family and runner.

    Args:
        model: the model that embeds.

    Returns:
        16 hex digits (`fad_core.util.code_digest`).
    """
    return code_digest(_FROM_FILE_TO_VECTORS, modules_of(model))


def numerics_key(model: EmbeddingModel, device: str = "cpu") -> NumericsKey:
    """Return the key of this machine.

    Args:
        model: the model that embeds.
        device: where its network runs, as `fad_core.runner.device.resolve_device` says it.
    """
    import soundfile
    import torch

    limits = _LIMITS if device == "cpu" else _LIMITS + _CUDA_LIMITS
    return NumericsKey(
        code=code_key(model),
        torch=str(torch.__version__),
        libsndfile=soundfile.__libsndfile_version__,
        **{name: metadata.version(name) for name in ("numba", "llvmlite", "numpy", "scipy", "resampy")},
        instructions=_instructions(),
        limits=" ".join(f"{name}={value}" for name in limits if (value := _limit(name))),
        gpu=_gpu(device),
    )


def _limit(variable: str) -> str:
    """The value of an environment variable as one word."""
    return "_".join(os.environ.get(variable, "").replace(";", ",").split())


def _instructions() -> str:
    import torch

    # An AMD processor is known by its sse4a: MKL's kernels depend on who made the processor, too.
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
