# What comes before the configuration: the package, and a look at the files of the configuration, whose
# faults Snakemake would tell by a traceback.
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)

# The packages that lie beside this workflow, also where they are not installed or others are. Those of an
# installed workflow are where Python finds them.
PACKAGES = [
    folder
    for folder in (ROOT, ROOT / "workflow")
    if list(folder.glob("fad_*/__init__.py"))
]
sys.path[:0] = map(str, PACKAGES)

from fad_core.util.atomic import require_writable
from fad_study.config import read_yaml
from fad_core.errors import FadError


def told(check, *arguments):
    """What a check gives; if it fails, its message alone: an exception would add lines of these files."""
    try:
        return check(*arguments)
    except FadError as error:
        sys.exit(f"\n{error}\n")


for path in map(Path, workflow.overwrite_configfiles or ["config.yaml"]):
    if path.is_file():
        told(read_yaml, path)
if workflow.is_main_process:
    for folder in (".snakemake", "results"):
        told(require_writable, Path(folder))
