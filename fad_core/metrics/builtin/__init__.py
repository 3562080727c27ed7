"""The built-in metrics: each is the `METRIC` of a module of its name in this folder, and is found by itself.

What several metrics share is in `fad_core.metrics`.
"""
