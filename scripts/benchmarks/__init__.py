"""What `scripts/benchmark.py` measures: programs on folders of recordings, and parts by themselves."""
