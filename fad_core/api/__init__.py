"""The Python interface: the drop-in class, `score`, statistics files, the cache of exported models."""
