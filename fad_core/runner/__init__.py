"""Exported models, `.pt2`, and running them on a processor or a GPU."""
