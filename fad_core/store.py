"""Exported and verified models, kept for whoever scores without the pipeline.

They lie in `exported/` below the folder of checkpoints: `{id}-{first 8 of the weights' sha256}.pt2`, and
beside each its verdicts, whose names carry a digest of the code they were given for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fad_core.code_digest import code_digest
from fad_core.comparison import Comparison, require_passed
from fad_core.errors import ModelError
from fad_core.exported import ExportedModel, Identity, export_model, read_identity
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.settings import Settings
from fad_core.steps.verdicts import require_verified
from fad_core.steps.verification import write_verification
from fad_core.verify import verify_eager, verify_golden
from fad_core.weights import Weights, default_ckpt_dir, fetch_weights, locate_weights

Report = Callable[[str], None]


def _silent(_line: str) -> None:
    """The report of who wants none."""


def verified_model(
    model_id: str,
    choice: str,
    ckpt_dir: Path | None = None,
    report: Report = _silent,
    settings: Settings | None = None,
) -> ExportedModel:
    """Load an exported model; fetch, export and verify first whatever is not there yet.

    Args:
        model_id: which model.
        choice: of weights: "official", "seeded" or the path of a checkpoint.
        ckpt_dir: folder of the checkpoints; torch.hub's if None.
        report: told in a line what takes long.
        settings: how the model is used; None: the defaults.

    Raises:
        ModelError: there is no such model, or it does not take these settings.
        WeightsError: the checkpoint cannot be had, or is not what it should be.
        VerificationError: the model does not reproduce what it was made from.
    """
    model = get_model(model_id, settings)
    model.require_settings()
    ckpt_dir = ckpt_dir.expanduser() if ckpt_dir is not None else None
    store = Store((ckpt_dir or default_ckpt_dir()) / "exported", ckpt_dir, report)
    path, weights = store.exported(model, choice)
    store.require_eager(path, model, weights)
    store.require_golden(model)
    return ExportedModel(path, settings=settings)


class Store:
    """The folder of exported models.

    Attributes:
        folder: where they lie.
        ckpt_dir: of the checkpoints; torch.hub's if None.
        report: told in a line what takes long.
    """

    def __init__(self, folder: Path, ckpt_dir: Path | None, report: Report) -> None:
        self.folder = folder
        self.ckpt_dir = ckpt_dir
        self.report = report

    def exported(self, model: EmbeddingModel, choice: str) -> tuple[Path, Weights]:
        """Path of the exported model, made now unless the very same lies there."""
        weights = fetch_weights(locate_weights(model, choice, self.ckpt_dir), self.ckpt_dir)
        path = self.folder / f"{model.name}-{weights.key}.pt2"
        if _identity_at(path) != Identity.of(model, weights):
            self.report(f"exporting {model.name} with {weights.label} weights to {path}")
            export_model(model, weights, path)
        return path, weights

    def require_eager(self, path: Path, model: EmbeddingModel, weights: Weights) -> None:
        """Verify against the eager network, unless this very file has been."""
        verdict = self._verdict(path.stem, "eager", model)
        # A new export has a new time, and its old verdict is worth nothing.
        if not verdict.is_file() or verdict.stat().st_mtime_ns < path.stat().st_mtime_ns:
            self.report(f"verifying {path.name} against the eager network")
            _record(verify_eager(ExportedModel(path), weights), verdict)
        require_verified([verdict])

    def require_golden(self, model: EmbeddingModel) -> None:
        """Verify the seeded model against the original package's embeddings, unless this code has been."""
        verdict = self._verdict(model.name, "golden", model)
        if not verdict.is_file():
            path, _ = self.exported(model, "seeded")
            self.report(f"verifying {model.name} against embeddings of the original package")
            _record(verify_golden(ExportedModel(path)), verdict)
        require_verified([verdict])

    def _verdict(self, stem: str, level: str, model: EmbeddingModel) -> Path:
        code = code_digest(Path(__file__), model.family)
        return self.folder / "verification" / f"{stem}.{level}.{code}.csv"


def _record(rows: Sequence[Comparison], verdict: Path) -> None:
    require_passed(rows)
    write_verification(rows, verdict)


def _identity_at(path: Path) -> Identity | None:
    try:
        return read_identity(path)
    except ModelError:
        return None
