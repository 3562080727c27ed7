"""A folder of exported and verified models, for scoring without the pipeline.

It is the user's cache folder (`default_cache_dir`) unless another is given. Models are
`{id}-{first 8 digits of the weights' sha256}.pt2`; their verdicts are in `verification/`, with a digest of
the code and the kind of machine in their names.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from fad_core.embedding.cached import cache_of
from fad_core.embedding.embedding_cache import EmbeddingCache
from fad_core.errors import FadError, ModelError
from fad_core.models import definition_of, find_network, get_model
from fad_core.models.base import NetworkModel
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend, Origin, resolve_backend
from fad_core.runner.exported import ExportedModel
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.runner.identity import Identity, read_identity
from fad_core.runner.numerics import numerics_key
from fad_core.runner.pt2 import export_model
from fad_core.runner.unverified import is_exported, load_unverified, model_in
from fad_core.tables.files import read_table
from fad_core.tables.schemas import VERIFICATION
from fad_core.util.atomic import require_writable
from fad_core.util.code_digest import code_digest
from fad_core.util.progress import progress_bar
from fad_core.verification.check import Check, require_passed
from fad_core.verification.eager import EagerLevel
from fad_core.verification.golden import GoldenLevel
from fad_core.verification.golden_text import GoldenTextLevel
from fad_core.verification.table import write_verification
from fad_core.verification.verdicts import Verified, levels_of, note_of, require_verified
from fad_core.verification.verify import level_of, run_by, verified_backends, verify
from fad_core.weights import Weights, fetch_weights, locate_weights
from fad_core.weights.checksums import file_sha256

__all__ = ["default_cache_dir", "verified_model"]

Report = Callable[[str], None]


def _silent(_line: str) -> None:
    """Report nothing."""


def default_cache_dir() -> Path:
    """Return the folder of exported models that is used by default.

    `$FAD_CACHE_DIR`, else `$XDG_CACHE_HOME/fad-core/exported`, else `~/.cache/fad-core/exported`.

    Returns:
        The path; the folder need not exist.

    Raises:
        ModelError: the user has no home folder.

    >>> import os
    >>> os.environ["FAD_CACHE_DIR"] = "models"
    >>> str(default_cache_dir())
    'models'
    """
    if chosen := os.environ.get("FAD_CACHE_DIR"):
        return Path(chosen).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        return cache.expanduser() / "fad-core" / "exported"
    except RuntimeError as error:
        raise ModelError(
            "there is no home folder for exported models: set FAD_CACHE_DIR to a folder"
        ) from error


def verified_model(
    model_id: str,
    choice: str,
    ckpt_dir: Path | None = None,
    report: Report = _silent,
    options: Options = DEFAULT_OPTIONS,
    backend: Backend | None = None,
    *,
    cache_dir: Path | None = None,
    batch_size: int | None = None,
    progress: bool = False,
    trust: bool = False,
) -> ExportedModel:
    """Load a verified model; download, export and verify it first if that has not been done.

    Args:
        model_id: id of the model, one of `fad_core.models.model_ids()`, or one of its aliases.
        choice: the weights: "official", "seeded", the path of a checkpoint, or the path of an exported
            model (`.pt2`), which is not verified (`ExportedModel.note` says so).
        ckpt_dir: folder of the checkpoints; None: that of torch.hub.
        report: function called with a line of text before each long step.
        options: how the model is used.
        backend: how and where the network runs; None: with the kernels for this CPU.
        cache_dir: folder of the exported models and their verdicts; None: `default_cache_dir()`.
        batch_size: number of windows embedded at once; None: the model's own.
        progress: whether to show progress bars of long steps on stderr.
        trust: whether an exported model given by path may be read if it can contain code (`ExportedModel`).

    Returns:
        The model, which computes embeddings of waveforms.

    Raises:
        ModelError: there is no such model or device, the options do not apply to the model, or the path is
            that of another exported model or of one that cannot be read without `trust`.
        WeightsError: the checkpoint is not available, or is not the expected file.
        VerificationError: the model does not reproduce the network it was exported from, or the original's
            embeddings.
        ArgumentError: `batch_size` is not a whole number of at least 1.
        OutputError: the folder of the exported models cannot be written.

    >>> from fad_core.api.model_cache import verified_model
    >>> exported = verified_model("tiny", "seeded")
    >>> exported.model.sample_rate, exported.device
    (16000, 'cpu')
    """
    use = ModelUse(get_model(model_id), options)
    backend = resolve_backend(backend or Backend(), options)
    if is_exported(choice):
        return load_unverified(Path(choice).expanduser(), use, backend, batch_size, trust=trust)
    cache = ModelCache(cache_dir or default_cache_dir(), ckpt_dir, report, progress=progress)
    path, weights = cache.export(use.model, choice)
    cache.require_verified(path, use.model, weights, verified_backends(backend.device))
    note = note_of(use.model)
    return ExportedModel(path, options, backend, batch_size, origin="own", note=note)


def embedding_cache(
    exported: ExportedModel, choice: str, cache_dir: Path | None = None
) -> EmbeddingCache | None:
    """Return the user's cache of the embeddings by a model; None for a model that was given by its path.

    What an unverified file says of itself may be wrong, and must not stand for embeddings of others.

    Args:
        exported: the model, as `verified_model` returns it.
        choice: choice of weights that it was loaded with.
        cache_dir: folder of the exported models, which has a folder `embeddings`; None:
            `default_cache_dir()`.
    """
    if is_exported(choice):
        return None
    return cache_of(exported, embeddings_folder(cache_dir))


def embeddings_folder(cache_dir: Path | None = None) -> Path:
    """Return the folder of the user's cached embeddings.

    Args:
        cache_dir: folder of the exported models; None: `default_cache_dir()`.
    """
    return (cache_dir or default_cache_dir()) / "embeddings"


class ModelCache:
    """A folder of exported models and their verdicts.

    A verdict is for one backend. Its name contains a digest of everything, besides the model, that it depends
    on.

    Attributes:
        folder: the folder.
        ckpt_dir: folder of the checkpoints; None: that of torch.hub.
        report: function called with a line of text before each long step.
        progress: whether progress bars are shown.
    """

    def __init__(
        self, folder: Path, ckpt_dir: Path | None, report: Report, *, progress: bool = False
    ) -> None:
        self.folder = folder.expanduser()
        self.ckpt_dir = None if ckpt_dir is None else ckpt_dir.expanduser()
        self.report = report
        self.progress = progress

    def export(self, model: NetworkModel, choice: str) -> tuple[Path, Weights]:
        """Export a model, unless the folder has it; return its path and its fetched weights."""
        weights = locate_weights(model, choice, self.ckpt_dir)
        for file in weights.files if weights.kind == "official" else ():
            if file.path is None:
                self.report(f"fetching {file.checkpoint.filename} from {file.checkpoint.source}")
        weights = fetch_weights(weights, self.ckpt_dir, progress=self.progress)
        path = self.folder / f"{model.name}-{weights.key}.pt2"
        if _identity_at(path) != Identity.of(model, weights):
            require_writable(path)
            self.report(f"exporting {model.name} with {weights.label} weights to {path}")
            export_model(model, weights, path)
        return path, weights

    def verify(
        self, path: Path, weights: Weights, backends: Sequence[Backend], origin: Origin = "own"
    ) -> list[Check]:
        """Verify a `.pt2` at all levels, even if it has been verified before.

        Args:
            path: the file, inside or outside the folder.
            weights: the fetched weights that it was exported with.
            backends: backends to verify.
            origin: origin of the file, as in `ExportedModel`.
        """
        model = find_network(model_in(path))
        checks: list[Check] = []
        for name in levels_of(model):
            if name == "golden" and weights.kind != "seeded":
                path, origin = self.export(model, "seeded")[0], "own"
            self.report(f"verifying {path} at the level {name}")
            checks += verify(name, path, weights, backends, origin)
        return checks

    def require_verified(
        self, path: Path, model: NetworkModel, weights: Weights, backends: Sequence[Backend]
    ) -> None:
        """Require that a model has passed all levels with each backend that can be used here.

        It is verified now where there is no verdict for this kind of machine.

        Args:
            path: path returned by `export`.
            model: the model.
            weights: weights returned by `export`.
            backends: the required backends.

        Raises:
            VerificationError: the model has not passed.
        """
        sha256 = file_sha256(path)
        verdicts = []
        for name in levels_of(model):
            level = level_of(name, model, weights)
            for backend in level.backends(backends):
                eager = name == "eager"
                verdict = self._verdict(path.stem if eager else model.name, name, model, backend)
                if not verdict.is_file() or (eager and not _is_of(verdict, sha256)):
                    compared = path if eager else self.export(model, "seeded")[0]
                    loaded = run_by(compared, backend)
                    if loaded is None:
                        continue
                    self.report(f"verifying {model.name} ({backend.name}) against {level.against}")
                    self._record(level, loaded, model, compared, verdict)
                verdicts.append(verdict)
        require_verified(verdicts, [Verified(model.name, weights.label, weights.sha256)])

    def _record(
        self,
        level: EagerLevel | GoldenLevel | GoldenTextLevel,
        exported: ExportedNetwork,
        model: NetworkModel,
        path: Path,
        verdict: Path,
    ) -> None:
        """Run all checks of a level on a model, loaded from a path, and write the verdict if they pass."""
        checks = []
        name = verdict.name.rsplit(".", 2)[0]
        quiet = not self.progress
        with progress_bar(f"verify {name}", level.count, quiet=quiet, unit="comparisons") as advance:
            for check in level.compare(exported):
                checks.append(check)
                advance(check.quantity == model.main_output)
        require_passed(checks)
        write_verification(checks, [path], verdict, exported.device)

    def _verdict(self, stem: str, level: str, model: NetworkModel, backend: Backend) -> Path:
        """Return the path of a verdict, with a digest of the code and the kind of machine."""
        facts = [
            numerics_key(model, backend.device).digest,
            code_digest(Path(__file__), *definition_of(model)),
        ]
        if level == "golden" and model.verification.golden is not None:
            facts.append(file_sha256(model.verification.golden))
        digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        return self.folder / "verification" / f"{stem}.{level}.{backend.name}.{digest}.csv"


def _is_of(verdict: Path, sha256: str) -> bool:
    """Whether a verdict is about the file with this hash; not if it is damaged, or of an earlier version."""
    try:
        return all(row["exported_sha256"] == sha256 for row in read_table(VERIFICATION, verdict))
    except FadError:
        return False


def _identity_at(path: Path) -> Identity | None:
    try:
        return read_identity(path)
    except ModelError:
        return None
