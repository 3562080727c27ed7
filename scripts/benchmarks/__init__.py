"""Measurements of `scripts/benchmark.py`: whole programs on folders of recordings, and single operations."""
