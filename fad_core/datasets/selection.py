"""Which files of a data set a model embeds, and what is said of the others.

Nothing is dropped silently: a file that cannot be used is a problem that stops the run before any
embedding, or, if the study says so, it is left out or padded, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from fad_core import compatibility
from fad_core.datasets.scan import FileRecord
from fad_core.display import one_line
from fad_core.errors import BadFilesError, DatasetError
from fad_core.models.base import EmbeddingModel
from fad_core.resample import resampled_length

# Codings that libsndfile cuts to whole numbers when it is to read integers.
_FLOATING = ("FLOAT", "DOUBLE")

OnBadFile = Literal["fail", "skip"]
OnShortFile = Literal["fail", "skip", "pad"]


@dataclass(frozen=True)
class FileUse:
    """What becomes of one file under one model.

    Attributes:
        record: the file, as the scan found it.
        status: "used" as it is, "padded" with zeros, or "excluded".
        reason: why it is padded or excluded; "" if it is used.
        short: whether it is below the model's minimum.
    """

    record: FileRecord
    status: Literal["used", "padded", "excluded"]
    reason: str
    short: bool = False


@dataclass(frozen=True)
class Problem:
    """A file that stops the run.

    Attributes:
        dataset: its data set.
        file: its name there.
        reason: what is wrong with it.
        option: the configuration's key and the values that would let the run go on, as in
            "on_short_file: skip | pad".
    """

    dataset: str
    file: str
    reason: str
    option: str


def select_files(
    records: Iterable[FileRecord], model: EmbeddingModel, on_short_file: OnShortFile = "fail"
) -> list[FileUse]:
    """Decide for each file whether the model embeds it.

    A file is short if it has fewer than `model.minimum_samples` samples at the model's sample rate.
    One that has none at all there is not padded: nothing of it would be left but silence. A long file
    is as bad as an unreadable one where embedding it would take more than `Settings.memory_gb`.

    Bad files are always excluded, and short ones are unless they are padded; whether the study allows
    that is for `find_problems` to say.

    Args:
        records: of one data set's files.
        model: that is to embed them.
        on_short_file: what the study says of short files.

    Returns:
        One use for each record, sorted by file.
    """
    uses = [_use(record, model, pad=on_short_file == "pad") for record in records]
    return sorted(uses, key=lambda use: use.record.file)


def find_problems(
    dataset: str, uses: Iterable[FileUse], on_bad_file: OnBadFile, on_short_file: OnShortFile
) -> list[Problem]:
    """List the excluded files whose exclusion the study does not allow.

    Args:
        dataset: the data set's name.
        uses: what `select_files` gave with the same `on_short_file`.
        on_bad_file: what the study says of files that cannot be used at all.
        on_short_file: what it says of short files.
    """
    bad = {"fail": "on_bad_file: skip", "skip": ""}[on_bad_file]
    # What padding has left excluded is too short even for that.
    short = {"fail": "on_short_file: skip | pad", "pad": "on_short_file: skip", "skip": ""}[on_short_file]
    problems = []
    for use in uses:
        option = short if use.short else bad
        if use.status == "excluded" and option:
            problems.append(Problem(dataset, use.record.file, use.reason, option))
    return problems


def require_no_problems(problems: Iterable[Problem]) -> None:
    """Stop if there are problems, with one message that lists them all and the ways out.

    Args:
        problems: of all data sets and models of the study; equal ones are listed once.

    Raises:
        BadFilesError: there is one.
    """
    unique = sorted(set(problems), key=lambda item: (item.dataset, item.file, item.reason, item.option))
    if not unique:
        return
    count = len({(problem.dataset, problem.file) for problem in unique})
    lines = [f"{count} {'file' if count == 1 else 'files'} cannot be used:"]
    for dataset, group in groupby(unique, key=lambda problem: problem.dataset):
        lines.append(f"  {dataset}:")
        lines += [f"    {one_line(problem.file)}: {one_line(problem.reason)}" for problem in group]
    lines.append("To go on without mending them, set in the configuration, or give in the call:")
    lines += [
        f"  {key}: {value}  (snakemake --config {key}={value}, fad --{key.replace('_', '-')} {value}, "
        f'{key}="{value}" in Python)'
        for key, value in _choices(problem.option for problem in unique)
    ]
    raise BadFilesError("\n".join(lines))


def require_usable(dataset: str, model: str, uses: Sequence[FileUse]) -> None:
    """Stop if a model has no file of a data set to embed.

    Raises:
        DatasetError: every file is excluded.
    """
    if all(use.status == "excluded" for use in uses):
        example = f", such as {one_line(uses[0].record.file)}: {uses[0].reason}" if uses else ""
        raise DatasetError(f"data set {dataset}: no file that {model} can use; {len(uses)} excluded{example}")


def require_enough(dataset: str, model: str, vectors: int) -> None:
    """Stop if a data set gives too few embedding vectors for a covariance.

    Raises:
        DatasetError: there are fewer than two.
    """
    if vectors < 2:
        count = f"{vectors} embedding {'vector' if vectors == 1 else 'vectors'}"
        raise DatasetError(
            f"data set {dataset}: {model} makes {count} of it, and a distance needs at least 2: "
            "add files, or longer ones"
        )


def require_scorable(selected: Iterable[tuple[str, str, EmbeddingModel, Sequence[FileUse]]]) -> None:
    """Stop, before anything is embedded, if data sets will not give enough vectors for a covariance.

    Args:
        selected: (data set, the model's name in the study, the model, what becomes of the files).

    Raises:
        DatasetError: one message with all data sets and models that fall short.
    """
    faults = []
    for dataset, name, model, uses in selected:
        try:
            require_usable(dataset, name, uses)
            require_enough(dataset, name, sum(vector_count(use, model) for use in uses))
        except DatasetError as error:
            faults.append(str(error))
    if faults:
        raise DatasetError("\n".join(faults))


def vector_count(use: FileUse, model: EmbeddingModel) -> int:
    """How many vectors a file will give."""
    if use.status == "excluded":
        return 0
    samples = resampled_length(use.record.frames, use.record.sample_rate, model.sample_rate)
    return model.vector_count(max(samples, model.minimum_samples))


def _use(record: FileRecord, model: EmbeddingModel, *, pad: bool) -> FileUse:
    if record.status == "bad":
        return FileUse(record, "excluded", record.reason)
    dtype = model.settings.dtype
    if record.subtype in _FLOATING and dtype in ("int16", "int32"):
        return FileUse(record, "excluded", f"holds floats within ±1, of which dtype={dtype} leaves zeros")
    if reason := compatibility.fault(record.channels, record.sample_rate, model):
        return FileUse(record, "excluded", reason)
    samples = resampled_length(record.frames, record.sample_rate, model.sample_rate)
    if samples < model.minimum_samples:
        return _short_use(record, samples, model, pad=pad)
    needed = model.memory_bytes(samples) / 1e9
    if needed > model.settings.memory_gb:
        length = f"{samples / model.sample_rate:.0f} s"
        allowed = f"memory_gb is {model.settings.memory_gb:g}"
        return FileUse(
            record, "excluded", f"too long: its {length} take {needed:.1f} GB in {model.name}, and {allowed}"
        )
    return FileUse(record, "used", "")


def _short_use(record: FileRecord, samples: int, model: EmbeddingModel, *, pad: bool) -> FileUse:
    if samples == 0:
        reason = f"too short: not one sample at the {model.sample_rate} Hz of {model.name}"
        return FileUse(record, "excluded", reason, short=True)
    length, minimum = _seconds(samples, model.minimum_samples, model.sample_rate)
    if pad:
        return FileUse(record, "padded", f"{length} padded with zeros to {minimum}", short=True)
    return FileUse(record, "excluded", f"too short: {length}, where {model.name} needs {minimum}", short=True)


def _seconds(samples: int, minimum: int, rate: int) -> tuple[str, str]:
    """Two different lengths in seconds, with as many decimals (three or more) as show the difference."""
    decimals = 3
    while f"{samples / rate:.{decimals}f}" == f"{minimum / rate:.{decimals}f}":
        decimals += 1
    return f"{samples / rate:.{decimals}f} s", f"{minimum / rate:.{decimals}f} s"


def _choices(options: Iterable[str]) -> list[tuple[str, str]]:
    """(key, value) of all ways out, each once."""
    pairs = []
    for option in options:
        key, _, values = option.partition(": ")
        pairs += [(key, value) for value in values.split(" | ")]
    return sorted(set(pairs))
