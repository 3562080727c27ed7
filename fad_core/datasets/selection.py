"""Which files of a data set a model embeds, and what is said of the others.

Nothing is dropped silently: a file that cannot be used is a problem that stops the run before any
embedding, or, if the study says so, it is left out or padded, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from fad_core.audio.resample import resampled_length
from fad_core.datasets.policy import DEFAULTS, FilePolicy
from fad_core.datasets.remarks import Remark, remarks_on
from fad_core.datasets.scan import FileRecord
from fad_core.errors import BadFilesError, DatasetError
from fad_core.models import original_quirks
from fad_core.models.use import ModelUse
from fad_core.util.formatting import one_line

# Codings that libsndfile cuts to whole numbers when it is to read integers.
_FLOATING = ("FLOAT", "DOUBLE")

Cause = Literal["bad", "short", "duplicate"]


@dataclass(frozen=True)
class FileDecision:
    """What becomes of one file under one model.

    Attributes:
        record: the file, as the scan found it.
        status: "used" as it is, "padded" with zeros, or "excluded".
        reason: why it is padded or excluded; "" if it is used.
        cause: of an excluded file, what kind of reason that is.
        remarks: what is to be said of a file that is used or padded.
    """

    record: FileRecord
    status: Literal["used", "padded", "excluded"]
    reason: str
    cause: Cause = "bad"
    remarks: tuple[Remark, ...] = ()


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
    records: Iterable[FileRecord], use: ModelUse, policy: FilePolicy = DEFAULTS
) -> list[FileDecision]:
    """Decide for each file whether the model embeds it.

    A file is short if it has fewer than `use.model.minimum_samples` samples at the model's sample rate.
    One that has none at all there is not padded: nothing of it would be left but silence. A long file
    is as bad as an unreadable one where embedding it would take more than `Options.memory_gb`, and so is one
    whose peak is above `policy.max_peak`.

    Bad files are always excluded, short ones are unless they are padded, and of files with the same sound all
    but the first by name are unless they are noted; whether the policy allows that is for `find_problems` to
    say.

    Args:
        records: of all files of a data set; duplicates are sought among them.
        use: the model that is to embed them, and how it is used.
        policy: what the user says of files.

    Returns:
        One use for each record, sorted by file.
    """
    first: dict[str, str] = {}
    decisions = []
    for record in sorted(records, key=lambda record: record.file):
        decision = _decide(record, use, policy)
        if decision.status != "excluded" and record.sound_sha256:
            earlier = first.setdefault(record.sound_sha256, record.file)
            if earlier != record.file:
                decision = _duplicate(decision, earlier, policy)
        decisions.append(decision)
    return decisions


def _duplicate(decision: FileDecision, earlier: str, policy: FilePolicy) -> FileDecision:
    text = f"has the same sound as {one_line(earlier)}"
    if policy.on_duplicate == "note":
        return replace(decision, remarks=(*decision.remarks, Remark("duplicate", text)))
    return FileDecision(decision.record, "excluded", text, "duplicate")


def find_problems(dataset: str, decisions: Iterable[FileDecision], policy: FilePolicy) -> list[Problem]:
    """List the excluded files whose exclusion the policy does not allow.

    Args:
        dataset: the data set's name.
        decisions: what `select_files` gave with the same policy.
        policy: what the user says of files.
    """
    options: dict[Cause, str] = {
        "bad": {"fail": "on_bad_file: skip", "skip": ""}[policy.on_bad_file],
        # What padding has left excluded is too short even for that.
        "short": {"fail": "on_short_file: skip | pad", "pad": "on_short_file: skip", "skip": ""}[
            policy.on_short_file
        ],
        "duplicate": {"fail": "on_duplicate: note | drop", "note": "", "drop": ""}[policy.on_duplicate],
    }
    return [
        Problem(dataset, decision.record.file, decision.reason, options[decision.cause])
        for decision in decisions
        if decision.status == "excluded" and options[decision.cause]
    ]


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


def require_usable(dataset: str, model: str, decisions: Sequence[FileDecision]) -> None:
    """Stop if a model has no file of a data set to embed.

    Raises:
        DatasetError: every file is excluded.
    """
    if all(decision.status == "excluded" for decision in decisions):
        example = (
            f", such as {one_line(decisions[0].record.file)}: {decisions[0].reason}" if decisions else ""
        )
        raise DatasetError(
            f"data set {dataset}: no file that {model} can use; {len(decisions)} excluded{example}"
        )


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


def require_scorable(selected: Iterable[tuple[str, str, ModelUse, Sequence[FileDecision]]]) -> None:
    """Stop, before anything is embedded, if data sets will not give enough vectors for a covariance.

    Args:
        selected: (data set, the model's name in the study, the model and how it is used, what becomes of the
            files).

    Raises:
        DatasetError: one message with all data sets and models that fall short.
    """
    faults = []
    for dataset, name, use, decisions in selected:
        try:
            require_usable(dataset, name, decisions)
            require_enough(dataset, name, sum(vector_count(decision, use) for decision in decisions))
        except DatasetError as error:
            faults.append(str(error))
    if faults:
        raise DatasetError("\n".join(faults))


def vector_count(decision: FileDecision, use: ModelUse) -> int:
    """How many vectors a file will give."""
    if decision.status == "excluded":
        return 0
    samples = resampled_length(decision.record.frames, decision.record.sample_rate, use.model.sample_rate)
    return use.vector_count(max(samples, use.model.minimum_samples))


def _decide(record: FileRecord, use: ModelUse, policy: FilePolicy) -> FileDecision:
    if record.status == "bad":
        return FileDecision(record, "excluded", record.reason)
    if record.peak > policy.max_peak:
        return FileDecision(
            record,
            "excluded",
            f"peaks at {record.peak:.4g}, where values within ±1 are expected: scale it, or raise max_peak, "
            f"which is {policy.max_peak:g}",
        )
    dtype = use.options.dtype
    if record.subtype in _FLOATING and dtype in ("int16", "int32"):
        return FileDecision(
            record, "excluded", f"holds floats within ±1, of which dtype={dtype} leaves zeros"
        )
    if reason := original_quirks.fault(record.channels, record.sample_rate, use):
        return FileDecision(record, "excluded", reason)
    samples = resampled_length(record.frames, record.sample_rate, use.model.sample_rate)
    if samples < use.model.minimum_samples:
        return _decide_short(record, samples, use, pad=policy.on_short_file == "pad")
    needed = use.memory_bytes(samples) / 1e9
    if needed > use.options.memory_gb:
        length = f"{samples / use.model.sample_rate:.0f} s"
        allowed = f"memory_gb is {use.options.memory_gb:g}"
        return FileDecision(
            record,
            "excluded",
            f"too long: its {length} take {needed:.1f} GB in {use.model.name}, and {allowed}",
        )
    return FileDecision(record, "used", "", remarks=remarks_on(record))


def _decide_short(record: FileRecord, samples: int, use: ModelUse, *, pad: bool) -> FileDecision:
    if samples == 0:
        reason = f"too short: not one sample at the {use.model.sample_rate} Hz of {use.model.name}"
        return FileDecision(record, "excluded", reason, "short")
    length, minimum = _seconds(samples, use.model.minimum_samples, use.model.sample_rate)
    if pad:
        return FileDecision(
            record, "padded", f"{length} padded with zeros to {minimum}", remarks=remarks_on(record)
        )
    return FileDecision(
        record, "excluded", f"too short: {length}, where {use.model.name} needs {minimum}", "short"
    )


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
