"""`fad export` and `fad verify`: models as `.pt2` files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fad_core.cli.group import VERIFICATION_FAILED, Command
from fad_core.cli.options import (
    MODEL,
    cache_dir_option,
    ckpt_dir_option,
    device_option,
    trust_option,
    weights_option,
)
from fad_core.cli.output import Form, output_options, print_row, print_rows, quiet_option, speaker
from fad_core.cli.threads import threads_option, use_threads
from fad_core.errors import ModelError
from fad_core.util.atomic import require_writable

if TYPE_CHECKING:
    from fad_core.api.model_cache import Store
    from fad_core.models.base import EmbeddingModel
    from fad_core.runner.backends import Origin
    from fad_core.verification.check import Comparison
    from fad_core.weights import Weights


@click.command(
    cls=Command,
    examples=(
        "fad export vggish -o vggish.pt2",
        "fad export clap-630k --weights seeded",
    ),
)
@click.argument("model", type=MODEL)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .pt2 to write.  [default: {model}-{first 8 digits of the weights' sha256}.pt2]",
)
@weights_option
@ckpt_dir_option
@threads_option
@quiet_option
@output_options
def export(
    model: str,
    output: Path | None,
    weights: str,
    ckpt_dir: Path | None,
    threads: int,
    quiet: bool,
    form: Form,
) -> None:
    """Export a MODEL with its weights as one .pt2 file.

    It loads with a plain torch.export.load; what it is stands inside. `fad verify` compares it with the
    network that it was made from.
    """
    from fad_core.models import get_model

    described = get_model(model)
    if output is not None:
        require_writable(output)
    use_threads(threads)
    from fad_core.runner.pt2 import export_model
    from fad_core.weights import fetch_weights, locate_weights

    fetched = fetch_weights(locate_weights(described, weights, ckpt_dir), ckpt_dir, progress=not quiet)
    path = output or Path(f"{described.name}-{fetched.key}.pt2")
    speaker(quiet)(f"exporting {described.name} with {fetched.label} weights")
    identity = export_model(described, fetched, path)
    row = {"file": str(path), **asdict(identity)}
    flat = {key: value for key, value in row.items() if not isinstance(value, dict)}
    print_row(
        row if form == "json" else flat,
        form,
        lambda: f"{path}: {identity.model}, {identity.weights} weights, sha256 {identity.weights_sha256}",
    )


@click.command(
    cls=Command,
    examples=(
        "fad verify vggish",
        "fad verify clap-630k --weights seeded --csv",
        "fad verify results/models/vggish-10086976.pt2",
    ),
)
@click.argument("what", metavar="MODEL|FILE", type=click.Path())
@click.option("--weights", help="The choice of weights.  [default: official; of a file, what it says]")
@trust_option
@ckpt_dir_option
@cache_dir_option
@device_option
@threads_option
@quiet_option
@output_options
def verify(
    what: str,
    weights: str | None,
    trust: bool,
    ckpt_dir: Path | None,
    cache_dir: Path | None,
    device: str,
    threads: int,
    quiet: bool,
    form: Form,
) -> int:
    """Verify a model, by its id or as a .pt2 file.

    It is compared now, whatever was found before.

    At two levels: eager, against the network it was made from, over batch sizes and lengths; golden, the same
    code with seeded weights against embeddings of the original package. Each on a CPU, with the kernels for
    it and as it was exported; with --device cuda, there too. Exit status 3 if it fails.
    """
    from fad_core.models import get_model

    is_file = Path(what).suffix == ".pt2"
    if not is_file:
        if Path(what).is_file():
            raise ModelError(f"{what} is a file, but no exported model (.pt2), and no model's id either")
        get_model(what)
    use_threads(threads)
    from fad_core.api.model_cache import Store, default_cache_dir
    from fad_core.runner.device import resolve_device
    from fad_core.verification.table import verification_rows, verification_text
    from fad_core.verification.verify import verified_backends

    device = resolve_device(device)
    backends = verified_backends(device)
    store = Store(cache_dir or default_cache_dir(), ckpt_dir, speaker(quiet), backends, progress=not quiet)
    path, model, chosen = _file(what, weights, ckpt_dir) if is_file else _stored(what, weights, store)
    rows = _compared(path, model, chosen, store, trust=trust if is_file else None)
    print_rows(verification_rows(rows, device), form, lambda: verification_text(model.name, rows))
    return 0 if all(row.verdict == "passed" for row in rows) else VERIFICATION_FAILED


def _stored(model_id: str, choice: str | None, store: Store) -> tuple[Path, EmbeddingModel, Weights]:
    """The exported model that scoring would use, and its weights."""
    from fad_core.models import get_model

    model = get_model(model_id)
    path, weights = store.exported(model, choice or "official")
    return path, model, weights


def _file(what: str, choice: str | None, ckpt_dir: Path | None) -> tuple[Path, EmbeddingModel, Weights]:
    """A `.pt2` and the weights that it says it has.

    Raises:
        ModelError: it is no exported model of ours.
        WeightsError: its weights are not at hand, or are others than those given.
    """
    from fad_core.errors import WeightsError
    from fad_core.models import get_model
    from fad_core.runner.pt2 import read_identity
    from fad_core.weights import fetch_weights, locate_weights

    identity = read_identity(what)
    model = get_model(identity.model)
    if choice is None and identity.weights not in ("official", "seeded"):
        raise WeightsError(
            f"{what} was made from the checkpoint {identity.weights}: say where that is, with --weights PATH"
        )
    weights = fetch_weights(locate_weights(model, choice or identity.weights, ckpt_dir), ckpt_dir)
    found = {file.checkpoint.filename: file.sha256 for file in weights.files}
    if found != dict(identity.checkpoints):
        raise WeightsError(
            f"{what} was made from {_hashes(identity.checkpoints)}, the weights at hand are {_hashes(found)}"
        )
    return Path(what), model, weights


def _hashes(checkpoints: Mapping[str, str]) -> str:
    return ", ".join(f"{name} (sha256 {sha256})" for name, sha256 in checkpoints.items())


def _compared(
    path: Path, model: EmbeddingModel, weights: Weights, store: Store, *, trust: bool | None
) -> list[Comparison]:
    """All comparisons of both levels; `trust` is of a file that was given, None of one of the store's."""
    from fad_core.verification.verify import verify_eager, verify_golden

    origin: Origin = "own" if trust is None else "trusted" if trust else "given"
    store.report(f"verifying {path} against the eager network")
    rows = verify_eager(path, model, weights, store.backends, origin)
    store.report(f"verifying {model.name} with seeded weights against embeddings of the original package")
    if weights.kind == "seeded":
        return rows + verify_golden(path, backends=store.backends, origin=origin)
    return rows + verify_golden(store.exported(model, "seeded")[0], backends=store.backends)
