"""Compare files with their captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fad_core.api.text_model import tokenizer_of
from fad_core.datasets.captions import read_captions, require_readable
from fad_core.embedding.clap_score import clap_score_rows, embed_captions, pair_files
from fad_core.models import find_network
from fad_core.models.text_model import TextModel
from fad_core.runner.backend import parse_settings, resolve_device
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.runner.identity import read_identity
from fad_core.runner.numerics import numerics_key
from fad_core.tables import CLAP_SCORE, FILE_VALUES, read_table, write_table
from fad_core.verification.verdicts import Verified, note_of, require_verified
from fad_study.schemas.files import DECISIONS
from fad_study.steps.distances import read_set, with_vectors


@dataclass(frozen=True)
class CaptionModel:
    """A model of the study that embeds captions.

    Attributes:
        name: of the model of audio in the study.
        weights: its choice of weights.
        settings: settings of its use, as text (`fad_core.runner.backend.parse_settings`).
        exported: its exported model of captions.
    """

    name: str
    weights: str
    settings: str
    exported: Path


def score_captions(
    models: Sequence[CaptionModel],
    verdicts: Sequence[Path],
    captions: Mapping[str, Path],
    decisions: Path,
    statistics: Sequence[Path],
    embeddings: Sequence[Path],
    scores: Sequence[Path],
    file_values: Path,
    ckpt_dir: Path | None = None,
    *,
    mixed: bool = False,
) -> None:
    """Write the CLAP score of each data set with captions, and the cosine of each file and its caption.

    Args:
        models: the models.
        verdicts: tables of verification of their models of captions.
        captions: tables of captions by data set.
        decisions: table of the decisions on all files.
        statistics: tables of statistics, `…/{model}/{data set}.parquet`.
        embeddings: tables of embeddings of all batches, `…/{model}/{batch}.parquet`.
        scores: the tables of data sets to write, all with the same rows.
        file_values: the table of single files to write.
        ckpt_dir: folder of the official vocabulary; None: that of torch.hub.
        mixed: whether verdicts of machines that compute differently are allowed; the rows then note them.

    Raises:
        VerificationError: a model of captions is not verified for this machine.
        FadError: captions and files do not fit each other, or a table is missing or damaged.
    """
    tables = {name: read_captions(path) for name, path in captions.items()}
    rows, files = [], []
    for model in models:
        network = _load(model, verdicts, mixed=mixed)
        assert isinstance(network.model, TextModel), "captions are embedded by no other"
        tokenizer = tokenizer_of(network.model, model.weights, ckpt_dir)
        by_model = [path for path in embeddings if path.parent.name == model.name]
        decided = read_table(DECISIONS, decisions, {"model": [model.name], "dataset": list(tables)})
        for path in statistics:
            if path.parent.name != model.name:
                continue
            embedded = with_vectors(read_set(path), by_model)
            table = tables[embedded.name]
            names = [row["file"] for row in decided if row["dataset"] == embedded.name]
            require_readable(table, tokenizer)
            text = embed_captions(network, tokenizer.features, table.texts)
            # The note is complete once vectors were computed.
            paired = pair_files(embedded.noted(network.note), table, names)
            row, of_files = clap_score_rows(embedded.name, paired, table.texts, text)
            rows.append(row)
            files += of_files
    for output in scores:
        write_table(CLAP_SCORE, rows, output)
    write_table(FILE_VALUES, files, file_values)


def _load(model: CaptionModel, verdicts: Sequence[Path], *, mixed: bool) -> ExportedNetwork:
    """Load a verified model of captions."""
    identity = read_identity(model.exported)
    described = find_network(identity.model)
    _, backend = parse_settings(model.settings)
    numerics = numerics_key(described, resolve_device(backend.device))
    of_model = [path for path in verdicts if path.name.startswith(described.name)]
    elsewhere = require_verified(of_model, [Verified.of(identity)], numerics, model.exported, mixed=mixed)
    note = "; ".join(filter(None, (note_of(described), elsewhere)))
    return ExportedNetwork(
        model.exported, described, backend=backend, origin="own", identity=identity, note=note
    )
