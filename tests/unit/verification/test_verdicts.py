"""What tables of verification must say before embeddings are made and distances are collected."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fad_study.steps.distances import collect_distances
from small_study import SHA, check, distance, numbered

from fad_core.datasets import file_sha256
from fad_core.errors import VerificationError
from fad_core.runner.numerics import NumericsKey
from fad_core.tables import DISTANCES, VERIFICATION, read_table, write_table
from fad_core.verification.verdicts import Verified, require_verified

VGGISH = Verified("vggish", "official", SHA["official"])


def tables(folder: Path, *contents: list[dict[str, Any]]) -> list[Path]:
    paths = [folder / f"table_{index}.csv" for index in range(len(contents))]
    for path, rows in zip(paths, contents, strict=True):
        write_table(VERIFICATION, numbered(rows), path)
    return paths


OTHER = {"model": "pann-16k", "weights_sha256": "f" * 64}
EAGER, GOLDEN = [check("eager", "official")], [check("golden", "seeded")]


def test_both_levels_of_the_weights_that_are_used_are_enough(tmp_path: Path) -> None:
    require_verified(tables(tmp_path, EAGER, GOLDEN), [VGGISH])
    seeded = Verified("vggish", "seeded", SHA["seeded"])
    require_verified(tables(tmp_path, [check("eager", "seeded")], GOLDEN), [seeded])
    require_verified(tables(tmp_path, EAGER, [check("eager", "seeded")], GOLDEN), [VGGISH, seeded])


def test_another_file_than_the_verified_one_is_refused(tmp_path: Path) -> None:
    exported = tmp_path / "vggish.pt2"
    exported.write_bytes(b"the verified file")
    verified = tables(tmp_path, [EAGER[0] | {"exported_sha256": file_sha256(exported)}], GOLDEN)
    require_verified(verified, [VGGISH], exported=exported)
    before = exported.stat()
    exported.write_bytes(b"the scaled weight")
    os.utime(exported, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(VerificationError, match=r"vggish\.pt2 is not the file that was verified"):
        require_verified(verified, [VGGISH], exported=exported)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([EAGER, [*GOLDEN, check("golden", "seeded", "failed")]],
         r"table_1\.csv: the verification of vggish failed at level golden, noise: delete it and run again"),
        ([[check("eager", "official", "failed")] * 5, GOLDEN], r"table_0\.csv: .* and 2 more: delete it"),
        ([EAGER, []], r"table_1\.csv: nothing was verified: delete it and run again"),
        ([EAGER, [GOLDEN[0] | {"model": "pann-16k"}]], r"table_1\.csv: a verification of pann-16k \(seeded"),
        ([[EAGER[0] | {"weights_sha256": "f" * 64}], GOLDEN],
         r"table_0\.csv: a verification of vggish \(official, sha256 ffffffff…\), "
         r"not of vggish \(official, sha256 10086976…\)"),
        ([[EAGER[0] | {"weights": "mine.pth"}], GOLDEN], r"table_0\.csv: .* of vggish \(mine\.pth"),
        ([EAGER, [check("golden", "official")]], r"table_1\.csv: a verification of vggish \(official"),
        ([EAGER, EAGER], r"vggish \(official, .*\) is not verified at the level 'golden' by .*table_0\.csv"),
        ([GOLDEN, GOLDEN], "is not verified at the level 'eager'"),
        ([], "is not verified at the level 'eager' by no table"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_file_model_level_and_case(
    tmp_path: Path, contents: list[list[dict[str, Any]]], message: str
) -> None:
    with pytest.raises(VerificationError, match=message) as raised:
        require_verified(tables(tmp_path, *contents), [VGGISH])
    assert "\n" not in str(raised.value)


HERE = NumericsKey("c0de", *["1.0"] * 7, "AVX512 avx2 avx512_f", "", "")


def test_a_verdict_holds_for_the_machines_that_compute_as_its_own(tmp_path: Path) -> None:
    here = {"numerics": str(HERE)}
    both = tables(tmp_path, [EAGER[0] | here], [GOLDEN[0] | here])
    require_verified(both, [VGGISH], numerics=HERE)
    require_verified(both, [VGGISH])
    old = replace(HERE, instructions="AVX2 avx2", torch="0.9")
    with pytest.raises(VerificationError) as raised:
        require_verified(both, [VGGISH], numerics=old)
    assert str(raised.value) == (
        f"{both[0]} was made on a machine that computes differently (here torch: 0.9, not 1.0; instructions: "
        "AVX2, not AVX512 avx512_f): limit all machines to common instructions (isa), or allow the "
        "difference (mixed_numerics), or, to compute on this kind of machine alone, delete it and the "
        "folders embeddings and statistics of each study that used it, and run again here"
    )
    assert require_verified(both, [VGGISH], numerics=HERE, mixed=True) == ""
    assert require_verified(both, [VGGISH], numerics=old, mixed=True) == (
        "verified on a machine that computes differently "
        "(torch: 0.9, not 1.0, instructions: AVX2, not AVX512 avx512_f)"
    )
    # Other code, or a GPU, is no other kind of processor.
    for other in (replace(HERE, code="new"), replace(HERE, gpu="H200, cuDNN 1")):
        with pytest.raises(VerificationError, match="computes differently"):
            require_verified(both, [VGGISH], numerics=other, mixed=True)
    # One row of another machine's is enough, and so is one that names none.
    mixed = tables(tmp_path, [EAGER[0] | here], [GOLDEN[0] | here, GOLDEN[0] | {"numerics": str(old)}])
    with pytest.raises(VerificationError, match=r"table_1\.csv was .*torch: 1\.0, not 0\.9"):
        require_verified(mixed, [VGGISH], numerics=HERE)
    with pytest.raises(
        VerificationError, match=r"table_0\.csv does not say for which machines .*: delete it"
    ):
        require_verified(tables(tmp_path, EAGER, GOLDEN), [VGGISH], numerics=HERE)


def test_a_verdict_that_lacks_comparisons_is_refused(tmp_path: Path) -> None:
    cases = [("batch 1", "embedding"), ("batch 1", "logits"), ("batch 2", "embedding"), ("batch 2", "logits")]
    rows = numbered([EAGER[0] | {"case": case, "quantity": name} for case, name in cases])
    whole, golden = tmp_path / "eager.csv", tables(tmp_path, GOLDEN)
    for place, says in (
        (0, r"has 3 of its 4 comparisons, and lacks number 1: delete it"),
        (2, r"lacks number 3 \(after batch 1, logits\): delete it"),
        (3, r"lacks number 4 \(after batch 2, embedding\): delete it"),
    ):
        write_table(VERIFICATION, rows[:place] + rows[place + 1 :], whole)
        with pytest.raises(VerificationError, match=r"eager\.csv: .* vggish at the level eager .*" + says):
            require_verified([whole, *golden], [VGGISH])
    for spoiled, says in (
        ([*rows, rows[0]], "has 5 of its 4 comparisons, and has some twice"),
        ([rows[0], rows[0], *rows[2:]], "lacks number 2"),
        ([{**row, "checks": 10**12} for row in rows[:1]], r"has 1 of its 1000000000000 .* number 2, 3, 4"),
    ):
        write_table(VERIFICATION, spoiled, whole)
        with pytest.raises(VerificationError, match=says):
            require_verified([whole, *golden], [VGGISH])
    write_table(VERIFICATION, rows[::-1], whole)
    require_verified([whole, *golden], [VGGISH])


def test_distances_are_collected_of_verified_models_only(tmp_path: Path) -> None:
    """The names in the tables are the study's; those of verification have the models' ids."""
    rows = [
        distance("a", "b", 1.0, "official", model="mine"),
        distance("a", "b", 2.0, "seeded", model="other"),
    ]
    parts = [tmp_path / "mine.parquet", tmp_path / "other.parquet"]
    for row, part in zip(rows, parts, strict=True):
        write_table(DISTANCES, [row], part)
    ids = {"mine": "vggish", "other": "vggish"}
    verdicts = tables(tmp_path, EAGER, GOLDEN, [check("eager", "seeded")])
    collect_distances(parts, ids, verdicts, [tmp_path / "all.csv"])
    assert read_table(DISTANCES, tmp_path / "all.csv") == rows
    for spoiled, message in (
        ([EAGER, GOLDEN], r"vggish \(seeded, .*\) is not verified at the level 'eager'"),
        (
            [EAGER, GOLDEN, [check("eager", "seeded", "failed")]],
            r"table_2\.csv: .* failed at level eager, noise",
        ),
        ([EAGER, GOLDEN, [check("eager", "seeded") | OTHER]], r"table_2\.csv: a verification of pann-16k"),
    ):
        with pytest.raises(VerificationError, match=message):
            collect_distances(parts, ids, tables(tmp_path, *spoiled), [tmp_path / "none.csv"])
    assert not (tmp_path / "none.csv").exists()
