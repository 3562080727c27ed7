"""Verification of models: against the eager network, and the original's embeddings, stored or live."""
