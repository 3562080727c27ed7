"""Which edits change the digest of a script: those of the modules it reaches, and no others."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from fad_core.models import get_model
from fad_core.util.code_digest import code_digest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))


class Copy:
    """A copy of the package and its scripts, whose digests are taken by its own code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        leave = shutil.ignore_patterns("__pycache__")
        for folder in ("fad_core", "scripts", "workflow/fad_study"):
            shutil.copytree(ROOT / folder, root / folder, ignore=leave)
        spec = importlib.util.spec_from_file_location(
            "code_digest_copy", root / "fad_core/util/code_digest.py"
        )
        assert spec is not None
        assert spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def digest(self, script: str, family: str | None = None) -> str:
        study = self.root / "workflow/fad_study"
        modules = [] if family is None else [f"fad_core.models.{family}"]
        digest: str = self.module.code_digest(self.root / "scripts" / script, modules, packages=[study])
        return digest

    def append(self, path: str, text: str = "\nEDITED = True\n") -> None:
        with (self.root / path).open("a", encoding="utf-8") as stream:
            stream.write(text)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("scripts/embed_files.py", True),
        ("scripts/scan_files.py", False),
        ("fad_core/embedding/embed.py", True),
        ("fad_core/audio/resample.py", True),
        ("fad_core/frontends/log_mel.py", True),
        ("fad_core/models/vggish/__init__.py", True),
        ("fad_core/models/vggish/network.py", True),
        ("fad_core/models/vggish/constants.py", True),
        ("fad_core/models/pann/cnn14.py", False),
        ("fad_core/models/base.py", True),
        ("fad_core/models/__init__.py", True),
        ("fad_core/__init__.py", True),
        ("workflow/fad_study/report/figures.py", False),
        ("workflow/fad_study/report/__init__.py", False),
        ("fad_core/cli/__init__.py", False),
        ("fad_core/metrics/frechet.py", False),
        ("fad_core/metrics/__init__.py", True),
        ("fad_core/metrics/builtin/new_metric.py", False),
        ("fad_core/api/drop_in.py", False),
        ("fad_core/api/scoring.py", False),
        ("README.md", False),
    ],
)
def test_an_edit_of_what_embedding_uses_changes_its_digest(edited: str, changes: bool, copy: Copy):
    before = copy.digest("embed_files.py", "vggish")
    assert copy.digest("embed_files.py", "vggish") == before
    copy.append(edited)
    assert (copy.digest("embed_files.py", "vggish") != before) == changes


def test_comments_docstrings_and_layout_do_not_count(copy: Copy):
    module = copy.root / "fad_core/embedding/embed.py"
    before = copy.digest("embed_files.py", "vggish")
    text = module.read_text()
    module.write_text(
        "# A comment.\n" + re.sub(r'"""(?=\w)', '"""Other words. ', text) + '\n\n"""And more."""\n'
    )
    assert copy.digest("embed_files.py", "vggish") == before
    # A function that is its docstring alone, and a string that is data, are code.
    module.write_text(text + '\n\ndef nothing():\n    """Do nothing."""\n')
    one = copy.digest("embed_files.py", "vggish")
    module.write_text(text + '\nWORDS = """Do nothing."""\n')
    assert len({before, one, copy.digest("embed_files.py", "vggish")}) == 3


def test_modules_of_the_pipeline_count(copy: Copy):
    digests = [copy.digest("scan_files.py")]
    for edited in (
        "steps/files.py",
        "steps/__init__.py",
        "script_main.py",
        "../../fad_core/audio/decoding.py",
    ):
        copy.append(f"workflow/fad_study/{edited}")
        digests.append(copy.digest("scan_files.py"))
    assert len(set(digests)) == 5
    copy.append("workflow/fad_study/steps/listing.py")
    assert copy.digest("scan_files.py") == digests[-1]


def test_another_family_leaves_it_alone(copy: Copy):
    before = copy.digest("export_model.py", "vggish")
    # A second family that shares the first one's module of mel spectrograms, and its own helper.
    (copy.root / "fad_core/pann_layers.py").write_text("WIDTH = 3\n")
    (copy.root / "fad_core/models/pann/__init__.py").write_text(
        "from fad_core.frontends.log_mel import log_mel_spectrogram\nfrom fad_core.pann_layers import WIDTH\n"
    )
    assert copy.digest("export_model.py", "vggish") == before
    other = copy.digest("export_model.py", "pann")
    assert other != before
    copy.append("fad_core/pann_layers.py")
    assert copy.digest("export_model.py", "vggish") == before
    assert copy.digest("export_model.py", "pann") != other
    other = copy.digest("export_model.py", "pann")
    copy.append("fad_core/models/vggish/__init__.py")
    assert copy.digest("export_model.py", "vggish") != before
    assert copy.digest("export_model.py", "pann") == other


def test_the_parts_of_a_family_are_its_own(copy: Copy):
    families = ("vggish", "pann", "encodec", "clap")
    before = [copy.digest("export_model.py", family) for family in families]
    copy.append("fad_core/models/clap/htsat.py")
    changed = [copy.digest("export_model.py", family) for family in families]
    assert [old != new for old, new in zip(before, changed, strict=True)] == [False, False, False, True]
    copy.append("fad_core/frontends/network.py")
    again = [copy.digest("export_model.py", family) for family in families]
    assert [old != new for old, new in zip(changed, again, strict=True)] == [False, True, False, True]


def test_the_place_does_not_count(copy: Copy, tmp_path_factory: pytest.TempPathFactory):
    elsewhere = Copy(tmp_path_factory.mktemp("elsewhere"))
    for script in SCRIPTS:
        assert copy.digest(script.name, "vggish") == elsewhere.digest(script.name, "vggish")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_digest_is_16_hex_digits_and_needs_nothing_imported(script: Path):
    digest = code_digest(script)
    assert len(digest) == 16
    int(digest, 16)


def test_all_imports_are_ones_that_the_digest_follows():
    """It reads `import` statements: a relative import or one by a computed name would escape it."""
    # The registries of models and of metrics, whose modules count for the steps that are about them; and the
    # names that a user imports from the package itself, which no step does.
    by_name = [ROOT / f"fad_core/{name}__init__.py" for name in ("models/", "metrics/", "")]
    for path in sorted([*(ROOT / "fad_core").rglob("*.py"), *(ROOT / "workflow/fad_study").rglob("*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        relative = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
        assert not relative, path
        computed = "import_module(" in path.read_text(encoding="utf-8")
        assert computed == (path in by_name), path


def test_what_is_imported_for_types_alone_does_not_count(copy: Copy):
    """`fad_core/__init__.py` names the class that way; else every edit would change every digest."""
    text = (copy.root / "fad_core/__init__.py").read_text()
    assert "    from fad_core.api.drop_in import" in text.partition("if TYPE_CHECKING:\n")[2]
    before = copy.digest("scan_files.py")
    copy.append("fad_core/api/drop_in.py")
    assert copy.digest("scan_files.py") == before
    copy.append("fad_core/audio/__init__.py", "\nif not TYPE_CHECKING:\n    import fad_core.api.drop_in\n")
    after = copy.digest("scan_files.py")
    copy.append("fad_core/api/drop_in.py")
    assert copy.digest("scan_files.py") != after != before


@pytest.mark.parametrize(
    ("model_id", "network"),
    [
        ("vggish", "vggish/network"),
        ("pann-8k", "pann/cnn14"),
        ("encodec-24k", "encodec/seanet"),
        ("clap-630k-fusion", "clap/fusion"),
    ],
)
def test_what_python_really_imports_is_covered(model_id: str, network: str, copy: Copy):
    """Every module that is loaded for embedding or exporting changes the digest when it is edited."""
    code = f"""
import sys, fad_core.runner.pt2, fad_study.steps.embeddings
from fad_core.models import get_model
model = get_model({model_id!r})
model.checkpoints[0].layout()
model.example_input(1, model.minimum_samples)
with model.exporting():
    pass
print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('fad_core', 'fad_study')),
sep='\\n')
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = [Path(line).relative_to(ROOT) for line in done.stdout.splitlines()]
    assert len(loaded) > 15
    assert Path(f"fad_core/models/{network}.py") in loaded
    family = get_model(model_id).family
    before = copy.digest("embed_files.py", family)
    for path in loaded:
        copy.append(str(path))
        after = copy.digest("embed_files.py", family)
        assert after != before, path
        before = after


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Path]]:
    """Write the modules of a package of somebody else, and import one."""

    def write(imported: str, **sources: str) -> dict[str, Path]:
        paths = {name: tmp_path / f"{name.replace('.', '/')}.py" for name in sources}
        for name, source in sources.items():
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            paths[name].write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        import_module(imported)
        return paths

    return write


@pytest.mark.parametrize(
    "line", ["from .network import A", "from . import network", "from ..theirs.network import A"]
)
def test_relative_imports_of_another_package_are_followed(
    line: str, tmp_path: Path, other_package: Callable[..., dict[str, Path]]
):
    package = f"relative_{abs(hash(line))}"
    modules = {f"{package}.__init__": "", f"{package}.theirs.__init__": line}
    network = f"{package}.theirs.network"
    paths = other_package(f"{package}.theirs", **modules, **{network: "A = 1", f"{package}.unused": "A = 1"})
    script = tmp_path / "script.py"
    script.write_text("import fad_core.errors")
    before = code_digest(script, [f"{package}.theirs"])
    paths[f"{package}.unused"].write_text("A = 2")
    assert code_digest(script, [f"{package}.theirs"]) == before
    paths[network].write_text("A = 2")
    assert code_digest(script, [f"{package}.theirs"]) != before


def test_a_namespace_package_is_followed(tmp_path: Path, other_package: Callable[..., dict[str, Path]]):
    paths = other_package(
        "of_many.theirs", **{"of_many.theirs": "from of_many.network import A", "of_many.network": "A = 1"}
    )
    script = tmp_path / "script.py"
    script.write_text("import fad_core.errors")
    for path in paths.values():
        before = code_digest(script, ["of_many.theirs"])
        path.write_text(path.read_text() + "; B = 1")
        assert code_digest(script, ["of_many.theirs"]) != before
