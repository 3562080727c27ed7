"""Kernels for a CPU: what a network runs on, at the same result up to rounding."""
