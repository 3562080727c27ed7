# Before the configuration is read: find the packages, and check the configuration's files, because Snakemake
# would report their errors by a traceback.
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)

# The packages beside this workflow take precedence over installed ones. An installed workflow has none beside
# it, and uses the installed packages.
PACKAGES = [folder for folder in (ROOT, ROOT / "workflow") if list(folder.glob("fad_*/__init__.py"))]
sys.path[:0] = map(str, PACKAGES)

from fad_core.errors import FadError
from fad_core.util.atomic import require_writable
from fad_study.config import read_yaml
from fad_study.messages import message_of


def or_exit(function, *arguments):
    """Call a function; if it fails, exit with its message alone. An exception would add lines of these files."""
    try:
        return function(*arguments)
    except FadError as error:
        sys.exit(f"\n{message_of(error)}\n")


for path in map(Path, workflow.overwrite_configfiles or ["config.yaml"]):
    if path.is_file():
        or_exit(read_yaml, path)
if workflow.is_main_process:
    for folder in (".snakemake", "results"):
        or_exit(require_writable, Path(folder))
