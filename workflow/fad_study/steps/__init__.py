"""The pipeline's steps: each reads tables, calls the core, writes tables. Scripts are thin calls of them."""
