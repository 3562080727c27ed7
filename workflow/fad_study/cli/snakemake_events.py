"""Run Snakemake, and write its log to stderr and, as events for a program, to a pipe: one JSON object a line.

    python -P snakemake_events.py FILE_DESCRIPTOR [ARGUMENTS OF SNAKEMAKE]…

This program runs in Snakemake's process, where the workflow decides which packages are imported. It therefore
imports no package of this project, and is a file of its own. Snakemake finds logger plugins by the names of
installed packages, except those of an editable installation; hence the plugin is registered here.
"""

from __future__ import annotations

import json
import os
import sys
from logging import LogRecord
from types import ModuleType

from snakemake import cli
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

_NAME = "events"
_FIELDS = ("event", "jobid", "job_id", "rule_name", "wildcards", "log", "stats", "study_results")
_pipe = -1


class LogHandler(LogHandlerBase):
    """Write each record as Snakemake does, and as an event.

    A dry run is written to stdout, as Snakemake does, and has no events.
    """

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def emit(self, record: LogRecord) -> None:
        """See `logging.Handler.emit`."""
        text = self.format(record) or ""
        stream = sys.stdout if self.common_settings.dryrun else sys.stderr
        if text:
            stream.write(f"{text}\n")
            stream.flush()
        if not self.common_settings.dryrun:
            event = {name: getattr(record, name, None) for name in _FIELDS}
            if event["wildcards"] is not None:
                event["wildcards"] = dict(event["wildcards"].items())
            line = json.dumps({**event, "level": record.levelno, "text": text}, default=str)
            os.write(_pipe, f"{line}\n".encode())


def _run(descriptor: str, *arguments: str) -> None:
    global _pipe
    _pipe = int(descriptor)
    os.set_inheritable(_pipe, False)
    plugin = ModuleType(f"snakemake_logger_plugin_{_NAME}")
    plugin.LogHandler = LogHandler  # type: ignore[attr-defined]
    LoggerPluginRegistry().register_plugin(plugin.__name__, plugin)
    sys.argv = ["snakemake", *arguments, "--logger", _NAME]
    cli.main()


if __name__ == "__main__":
    _run(*sys.argv[1:])
