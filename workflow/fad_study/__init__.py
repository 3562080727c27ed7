"""The pipeline on top of `fad_core`: configuration, steps of the workflow, report, tables for papers."""
