"""Pages of the site that are not files of this folder; `mkdocs.yml` names this module.

Files beside `docs/` become pages where they are, the tutorial is shown with its stored outputs, and the page
of classes and functions follows the table of public names in `api.md`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from posixpath import join, normpath, relpath
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent
BESIDE = (
    *("README.md", "BENCHMARKS.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("CITATION.cff", "LICENSE", "workflow/studies/published/README.md"),
)
# Where GitHub and Python-Markdown differ: a list may follow a line of text; code in tables escapes bars.
LIST = re.compile(r"^([^-#|`\s].*)\n(?=- )", re.MULTILINE)
BARS = re.compile(r"`[^`\n]*\\\|[^`\n]*`")
LINK = re.compile(r"""(?:(?<=\]\()|(?<= src="))[^)\s:#"]+""")


class Examples(griffe.Extension):
    """Examples of docstrings as code, which stand without a heading."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples of one object."""
        if obj.docstring:
            fenced = re.sub(r"^>>> .*(?:\n.+)*", r"```pycon\n\g<0>\n```", obj.docstring.value, flags=re.M)
            obj.docstring.value = fenced


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for name in BESIDE:
        files.append(File(name, str(DOCS.parent), config.site_dir, config.use_directory_urls))
    files.append(File.generated(config, "tutorial.md", content=tutorial(DOCS / "tutorial.ipynb")))
    files.append(File.generated(config, "reference.md", content=reference(DOCS / "api.md")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Point links, which are relative to the repository, to the pages of the site."""
    at = page.file.src_uri
    folder = PurePosixPath(at if at in BESIDE else f"docs/{at}").parent

    def on_site(link: re.Match[str]) -> str:
        target = normpath(join(folder, link[0])).removeprefix("docs/").replace(".ipynb", ".md")
        return relpath(target, PurePosixPath(at).parent)

    markdown = BARS.sub(lambda code: code[0].replace("\\|", "|"), LIST.sub(r"\1\n\n", markdown))
    return LINK.sub(on_site, markdown)


def tutorial(notebook: Path) -> str:
    """Write a notebook, with the outputs that are stored in it, as Markdown."""
    parts = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        language = "bash" if source.startswith("%%bash") else "python"
        parts.append(source if cell["cell_type"] == "markdown" else f"```{language}\n{source}\n```")
        parts += map(shown, cell.get("outputs", ()))
    return "\n\n".join(parts)


def shown(output: dict[str, Any]) -> str:
    """Write one output of a cell: a picture, a table, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![](data:image/png;base64,{data['image/png'].strip()})"
    if "text/html" in data:
        table = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
        return table.replace(' border="1" class="dataframe"', "")
    return f"```text\n{''.join(output.get('text', data.get('text/plain', '')))}\n```"


def reference(page: Path) -> str:
    """List the public names for mkdocstrings, each at the first module that has it."""
    parts = ["# Classes and functions", "The names that [In Python](api.md#what-is-public) lists."]
    seen: set[str] = set()
    for module, names in re.findall(r"^\| `(fad_core[\w.]*)` \| (.*) \|$", page.read_text("utf-8"), re.M):
        new = [name for name in re.findall(r"`(\w+)`", names) if name not in seen]
        seen |= set(new)
        parts.append(f"## `{module}`")
        parts += [f"::: {module}.{name}" for name in new]
    return "\n\n".join(parts)
