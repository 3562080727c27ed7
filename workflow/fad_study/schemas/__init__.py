"""Schemas of the tables that the pipeline alone reads and writes.

No module is imported here: an edit of one schema re-runs only the steps that use it.
"""
