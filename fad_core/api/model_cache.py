"""Exported and verified models, kept for whoever scores without the pipeline.

They lie in the user's cache folder (`default_cache_dir`), or where a call says: as
`{id}-{first 8 of the weights' sha256}.pt2`, and in `verification/` their verdicts, whose names carry a digest
of the code they were given for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fad_core.errors import ModelError
from fad_core.models import get_model, modules_of
from fad_core.models.base import EmbeddingModel
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend
from fad_core.runner.backends import Origin
from fad_core.runner.device import resolve_backend
from fad_core.runner.exported import ExportedModel
from fad_core.runner.given import is_exported, load_given, model_in
from fad_core.runner.numerics import numerics_key
from fad_core.runner.pt2 import Identity, export_model, read_identity
from fad_core.util.atomic import require_writable
from fad_core.util.code_digest import code_digest
from fad_core.util.progress import progress_bar
from fad_core.verification.check import Check, require_passed
from fad_core.verification.table import write_verification
from fad_core.verification.verdicts import Verified, levels_of, note_of, require_verified
from fad_core.verification.verify import level_of, run_by, verified_backends, verify
from fad_core.weights import Weights, fetch_weights, locate_weights
from fad_core.weights.checksums import file_sha256

Report = Callable[[str], None]


def _silent(_line: str) -> None:
    """The report of who wants none."""


def default_cache_dir() -> Path:
    """Where exported models are kept unless a call says where.

    `$FAD_CACHE_DIR`, else `$XDG_CACHE_HOME/fad-core/exported`, else `~/.cache/fad-core/exported`.

    Raises:
        ModelError: the user has no home folder.
    """
    if chosen := os.environ.get("FAD_CACHE_DIR"):
        return Path(chosen).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        return cache.expanduser() / "fad-core" / "exported"
    except RuntimeError as error:
        raise ModelError(
            "there is no home folder in which exported models can be kept: set FAD_CACHE_DIR to a folder"
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
    """Load an exported model; fetch, export and verify first whatever is not there yet.

    Args:
        model_id: which model.
        choice: of weights: "official", "seeded", the path of a checkpoint, or that of an exported model
            (`.pt2`), which is taken unverified (`ExportedModel.note` says so).
        ckpt_dir: folder of the checkpoints; torch.hub's if None.
        report: told in a line what takes long.
        options: how the model is used.
        backend: how and where it is to run; None: with the kernels for this CPU.
        cache_dir: folder of the exported models and their verdicts; None: `default_cache_dir()`.
        batch_size: windows at once; None: the model's own.
        progress: show bars of what takes long, on stderr.
        trust: of an exported model that is given by its path, see `ExportedModel`.

    Raises:
        ModelError: there is no such model, or it does not take these settings, or the path is that of another
            exported model, or of one that cannot be read without `trust`; or there is no such device.
        WeightsError: the checkpoint cannot be had, or is not what it should be.
        VerificationError: the model does not reproduce what it was made from.
    """
    use = ModelUse(get_model(model_id), options)
    backend = resolve_backend(backend or Backend(), options)
    if is_exported(choice):
        return load_given(Path(choice).expanduser(), use, backend, batch_size, trust=trust)
    cache = ModelCache(cache_dir or default_cache_dir(), ckpt_dir, report, progress=progress)
    path, weights = cache.export(use.model, choice)
    cache.require_verified(path, use.model, weights, verified_backends(backend.device))
    note = note_of(use.model)
    return ExportedModel(path, options, backend, batch_size, origin="own", note=note)


class ModelCache:
    """A folder of exported models, and in `verification/` of their verdicts.

    A verdict is of one backend, and its name carries a digest of all that decides it beside the model.

    Attributes:
        folder: where they lie.
        ckpt_dir: of the checkpoints; torch.hub's if None.
        report: told in a line what takes long.
        progress: whether bars are shown.
    """

    def __init__(
        self, folder: Path, ckpt_dir: Path | None, report: Report, *, progress: bool = False
    ) -> None:
        self.folder = folder.expanduser()
        self.ckpt_dir = None if ckpt_dir is None else ckpt_dir.expanduser()
        self.report = report
        self.progress = progress

    def export(self, model: EmbeddingModel, choice: str) -> tuple[Path, Weights]:
        """Path of the exported model, made now unless the very same lies there; and its fetched weights."""
        weights = locate_weights(model, choice, self.ckpt_dir)
        for file in weights.files if weights.kind == "official" else ():
            if file.path is None:
                self.report(f"fetching {file.checkpoint.filename} from {file.checkpoint.url}")
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
        """Verify a `.pt2` at all levels now, whatever was found before.

        Args:
            path: the file, which may lie elsewhere.
            weights: the fetched ones that it was made from.
            backends: that run it.
            origin: of the file; see `ExportedModel`.
        """
        model = get_model(model_in(path))
        checks: list[Check] = []
        for name in levels_of(model):
            if name == "golden" and weights.kind != "seeded":
                path, origin = self.export(model, "seeded")[0], "own"
            self.report(f"verifying {path} at the level {name}")
            checks += verify(name, path, weights, backends, origin)
        return checks

    def require_verified(
        self, path: Path, model: EmbeddingModel, weights: Weights, backends: Sequence[Backend]
    ) -> None:
        """Make sure that a model has passed at all levels, by each backend that can be used here.

        It is verified now where this machine has no verdict on it.

        Args:
            path: what `export` gave.
            model: the model.
            weights: what `export` gave.
            backends: that must have run it.

        Raises:
            VerificationError: it has not passed.
        """
        # A new export has a new time, and its old verdicts are worth nothing.
        exported_at = path.stat().st_mtime_ns
        verdicts = []
        for name in levels_of(model):
            level = level_of(name, model, weights)
            for backend in level.backends(backends):
                eager = name == "eager"
                verdict = self._verdict(path.stem if eager else model.name, name, model, backend)
                if not verdict.is_file() or (eager and verdict.stat().st_mtime_ns < exported_at):
                    loaded = run_by(path if eager else self.export(model, "seeded")[0], backend)
                    if loaded is None:
                        continue
                    self.report(f"verifying {model.name} ({backend.name}) against {level.against}")
                    self._record(level.compare(loaded), level.count, backend, verdict)
                verdicts.append(verdict)
        require_verified(verdicts, [Verified(model.name, weights.label, weights.sha256)])

    def _record(self, comparison: Iterator[Check], total: int, backend: Backend, verdict: Path) -> None:
        """Make all checks, of which so many are of embeddings, and write the verdict if they pass."""
        checks = []
        name = verdict.name.rsplit(".", 2)[0]
        with progress_bar(f"verify {name}", total, quiet=not self.progress, unit="comparisons") as advance:
            for check in comparison:
                checks.append(check)
                advance(check.quantity == "embedding")
        require_passed(checks)
        write_verification(checks, verdict, backend.device)

    def _verdict(self, stem: str, level: str, model: EmbeddingModel, backend: Backend) -> Path:
        """Where a verdict lies, by all that decides it beside the file: what computes, and what verifies."""
        facts = [numerics_key(model, backend.device).digest, code_digest(Path(__file__), modules_of(model))]
        if level == "golden" and model.verification.golden is not None:
            facts.append(file_sha256(model.verification.golden))
        digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        return self.folder / "verification" / f"{stem}.{level}.{backend.name}.{digest}.csv"


def _identity_at(path: Path) -> Identity | None:
    try:
        return read_identity(path)
    except ModelError:
        return None
