"""`fad export` and `fad verify`: models as `.pt2` files."""

from __future__ import annotations

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
from fad_core.models.options import WEIGHTS
from fad_core.util.atomic import require_writable

if TYPE_CHECKING:
    from fad_core.models.base import EmbeddingModel
    from fad_core.runner.backends import Origin
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
    help="File to write (.pt2).  [default: {model}-{first 8 digits of the weights' sha256}.pt2]",
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
    """Export a MODEL with its weights to a .pt2 file.

    The file names its model, weights and versions, and can be loaded with torch.export.load. `fad verify`
    compares it with the network that it was exported from.
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
@click.option("--weights", help="Weights to compare with.  [default: official, or those that FILE names]")
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
    """Verify a MODEL, given by its id or as a .pt2 file.

    Verify it again, even if it has been verified before, at two levels. Eager: compare the exported file
    with the network that it was exported from, over several batch sizes and lengths. Golden: compare the same
    code, with seeded weights, with stored embeddings of the original package. Both run on the CPU with both
    runners, and on the GPU with --device cuda. The exit status is 3 if a comparison fails.
    """
    from fad_core.models import get_model

    is_file = Path(what).suffix == ".pt2"
    if not is_file:
        if Path(what).is_file():
            raise ModelError(f"{what} is a file, but neither an exported model (.pt2) nor the id of a model")
        get_model(what)
    use_threads(threads)
    from fad_core.api.model_cache import Store, default_cache_dir
    from fad_core.runner.device import resolve_device
    from fad_core.verification.table import verification_rows, verification_text
    from fad_core.verification.verify import verified_backends, verify_eager, verify_golden

    device = resolve_device(device)
    say, backends = speaker(quiet), verified_backends(device)
    store = Store(cache_dir or default_cache_dir(), ckpt_dir, say, backends, progress=not quiet)
    origin: Origin = "own"
    if is_file:
        path, model, chosen = _given(what, weights, ckpt_dir)
        origin = "trusted" if trust else "given"
    else:
        model = get_model(what)
        path, chosen = store.exported(model, weights or WEIGHTS.default)
    say(f"verifying {path} against the eager network")
    rows = verify_eager(path, model, chosen, backends, origin)
    say(f"verifying {model.name} with seeded weights against embeddings of the original package")
    if chosen.kind != "seeded":
        path, origin = store.exported(model, "seeded")[0], "own"
    rows += verify_golden(path, backends=backends, origin=origin)
    print_rows(verification_rows(rows, device), form, lambda: verification_text(model.name, rows))
    return 0 if all(row.verdict == "passed" for row in rows) else VERIFICATION_FAILED


def _given(what: str, choice: str | None, ckpt_dir: Path | None) -> tuple[Path, EmbeddingModel, Weights]:
    """Return a `.pt2` file, its model, and the weights that it was made from.

    Raises:
        ModelError: it is not an exported model of this package.
        WeightsError: the weights are not available, or are not those that it was made from.
    """
    from fad_core.errors import WeightsError
    from fad_core.models import get_model
    from fad_core.runner.pt2 import read_identity
    from fad_core.weights import fetch_weights, locate_weights

    identity = read_identity(what)
    model = get_model(identity.model)
    if choice is None and identity.weights not in ("official", "seeded"):
        raise WeightsError(
            f"{what} was made from the checkpoint {identity.weights}. To compare it with that checkpoint, "
            "choose:",
            [("weights", "PATH")],
        )
    weights = fetch_weights(locate_weights(model, choice or identity.weights, ckpt_dir), ckpt_dir)
    found = {file.checkpoint.filename: file.sha256 for file in weights.files}
    if found != dict(identity.checkpoints):
        made, here = (
            ", ".join(f"{name} (sha256 {sha256})" for name, sha256 in checkpoints.items())
            for checkpoints in (identity.checkpoints, found)
        )
        raise WeightsError(f"{what} was made from {made}, but the weights found here are {here}")
    return Path(what), model, weights
