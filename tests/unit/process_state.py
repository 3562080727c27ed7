"""All that a process has of its own and that a library for numbers may change."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def state() -> dict[str, Any]:
    """What there is now; of PyTorch, if it is imported."""
    found: dict[str, Any] = {
        # pytest itself has a variable that says which test it is at, and in which part of it.
        "environment": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "collections": gc.get_threshold(),
        "random": random.getstate(),
        "warnings": list(warnings.filters),
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
    }
    return found | (of_torch() if "torch" in sys.modules else {})


def of_torch() -> dict[str, Any]:
    import numpy as np
    import torch

    cudnn = torch.backends.cudnn
    # A thread that begins now takes the number that any thread has set last.
    with ThreadPoolExecutor(1) as pool:
        in_a_new_thread = pool.submit(torch.get_num_threads).result()
    return {
        "threads": (torch.get_num_threads(), in_a_new_thread),
        "torch.random": torch.get_rng_state().tolist(),
        "numpy.random": str(np.random.get_state()),  # noqa: NPY002
        "modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
        "older switches": (torch.get_float32_matmul_precision(), cudnn.allow_tf32),
        **precisions(),
    }


def precisions() -> dict[str, str]:
    import torch

    backends: Any = torch.backends
    names = ("mkldnn.conv", "mkldnn.rnn", "mkldnn.matmul", "cudnn.conv", "cudnn.rnn", "cuda.matmul")
    parts = (name.split(".") for name in names)
    return {
        f"{place}.{what}": getattr(getattr(backends, place), what).fp32_precision for place, what in parts
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Names of what has changed."""
    return {name for name in before if before[name] != after[name]}
