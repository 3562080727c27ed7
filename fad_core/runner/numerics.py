"""Properties of code and machine on which the bits of embeddings depend: packages, processor and GPU.

Numeric libraries choose their kernels by the processor's instruction set, and kernels round differently. A
verification is therefore valid for one kind of machine, which its verdict names by a `NumericsKey`.

PyTorch is imported only to name a GPU: jobs that find all embeddings in the cache do without.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

from fad_core.models import definition_of
from fad_core.models.base import NetworkModel
from fad_core.util.code_digest import code_digest
from fad_core.util.instructions import limited_instructions
from fad_core.util.processor import cpu_features

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
# Features of processors on which these libraries' choice of kernels does not depend, as LLVM calls them.
_NOT_NUMERIC = {
    *("64bit", "adx", "aes", "atomics", "bmi", "bmi2", "clflush", "clflushopt", "clwb", "clzero", "cmov"),
    *(
        "crc32",
        "crypto",
        "cx16",
        "cx8",
        "fsgsbase",
        "fxsr",
        "gfni",
        "invpcid",
        "lse",
        "lzcnt",
        "mmx",
        "movbe",
    ),
    *(
        "mwaitx",
        "pclmul",
        "pconfig",
        "pku",
        "pmull",
        "popcnt",
        "prfchw",
        "ptwrite",
        "rdpid",
        "rdpru",
        "rdrnd",
    ),
    *("rdseed", "rtm", "sahf", "sgx", "sha", "sha1", "sha2", "sha3", "sha512", "shstk", "tbm", "tsxldtrk"),
    *("uintr", "vaes", "vpclmulqdq", "waitpkg", "wbnoinvd", "xsave", "xsavec", "xsaveopt", "xsaves"),
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
        instructions: the architecture, and the numeric instructions of the processor; "isa=avx2" where
            `fad_core.util.instructions` limits them to a common set.
        limits: environment variables that restrict instructions or choose kernels: NAME=value.
        gpu: name of the GPU and version of cuDNN; "" on a CPU.

    >>> here = NumericsKey("c0de", *["1.0"] * 7, "x86_64 avx2 fma", "", "")
    >>> NumericsKey.parse(str(here)) == here
    True
    >>> NumericsKey("c0de", *["1.0"] * 7, "x86_64 avx2 fma", "MKL_CBWR=AVX2", "").differences(here)
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


def code_key(model: NetworkModel) -> str:
    """Return the digest of the code that embeds files: decoding, frontend, family and runner.

    Args:
        model: the model that embeds.

    Returns:
        16 hex digits (`fad_core.util.code_digest`).
    """
    return code_digest(_FROM_FILE_TO_VECTORS, *definition_of(model))


def numerics_key(model: NetworkModel, device: str = "cpu") -> NumericsKey:
    """Return the key of this machine.

    Args:
        model: the model that embeds.
        device: where its network runs, as returned by `fad_core.runner.backend.resolve_device`.
    """
    import soundfile

    limits = _LIMITS if device == "cpu" else _LIMITS + _CUDA_LIMITS
    return NumericsKey(
        code=code_key(model),
        torch=torch_version(),
        libsndfile=soundfile.__libsndfile_version__,
        **{name: metadata.version(name) for name in ("numba", "llvmlite", "numpy", "scipy", "resampy")},
        instructions=limited_instructions() or _instructions(),
        limits=" ".join(f"{name}={value}" for name in limits if (value := _limit(name))),
        gpu=_gpu(device),
    )


def _limit(variable: str) -> str:
    """Return the value of an environment variable as one word."""
    return "_".join(os.environ.get(variable, "").replace(";", ",").split())


def torch_version() -> str:
    """Return the version of PyTorch with its build, as in "2.13.0+cpu", without importing it."""
    found = find_spec("torch")
    assert found is not None and found.origin is not None, "PyTorch is installed with this package"
    # Metadata of packages do not name the build.
    return str(run_path(str(Path(found.origin).with_name("version.py")))["__version__"])


def _instructions() -> str:
    # Only AMD processors have sse4a: MKL's kernels depend on the maker of the processor, too.
    return " ".join([platform.machine(), *sorted(cpu_features() - _NOT_NUMERIC)])


def _gpu(device: str) -> str:
    if device == "cpu":
        return ""
    import torch

    cudnn: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return f"{torch.cuda.get_device_name(device)}, cuDNN {cudnn}"
