"""The steps of the pipeline, called by scripts: each reads tables, calls the core and writes tables."""
