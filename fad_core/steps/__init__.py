"""The pipeline's steps: each reads tables, calls the core and writes tables. The scripts are thin calls of them."""
