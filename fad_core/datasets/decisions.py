"""Decide which files of a data set a model embeds.

Nothing is dropped silently: a file that cannot be used stops the run before anything is embedded, or, if the
user's policy says so, it is left out or padded, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from fad_core.datasets.policy import DEFAULTS, FilePolicy
from fad_core.datasets.remarks import Remark, remarks_on
from fad_core.datasets.scan import FileRecord
from fad_core.errors import BadFilesError, DatasetError
from fad_core.models import original_quirks
from fad_core.models.use import ModelUse
from fad_core.util.choices import choices_of
from fad_core.util.formatting import counted, one_line

# Codings that libsndfile cuts to whole numbers when it is to read integers.
_FLOATING = ("FLOAT", "DOUBLE")
_SHORT_LISTED = 5
"""Files of a data set that a message lists as too short; the others are counted."""


@dataclass(frozen=True)
class FileDecision:
    """What becomes of one file under one model.

    Attributes:
        record: the file, as the scan found it.
        status: "used" as it is, "padded" with zeros, or "excluded".
        reason: why it is padded or excluded; "" if it is used.
        setting: field of the policy that says whether such an exclusion stops the run.
        remarks: remarks on a file that is used or padded.
        gain: factor of its samples, which brings it to `Options.loudness`; None if none is chosen.
    """

    record: FileRecord
    status: Literal["used", "padded", "excluded"]
    reason: str
    setting: Literal["on_bad_file", "on_short_file", "on_duplicate"] = "on_bad_file"
    remarks: tuple[Remark, ...] = ()
    gain: float | None = None

    @property
    def peak(self) -> float:
        """Largest absolute sample value after the gain."""
        return self.record.peak * (1.0 if self.gain is None else self.gain)


def select_files(
    records: Iterable[FileRecord], use: ModelUse, policy: FilePolicy = DEFAULTS
) -> list[FileDecision]:
    """Decide for each file of a data set whether the model embeds it.

    A file is bad if the scan says so, if its peak is above `policy.max_peak`, as it is or after the gain to
    `Options.loudness`, if its loudness cannot be measured for that, or if embedding it would take more than
    `Options.memory_gb`. It is short if it has fewer than `use.model.minimum_samples` samples at the model's
    sample rate; without any sample there, it is not padded, for the result would be silence.

    Bad files are always excluded, short ones unless they are padded, and of files with the same sound all but
    the first by name unless they are noted; `require_allowed` then says whether the policy allows that.

    Args:
        records: all files of the data set; duplicates are sought among them.
        use: the model, and how it is used.
        policy: what the user chose for such files.

    Returns:
        One decision for each record, sorted by file.
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


def require_allowed(
    decisions: Iterable[tuple[str, Sequence[FileDecision]]], policy: FilePolicy = DEFAULTS
) -> None:
    """Stop the run if files are excluded and the policy does not allow that.

    Args:
        decisions: (data set, result of `select_files` with this policy), for all data sets and models.
        policy: what the user chose for such files.

    Raises:
        BadFilesError: lists all these files once, and the settings that would let the run go on.
    """
    ways_out = _ways_out(policy)
    refused = {
        (dataset, decision.record.file, decision.reason, decision.setting)
        for dataset, selected in decisions
        for decision in selected
        if decision.status == "excluded" and ways_out[decision.setting]
    }
    if not refused:
        return
    count = len({(dataset, file) for dataset, file, *_ in refused})
    lines = [f"{counted(count, 'file')} cannot be used:"]
    for dataset, group in groupby(sorted(refused), key=lambda item: item[0]):
        lines.append(f"  {dataset}:")
        short: dict[str, None] = {}
        for _, file, reason, setting in group:
            if setting == "on_short_file":
                short.setdefault(file)
            if setting != "on_short_file" or len(short) <= _SHORT_LISTED:
                lines.append(f"    {one_line(file)}: {one_line(reason)}")
        if len(short) > _SHORT_LISTED:
            lines.append(f"    and {counted(len(short) - _SHORT_LISTED, 'more file')} that are too short")
    lines.append("To go on without correcting them, choose:")
    settings = sorted({setting for *_, setting in refused})
    raise BadFilesError("\n".join(lines), [(name, value) for name in settings for value in ways_out[name]])


def require_enough(dataset: str, model: str, vectors: int) -> None:
    """Stop the run if a data set gives too few embedding vectors for a covariance.

    Raises:
        DatasetError: there are fewer than two.
    """
    if vectors < 2:
        raise DatasetError(_too_few(dataset, model, vectors))


def _too_few(dataset: str, model: str, vectors: int) -> str:
    return (
        f"data set {dataset}: {model} computes {counted(vectors, 'embedding vector')} from it, but a "
        "distance needs at least 2: add files, or use longer ones"
    )


def require_vectors(
    selected: Iterable[tuple[str, str, ModelUse, Sequence[FileDecision]]], *, to_compare: bool = True
) -> None:
    """Stop the run, before anything is embedded, if data sets will give too few vectors.

    Args:
        selected: (data set, the model's name in the study, the model and how it is used, the decisions on the
            files).
        to_compare: whether each must give enough for a covariance, not just any.

    Raises:
        DatasetError: one message with all data sets and models that fall short.
    """
    faults = []
    for dataset, name, use, decisions in selected:
        vectors = sum(vector_count(decision, use) for decision in decisions)
        if to_compare and vectors == 1:
            faults.append(_too_few(dataset, name, vectors))
        elif not vectors:
            first = [f", such as {one_line(each.record.file)}: {each.reason}" for each in decisions[:1]]
            faults.append(
                f"data set {dataset}: no file that {name} can use; {len(decisions)} excluded{''.join(first)}"
            )
    if faults:
        raise DatasetError("\n".join(faults))


def vector_count(decision: FileDecision, use: ModelUse) -> int:
    """Return how many vectors a file will give."""
    if decision.status == "excluded":
        return 0
    return use.vector_count(max(_samples(decision.record, use), use.model.minimum_samples))


def _samples(record: FileRecord, use: ModelUse) -> int:
    """Return a file's length in samples at the model's rate."""
    return use.prepared_length(record.frames, record.sample_rate)


def _decide(record: FileRecord, use: ModelUse, policy: FilePolicy) -> FileDecision:
    """Decide on a file without regard to the other files."""
    if reason := _fault(record, use, policy):
        return FileDecision(record, "excluded", reason)
    gain = _gain(record, use.options.loudness)
    samples, rate, minimum = _samples(record, use), use.model.sample_rate, use.model.minimum_samples
    if samples == 0:
        reason = f"too short: less than one sample at the {rate} Hz of {use.model.name}"
        return FileDecision(record, "excluded", reason, "on_short_file")
    if samples < minimum:
        length, needed = _different_seconds(samples, minimum, rate)
        if policy.on_short_file != "pad":
            reason = f"too short: {length}, but {use.model.name} needs {needed}"
            return FileDecision(record, "excluded", reason, "on_short_file")
        reason = f"{length} padded with zeros to {needed}"
        return FileDecision(record, "padded", reason, remarks=remarks_on(record, gain), gain=gain)
    needed_gb, allowed_gb = use.memory_bytes(samples) / 1e9, use.options.memory_gb
    if needed_gb > allowed_gb:
        reason = (
            f"too long: its {samples / rate:.0f} s take {needed_gb:.1f} GB in {use.model.name}, "
            f"but memory_gb is {allowed_gb:g}"
        )
        return FileDecision(record, "excluded", reason)
    return FileDecision(record, "used", "", remarks=remarks_on(record, gain), gain=gain)


def _gain(record: FileRecord, target: float | None) -> float | None:
    """Return the factor that brings a file to a loudness in LUFS; None if none is chosen.

    Raises:
        ValueError: its loudness was not measured.
    """
    if target is None:
        return None
    if record.loudness is None:
        raise ValueError(f"{record.file} was scanned without its loudness")
    return float(10 ** ((target - record.loudness) / 20))


def _fault(record: FileRecord, use: ModelUse, policy: FilePolicy) -> str:
    """Return why a file cannot be used, whatever its length; "" if it can."""
    if record.status == "bad":
        return record.reason
    if record.peak > policy.max_peak:
        return (
            f"peaks at {record.peak:.4g}, where values within ±1 are expected: scale it, or raise max_peak, "
            f"now {policy.max_peak:g}"
        )
    if use.options.loudness is not None and record.loudness_fault:
        return f"its loudness cannot be measured: {record.loudness_fault}"
    gain = _gain(record, use.options.loudness)
    if gain is not None and record.peak * gain > policy.max_peak:
        return (
            f"peaks at {record.peak * gain:.4g} once it is brought from {record.loudness:.1f} to "
            f"{use.options.loudness:g} LUFS: lower loudness, or raise max_peak, now {policy.max_peak:g}"
        )
    dtype = use.options.dtype
    if record.subtype in _FLOATING and dtype in ("int16", "int32"):
        return f"holds floats within ±1, which dtype {dtype} would turn into zeros"
    return original_quirks.fault(record.channels, record.sample_rate, use)


def _duplicate(decision: FileDecision, earlier: str, policy: FilePolicy) -> FileDecision:
    """Decide on a usable file with the same sound as an earlier one."""
    text = f"has the same sound as {one_line(earlier)}"
    if policy.on_duplicate == "note":
        return replace(decision, remarks=(*decision.remarks, Remark("duplicate", text)))
    return FileDecision(decision.record, "excluded", text, "on_duplicate")


def _ways_out(policy: FilePolicy) -> dict[str, list[str]]:
    """Return, for each setting that stops a run as it is chosen, its values that do not."""
    ways_out = {}
    for name, item in choices_of(FilePolicy).items():
        chosen = getattr(policy, name)
        # A short file that is excluded although it should be padded is too short even for that.
        stops = chosen in ("fail", "pad")
        ways_out[name] = [value for value in item.values if stops and value not in ("fail", chosen)]
    return ways_out


def _different_seconds(samples: int, minimum: int, rate: int) -> tuple[str, str]:
    """Return two lengths in seconds, with as many decimals (three or more) as show that they differ."""
    decimals = 3
    while f"{samples / rate:.{decimals}f}" == f"{minimum / rate:.{decimals}f}":
        decimals += 1
    return f"{samples / rate:.{decimals}f} s", f"{minimum / rate:.{decimals}f} s"
