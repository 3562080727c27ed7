"""Helpers that know nothing of audio: atomic writes, prefetching, progress, formatting, compiled loops."""
