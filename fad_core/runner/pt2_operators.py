"""The operators that a `.pt2` may call: those of the models of this package, by their exact names.

A file names the functions to be called, and PyTorch's modules include functions that run commands, or read
and write files (`torch.os.system`, `torch.ops.aten.from_file`). So only names in this list are looked up. All
of these operators compute tensors from tensors and numbers. If a new model needs another operator, check that
this holds for it too before adding it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

_ATEN = frozenset(
    """
    __and__.Tensor abs.default adaptive_avg_pool2d.default add.Tensor add_.Tensor alias.default amax.default
    arange.default arange.start avg_pool2d.default batch_norm.default bmm.default cat.default chunk.default
    clamp.default clamp_min.default contiguous.default conv1d.default conv2d.default cumsum.default div.Tensor
    elu_.default embedding.default expand.default expand_as.default flatten.using_ints ge.Tensor
    gelu.default group_norm.default gt.Scalar
    index.Tensor index_select.default layer_norm.default leaky_relu.default linalg_vector_norm.default
    linear.default log10.default lstm.input lt.Scalar lt.Tensor matmul.default
    max_pool1d.default max_pool2d.default maximum.default mean.dim mul.Tensor ne.Scalar new_zeros.default
    numpy_T.default ones_like.default pad.default permute.default relu.default reshape.default roll.default
    round.default rsub.Scalar scaled_dot_product_attention.default select.int sigmoid.default slice.Tensor
    softmax.int square.default squeeze.dim stack.default sub.Tensor sum.dim_IntList sym_size.int tanh.default
    transpose.int unbind.int unflatten.int unsqueeze.default upsample_bicubic2d.vec view.default
    where.ScalarOther where.self
    """.split()  # noqa: SIM905
)
_OF_SIZES: dict[str, Callable[..., Any]] = {
    "_operator.add": operator.add,
    "_operator.floordiv": operator.floordiv,
    "_operator.mod": operator.mod,
    "_operator.mul": operator.mul,
    "_operator.neg": operator.neg,
    "_operator.sub": operator.sub,
    "torch.sym_max": torch.sym_max,
    "torch.sym_min": torch.sym_min,
}
OF_SIZES = frozenset(_OF_SIZES.values())
"""The operators that compute with whole numbers instead of tensors."""
_PREFIX = "torch.ops.aten."


@cache
def operator_named(name: str) -> Callable[..., Any]:
    """Return the operator that a file names.

    Raises:
        LookupError: the operator is not in the list.
    """
    if name in _OF_SIZES:
        return _OF_SIZES[name]
    if not name.startswith(_PREFIX) or name[len(_PREFIX) :] not in _ATEN:
        raise LookupError(f"the operator {name[:100]!r}, which no exported model of fad_core needs")
    packet, overload = name[len(_PREFIX) :].split(".")
    found: Callable[..., Any] = getattr(getattr(torch.ops.aten, packet), overload)
    return found
