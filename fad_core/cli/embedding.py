"""How sets are embedded on the command line: what the options say, and what is done with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fad_core.cli.output import speaker
from fad_core.cli.threads import use_threads
from fad_core.datasets.policy import FilePolicy
from fad_core.models.options import Options
from fad_core.runner.backend import Backend

if TYPE_CHECKING:
    from fad_core.datasets.selection import FileDecision
    from fad_core.embedding.scan_and_embed import Embedded
    from fad_core.runner.exported import ExportedModel


# Files that are named of each set, left out or padded; the others are counted.
_TOLD = 20


@dataclass(frozen=True)
class Embedding:
    """What `fad_core.cli.options.embedding_options` were given."""

    weights: str
    policy: FilePolicy
    options: Options
    ckpt_dir: Path | None
    backend: Backend
    threads: int
    quiet: bool
    cache_dir: Path | None = None
    trust: bool = False

    def embed_sets(
        self,
        sets: Sequence[str],
        model_id: str,
        *,
        keep: bool = False,
        to_compare: bool = True,
        accept: Callable[[ExportedModel], object] = bool,
    ) -> tuple[ExportedModel, dict[str, Embedded]]:
        """Embed sets; what is wrong with any file is said before a checkpoint is fetched or a model exported.

        Args:
            sets: folders, globs, audio files, or `.npy` files of embeddings.
            model_id: the model.
            keep: whether the embeddings are kept beside the statistics.
            to_compare: whether each set must give the two vectors that a distance needs.
            accept: called with the model before it embeds anything; raises if it is not the right one.

        Returns:
            The model, and the sets by their names.
        """
        use_threads(self.threads)
        from fad_core.embedding.scan_and_embed import scan_sets
        from fad_core.models import get_model
        from fad_core.models.use import ModelUse
        from fad_core.runner.device import load_workers, resolve_backend
        from fad_core.runner.given import require_weights
        from fad_core.util.progress import file_progress

        use = ModelUse(get_model(model_id), self.options)
        backend = resolve_backend(self.backend, self.options)
        require_weights(use.model, self.weights)
        with file_progress("scan", quiet=self.quiet) as progress:
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
            self._say_uses(name, decisions)
            self._say_ignored(name, scanned.sounds[name].ignored)
        exported = self.exported(model_id)
        accept(exported)
        with file_progress("embed", scanned.count, quiet=self.quiet) as progress:
            return exported, scanned.embed(exported, workers=exported.workers, progress=progress)

    def exported(self, model_id: str) -> ExportedModel:
        """The verified model: fetched, exported and verified now if need be."""
        use_threads(self.threads)
        from fad_core.api.model_cache import verified_model

        return verified_model(
            model_id,
            self.weights,
            self.ckpt_dir,
            self.say,
            self.options,
            self.backend,
            cache_dir=self.cache_dir,
            progress=not self.quiet,
            trust=self.trust,
        )

    def say(self, line: str) -> None:
        """A message on stderr."""
        speaker(self.quiet)(line)

    def _say_ignored(self, name: str, ignored: Sequence[tuple[str, str]]) -> None:
        """A message for each reason why something in the place of a set is no part of it."""
        from fad_core.util.formatting import counted, one_line

        first = {reason: file for file, reason in reversed(ignored)}
        for reason, count in Counter(reason for _, reason in ignored).items():
            example = f"such as {one_line(first[reason])}" if count > 1 else one_line(first[reason])
            self.say(f"ignored: {name}: {counted(count, 'item')}, {example}: {reason}")

    def _say_uses(self, name: str, decisions: Sequence[FileDecision]) -> None:
        """Messages about the files of a set that are not used as they are."""
        from fad_core.util.formatting import one_line

        embedded = [decision for decision in decisions if decision.status != "excluded"]
        told = {
            status: [(decision, decision.reason) for decision in decisions if decision.status == status]
            for status in ("excluded", "padded")
        }
        told["note"] = [
            (decision, "; ".join(text for _, text in decision.remarks))
            for decision in embedded
            if decision.remarks
        ]
        for what, lines in told.items():
            for decision, reason in lines[:_TOLD]:
                self.say(f"{what}: {name}: {one_line(decision.record.file)}: {reason}")
            if more := lines[_TOLD:]:
                self.say(f"{what}: {name}: and {len(more)} more")
