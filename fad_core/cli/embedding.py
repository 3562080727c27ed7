"""Embed sets by the options of a command, with messages about their files on stderr."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fad_core.cli.output import speaker
from fad_core.cli.threads import use_threads
from fad_core.datasets.policy import FilePolicy
from fad_core.models.options import WEIGHTS, Options
from fad_core.runner.backend import Backend

if TYPE_CHECKING:
    from fad_core.datasets.decisions import FileDecision
    from fad_core.embedding.embedded_set import EmbeddedSet
    from fad_core.embedding.scan_and_embed import ScannedSets
    from fad_core.runner.exported import ExportedModel


_NAMED = 20
"""Number of files of a set that are named for one status; the others are counted."""


@dataclass(frozen=True)
class Embedding:
    """The values of `fad_core.cli.options.embedding_options`, under the options' names."""

    policy: FilePolicy
    options: Options
    backend: Backend
    weights: str = WEIGHTS.default
    ckpt_dir: Path | None = None
    cache_dir: Path | None = None
    cache: bool = True
    threads: int = 1
    quiet: bool = False
    trust: bool = False

    def embed_sets(
        self,
        sets: Sequence[str],
        model_id: str,
        *,
        keep: bool = False,
        to_compare: bool = True,
        accept: Callable[[ExportedModel], object] = bool,
        accept_files: Callable[[ScannedSets], object] = bool,
    ) -> tuple[ExportedModel, dict[str, EmbeddedSet]]:
        """Embed sets; errors of any file are reported before a checkpoint is fetched or a model exported.

        Args:
            sets: folders, globs, audio files, lists, or files of embeddings or statistics.
            model_id: id of the model.
            keep: whether the embeddings are kept beside the statistics.
            to_compare: whether each set must give the two vectors that a distance needs.
            accept: called with the model before it embeds anything; raises if it is not the right one.
            accept_files: called with the scanned sets before a model is exported; raises if they are not the
                right ones.

        Returns:
            The model, and the sets by their names.
        """
        use_threads(self.threads)
        from fad_core.api.model_cache import embedding_cache, verified_model
        from fad_core.embedding.scan_and_embed import scan_sets
        from fad_core.models import get_model
        from fad_core.models.use import ModelUse
        from fad_core.runner.backend import resolve_backend
        from fad_core.runner.device import load_workers
        from fad_core.runner.unverified import require_weights
        from fad_core.util.progress import progress_bar

        use = ModelUse(get_model(model_id), self.options)
        backend = resolve_backend(self.backend, self.options)
        require_weights(use.model, self.weights)
        with progress_bar("scan", quiet=self.quiet) as progress:
            scanned = scan_sets(
                {name: name for name in sets},
                use,
                backend,
                policy=self.policy,
                workers=load_workers(backend.device),
                keep=keep,
                to_compare=to_compare,
                progress=progress,
            )
        for name, decisions in scanned.decisions.items():
            self._report_decisions(name, decisions)
            self._report_ignored(name, scanned.sets[name].ignored)
        accept_files(scanned)
        exported = verified_model(
            model_id,
            self.weights,
            self.ckpt_dir,
            speaker(self.quiet),
            self.options,
            self.backend,
            cache_dir=self.cache_dir,
            progress=not self.quiet,
            trust=self.trust,
        )
        accept(exported)
        cache = embedding_cache(exported, self.weights, self.cache_dir) if self.cache else None
        with progress_bar("embed", scanned.count, quiet=self.quiet) as progress:
            workers = exported.workers
            return exported, scanned.embed(exported, workers=workers, progress=progress, cache=cache)

    def _report_ignored(self, name: str, ignored: Sequence[tuple[str, str]]) -> None:
        """Write one line for each reason why items in the place of a set do not belong to it."""
        from fad_core.util.formatting import counted, one_line

        first = {reason: file for file, reason in reversed(ignored)}
        for reason, count in Counter(reason for _, reason in ignored).items():
            example = f"such as {one_line(first[reason])}" if count > 1 else one_line(first[reason])
            speaker(self.quiet)(f"ignored: {name}: {counted(count, 'item')}, {example}: {reason}")

    def _report_decisions(self, name: str, decisions: Sequence[FileDecision]) -> None:
        """Write a line for each file of a set that is excluded, padded, or used with a remark."""
        from fad_core.util.formatting import one_line

        lines: dict[str, list[str]] = {"excluded": [], "padded": [], "note": []}
        for decision in decisions:
            file = one_line(decision.record.file)
            if decision.status != "used":
                lines[decision.status].append(f"{file}: {decision.reason}")
            if decision.remarks:
                lines["note"].append(f"{file}: {'; '.join(text for _, text in decision.remarks)}")
        for what, files in lines.items():
            more = [f"and {len(files) - _NAMED} more"] if len(files) > _NAMED else []
            for line in files[:_NAMED] + more:
                speaker(self.quiet)(f"{what}: {name}: {line}")
