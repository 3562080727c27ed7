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
from fad_core.util.atomic import require_writable

if TYPE_CHECKING:
    from fad_core.runner.backend import Origin


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
    from fad_core.models import find_network

    described = find_network(model)
    if output is not None:
        if output.suffix != ".pt2":
            raise click.BadParameter(f"{output}: the name must end in .pt2", param_hint="--output")
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
    from fad_core.models import find_network

    is_file = Path(what).suffix == ".pt2"
    if not is_file:
        if Path(what).is_file():
            raise ModelError(f"{what} is a file, but neither an exported model (.pt2) nor the id of a model")
        find_network(what)
    use_threads(threads)
    from fad_core.api.model_cache import ModelCache, default_cache_dir
    from fad_core.runner.backend import resolve_device
    from fad_core.verification.table import verification_rows, verification_text
    from fad_core.verification.verify import verified_backends, weights_of

    device = resolve_device(device)
    cache = ModelCache(cache_dir or default_cache_dir(), ckpt_dir, speaker(quiet), progress=not quiet)
    origin: Origin = "own"
    if is_file:
        path, origin = Path(what), "trusted" if trust else "given"
        fetched = weights_of(path, weights, ckpt_dir)
    else:
        path, fetched = cache.export(find_network(what), weights or "official")
    checks = cache.verify(path, fetched, verified_backends(device), origin)
    name = checks[0].model
    rows = verification_rows(checks, [path], device)
    print_rows(rows, form, lambda: verification_text(name, checks))
    return 0 if all(check.verdict == "passed" for check in checks) else VERIFICATION_FAILED
