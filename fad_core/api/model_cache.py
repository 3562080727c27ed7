"""Exported and verified models, kept for whoever scores without the pipeline.

They lie in the user's cache folder (`default_cache_dir`), or where a call says: as
`{id}-{first 8 of the weights' sha256}.pt2`, and in `verification/` their verdicts, whose names carry a digest
of the code they were given for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from fad_core.errors import ModelError
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.use import ModelUse
from fad_core.runner import third_party
from fad_core.runner.backend import Backend
from fad_core.runner.backends import Origin
from fad_core.runner.device import resolve_backend
from fad_core.runner.exported import ExportedModel
from fad_core.runner.numerics import numerics_key
from fad_core.runner.pt2 import Identity, export_model, holds_identity, read_identity
from fad_core.util.atomic import require_writable
from fad_core.util.code_digest import code_digest
from fad_core.util.progress import progress_bar
from fad_core.verification.check import Comparison, require_passed
from fad_core.verification.table import write_verification
from fad_core.verification.verdicts import Verified, require_verified
from fad_core.verification.verify import (
    ON_CPU,
    compare_with_eager,
    eager_backends,
    eager_outputs,
    golden_count,
    run_by,
    verified_backends,
    verify_golden,
)
from fad_core.weights import Weights, fetch_weights, given_files, locate_weights

Report = Callable[[str], None]

GIVEN_NOTE = "unverified: an exported model that was given by its path"


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
        return _given(Path(choice).expanduser(), use, backend, batch_size, trust=trust)
    ckpt_dir = ckpt_dir.expanduser() if ckpt_dir is not None else None
    folder = default_cache_dir() if cache_dir is None else cache_dir.expanduser()
    backends = verified_backends(backend.device)
    store = Store(folder, ckpt_dir, report, backends, progress=progress)
    path, weights = store.exported(use.model, choice)
    store.require_eager(path, use.model, weights)
    store.require_golden(use.model)
    return ExportedModel(path, options, backend, batch_size, origin="own")


def require_weights(model: EmbeddingModel, choice: str) -> None:
    """Stop where a file that was given as weights is not there, or is of another model; a quick look.

    Raises:
        ModelError: there is no exported model, or it is another one.
        WeightsError: a checkpoint is not there.
    """
    if is_exported(choice):
        _require_model(model, choice, model_in(Path(choice).expanduser()))
    elif choice not in ("official", "seeded"):
        given_files(model, choice)


def model_in(path: Path) -> str:
    """The id of the model in a `.pt2`, which may be another package's.

    Raises:
        ModelError: there is none, or it is one that is refused.
    """
    third_party.refuse_by_name(path)
    return read_identity(path).model if holds_identity(path) else third_party.MODEL


def is_exported(choice: str) -> bool:
    """Whether a choice of weights is the path of an exported model, not of a checkpoint."""
    return Path(choice).suffix == ".pt2" or Path(choice).name in third_party.REFUSED


def _given(
    path: Path, use: ModelUse, backend: Backend, batch_size: int | None, *, trust: bool
) -> ExportedModel:
    third_party.refuse_by_name(path)
    if holds_identity(path):
        origin: Origin = "trusted" if trust else "given"
        exported = ExportedModel(path, use.options, backend, batch_size, origin=origin, note=GIVEN_NOTE)
    else:
        exported = third_party.load_foreign(path, use.options, backend, batch_size, trust=trust)
    _require_model(use.model, path, exported.model.name)
    return exported


def _require_model(model: EmbeddingModel, path: Path | str, held: str) -> None:
    if held != model.name:
        raise ModelError(f"{path} holds {held}, and {model.name} was asked for")


class Store:
    """The folder of exported models.

    Attributes:
        folder: where they lie.
        ckpt_dir: of the checkpoints; torch.hub's if None.
        report: told in a line what takes long.
        backends: that are verified.
        progress: whether bars are shown.
    """

    def __init__(
        self,
        folder: Path,
        ckpt_dir: Path | None,
        report: Report,
        backends: Sequence[Backend] = ON_CPU,
        *,
        progress: bool = False,
    ) -> None:
        self.folder = folder.expanduser()
        self.ckpt_dir = None if ckpt_dir is None else ckpt_dir.expanduser()
        self.report = report
        self.backends = backends
        self.progress = progress

    def exported(self, model: EmbeddingModel, choice: str) -> tuple[Path, Weights]:
        """Path of the exported model, made now unless the very same lies there."""
        weights = fetch_weights(self._located(model, choice), self.ckpt_dir, progress=self.progress)
        path = self.folder / f"{model.name}-{weights.key}.pt2"
        if _identity_at(path) != Identity.of(model, weights):
            require_writable(path)
            self.report(f"exporting {model.name} with {weights.label} weights to {path}")
            export_model(model, weights, path)
        return path, weights

    def require_eager(self, path: Path, model: EmbeddingModel, weights: Weights) -> None:
        """Verify against the eager network, by each backend by which this very file has not been."""
        backends = eager_backends(model, self.backends)
        verdicts = {backend: self._verdict(path.stem, "eager", model, backend) for backend in backends}
        # A new export has a new time, and its old verdicts are worth nothing.
        made = path.stat().st_mtime_ns
        missing = [
            backend
            for backend, verdict in verdicts.items()
            if not verdict.is_file() or verdict.stat().st_mtime_ns < made
        ]
        fast = Backend()
        if fast in missing and run_by(path, fast) is None:
            # The kernels cannot be used here: there is no such backend, at the next level neither.
            self.backends = [backend for backend in self.backends if backend != fast]
            missing.remove(fast)
            del verdicts[fast]
        if missing:
            self.report(f"verifying {path.name} against the eager network")
            outputs = eager_outputs(model, weights)
            cases = len(model.verification.eager_cases)
            with self._bar(f"verify {path.stem}", cases * len(missing)) as advance:
                for backend in missing:
                    exported = run_by(path, backend)
                    assert exported is not None
                    rows = []
                    for row in compare_with_eager(exported, outputs):
                        rows.append(row)
                        advance(1)
                    _record(rows, backend, verdicts[backend])
        needed = Verified(model.name, weights.label, weights.sha256)
        require_verified(list(verdicts.values()), [needed], ["eager"])

    def require_golden(self, model: EmbeddingModel) -> None:
        """Verify the seeded model against the original's, by each backend where that is missing."""
        verdicts = {each: self._verdict(model.name, "golden", model, each) for each in self.backends}
        missing = [backend for backend, verdict in verdicts.items() if not verdict.is_file()]
        if missing:
            path, _ = self.exported(model, "seeded")
            self.report(f"verifying {model.name} against embeddings of the original package")
            with self._bar(f"verify {model.name}", golden_count(model) * len(missing)) as advance:
                for backend in missing:
                    rows = verify_golden(path, lambda _clip: advance(1), [backend])
                    _record(rows, backend, verdicts[backend])
        weights = self._located(model, "seeded")
        needed = Verified(model.name, weights.label, weights.sha256)
        require_verified(list(verdicts.values()), [needed], ["golden"])

    def _located(self, model: EmbeddingModel, choice: str) -> Weights:
        weights = locate_weights(model, choice, self.ckpt_dir)
        for file in weights.files if weights.kind == "official" else ():
            if file.path is None:
                self.report(f"fetching {file.checkpoint.filename} from {file.checkpoint.url}")
        return weights

    def _bar(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        return progress_bar(what, total, quiet=not self.progress, unit="comparisons")

    def _verdict(self, stem: str, level: str, model: EmbeddingModel, backend: Backend) -> Path:
        """Where a verdict lies, by all that decides it beside the file: what computes, and what verifies."""
        facts = [numerics_key(model, backend.device).digest, code_digest(Path(__file__), model.family)]
        digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        return self.folder / "verification" / f"{stem}.{level}.{backend.name}.{digest}.csv"


def _record(rows: Sequence[Comparison], backend: Backend, verdict: Path) -> None:
    require_passed(rows)
    write_verification(rows, verdict, backend.device)


def _identity_at(path: Path) -> Identity | None:
    try:
        return read_identity(path)
    except ModelError:
        return None
