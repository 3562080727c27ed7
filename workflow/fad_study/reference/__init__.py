"""Live verification: a model against the original package, run on the same checkpoint and clips."""
