from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from fake_models import MAIN, FakeModel, fake_model

from fad_core.datasets.decisions import (
    FileDecision,
    require_allowed,
    require_enough,
    require_vectors,
    select_files,
)
from fad_core.datasets.policy import DEFAULTS, FilePolicy, parse_policy
from fad_core.datasets.scan import FileRecord
from fad_core.errors import BadFilesError, ConfigError, DatasetError
from fad_core.models import get_model
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.use import ModelUse

MODEL = ModelUse(get_model("vggish"))  # 16 kHz, needs 15600 samples


def ok(name: str, frames: int, rate: int = 16000) -> FileRecord:
    return FileRecord(name, "0" * 64, 1, "WAV", "PCM_16", rate, 1, frames, frames / rate, "ok", "")


def bad(name: str, reason: str = "is empty (0 bytes)") -> FileRecord:
    return FileRecord(name, "", 0, "", "", 0, 0, 0, 0.0, "bad", reason)


def test_what_becomes_of_files():
    records = [
        ok("short", 6592),
        bad("bad"),
        ok("just", 15600),
        ok("long", 441000, 44100),
        ok("gone", 2, 44100),
    ]
    for on_short, status, reason in (
        ("fail", "excluded", "too short: 0.412 s, but vggish needs 0.975 s"),
        ("skip", "excluded", "too short: 0.412 s, but vggish needs 0.975 s"),
        ("pad", "padded", "0.412 s padded with zeros to 0.975 s"),
    ):
        decisions = select_files(records, MODEL, FilePolicy(on_short_file=on_short))
        assert [(decision.record.file, decision.status, decision.reason) for decision in decisions] == [
            ("bad", "excluded", "is empty (0 bytes)"),
            ("gone", "excluded", "too short: less than one sample at the 16000 Hz of vggish"),
            ("just", "used", ""),
            ("long", "used", ""),
            ("short", status, reason),
        ]


def test_the_limit_is_in_resampled_samples():
    # 42998 samples at 44.1 kHz make 15600 at 16 kHz, and one less makes 15599.
    decisions = select_files([ok("a", 42997, 44100), ok("b", 42998, 44100)], MODEL)
    assert [decision.status for decision in decisions] == ["excluded", "used"]
    assert decisions[0].reason == "too short: 0.9749 s, but vggish needs 0.9750 s"


def ways_out(decisions: list[FileDecision], policy: FilePolicy) -> list[tuple[str, object]]:
    """The settings that an error names; none if there is no error."""
    try:
        require_allowed([("set", decisions)], policy)
    except BadFilesError as error:
        return list(error.settings)
    return []


@pytest.mark.parametrize(
    ("on_bad", "on_short", "count", "expected"),
    [
        (
            "fail",
            "fail",
            3,
            [("on_bad_file", "skip"), ("on_short_file", "skip"), ("on_short_file", "pad")],
        ),
        ("skip", "fail", 2, [("on_short_file", "skip"), ("on_short_file", "pad")]),
        ("fail", "skip", 1, [("on_bad_file", "skip")]),
        ("skip", "skip", 0, []),
        ("skip", "pad", 1, [("on_short_file", "skip")]),
    ],
)
def test_exclusions_that_the_policy_does_not_allow(on_bad, on_short, count, expected):
    records = [bad("a"), ok("b", 10), ok("c", 2, 44100), ok("d", 99999)]
    policy = FilePolicy(on_bad, on_short)
    decisions = select_files(records, MODEL, policy)
    assert ways_out(decisions, policy) == expected
    if count:
        with pytest.raises(BadFilesError, match=f"^{count} file"):
            require_allowed([("set", decisions)], policy)


def test_one_message_for_all():
    short = [FileDecision(bad("x.wav"), "excluded", "too short: 0.1 s", "on_short_file")]
    first = [FileDecision(bad("new\nline.wav"), "excluded", "is empty (0 bytes)")]
    second = [FileDecision(bad("a b.wav"), "excluded", "is empty (0 bytes)")]
    with pytest.raises(BadFilesError) as caught:
        # The last one is for a second model.
        require_allowed([("system_b", short + second), ("system_a", first), ("system_b", second)])
    assert caught.value.message == (
        "3 files cannot be used:\n"
        "  system_a:\n"
        "    new\\nline.wav: is empty (0 bytes)\n"
        "  system_b:\n"
        "    a b.wav: is empty (0 bytes)\n"
        "    x.wav: too short: 0.1 s\n"
        "To go on without correcting them, choose:"
    )
    assert str(caught.value).endswith(
        ' choose:\n  on_bad_file="skip"\n  on_short_file="skip"\n  on_short_file="pad"'
    )
    with pytest.raises(BadFilesError) as caught:
        require_allowed([("system_a", first)])
    assert str(caught.value).startswith("1 file cannot be used:")
    # Of many short files, the first are named; damaged ones are named all.
    many = [
        FileDecision(bad(f"{n}.wav"), "excluded", f"too short: {reason}", "on_short_file")
        for n in range(8)
        for reason in ("0.1 s, but a needs 1 s", "0.1 s, but b needs 2 s")
    ]
    with pytest.raises(BadFilesError) as folded:
        require_allowed([("set", [*many, *second])])
    lines = folded.value.message.splitlines()
    assert lines[0] == "9 files cannot be used:" and len(lines) == 2 + 2 * 5 + 1 + 1 + 1
    assert lines[-3:-1] == [
        "    a b.wav: is empty (0 bytes)",
        "    and 3 more files that are too short",
    ]
    assert "on_short_file" not in str(caught.value)


def test_too_little_left():
    excluded = select_files([bad("a.wav"), bad("b.wav")], MODEL)
    with pytest.raises(
        DatasetError, match=re.escape("data set mine: no file that vggish can use; 2 excluded")
    ):
        require_vectors([("mine", "vggish", MODEL, excluded)], to_compare=False)
    one = select_files([bad("a.wav"), ok("b.wav", 15600)], MODEL)
    require_vectors([("mine", "vggish", MODEL, one)], to_compare=False)
    with pytest.raises(DatasetError, match=r"other: .*1 embedding vector.*\ndata set mine: no file"):
        require_vectors([("other", "vggish", MODEL, one), ("mine", "vggish", MODEL, excluded)])
    with pytest.raises(DatasetError, match="data set mine: vggish computes 1 embedding vector from it"):
        require_enough("mine", "vggish", 1)
    require_enough("mine", "vggish", 2)


@dataclass(frozen=True)
class Hungry(FakeModel):
    """A model that takes a megabyte a second."""

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        return samples * 1_000_000 // self.sample_rate


def test_files_that_do_not_fit_into_memory_are_bad_by_name_and_number():
    model = ModelUse(Hungry(**vars(fake_model(MAIN))), Options(memory_gb=0.5))
    decisions = select_files([ok("hour.wav", 3600 * 16000), ok("minute.wav", 60 * 16000)], model)
    assert [decision.status for decision in decisions] == ["excluded", "used"]
    assert decisions[0].reason == "too long: its 3600 s take 3.6 GB in tiny, but memory_gb is 0.5"
    assert ways_out(decisions, FilePolicy(on_short_file="pad")) == [("on_bad_file", "skip")]


def sound(name: str, sha256: str = "", **facts) -> FileRecord:
    return replace(ok(name, 20000), sound_sha256=sha256 or name * 32, signal="varying", **facts)


@pytest.mark.parametrize(
    ("on_duplicate", "statuses", "options"),
    [
        ("note", ["used", "used", "used"], []),
        ("fail", ["used", "used", "excluded"], [("on_duplicate", "note"), ("on_duplicate", "drop")]),
        ("drop", ["used", "used", "excluded"], []),
    ],
)
def test_the_same_sound_twice(on_duplicate, statuses, options):
    policy = FilePolicy(on_duplicate=on_duplicate)
    decisions = select_files([sound("c", "aa"), sound("a", "aa"), sound("b", "bb")], MODEL, policy)
    assert [decision.status for decision in decisions] == statuses
    said = "has the same sound as a"
    assert decisions[2].reason == ("" if on_duplicate == "note" else said)
    assert [remark.text for decision in decisions for remark in decision.remarks] == [said] * (
        on_duplicate == "note"
    )
    assert ways_out(decisions, policy) == options


def test_a_duplicate_of_a_file_that_is_left_out_is_used():
    short = replace(ok("a", 100), sound_sha256="aa")
    decisions = select_files(
        [short, sound("b", "aa")], MODEL, FilePolicy(on_short_file="skip", on_duplicate="drop")
    )
    assert [decision.status for decision in decisions] == ["excluded", "used"]


def test_levels():
    records = [sound("a", peak=1.3), sound("b", peak=4.5), sound("c", peak=101.0), sound("d", peak=32767.0)]
    decisions = select_files(records, MODEL)
    assert [decision.status for decision in decisions] == ["used", "used", "excluded", "excluded"]
    assert decisions[1].remarks == (("loud", "peaks at 4.5, where values within ±1 are expected"),)
    assert decisions[3].reason == (
        "peaks at 3.277e+04, where values within ±1 are expected: scale it, or raise max_peak, now 100"
    )
    assert ways_out(decisions, DEFAULTS) == [("on_bad_file", "skip")]
    allowed = select_files(records, MODEL, FilePolicy(max_peak=40000))
    assert [len(decision.remarks) for decision in allowed] == [0, 1, 1, 1]


def test_silence_direct_current_and_doubts_are_remarked():
    records = [
        replace(sound("a"), signal="silent"),
        replace(sound("b", peak=0.5), signal="constant"),
        replace(sound("c"), status="doubtful", reason="0.010 s missing", doubt_seconds=0.01),
    ]
    decisions = select_files(records, MODEL)
    assert [[remark.kind for remark in decision.remarks] for decision in decisions] == [
        ["silent"],
        ["constant"],
        ["doubtful"],
    ]
    assert {decision.status for decision in decisions} == {"used"}


@pytest.mark.parametrize("text", ["", "on_bad_file=skip on_duplicate=drop max_peak=5.0 leftovers=use"])
def test_a_policy_as_text(text):
    assert str(parse_policy(text)) == text


def test_equal_peaks_are_one_policy():
    assert str(FilePolicy(max_peak=200)) == str(FilePolicy(max_peak=np.float32(200))) == "max_peak=200.0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on_bad_file=pad", "on_bad_file must be one of fail, skip, not 'pad'"),
        ("max_peak=loud", "is not a number"),
        ("max_peak=nan", "max_peak must be a positive, finite number"),
        ("max_peak=0", "max_peak must be a positive, finite number"),
        ("max_peak=inf", "max_peak must be a positive, finite number"),
        ("crop=first", "there is no setting 'crop'"),
    ],
)
def test_what_is_no_policy(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_policy(text)
