"""What a Python user calls: the drop-in class, `score`, statistics files, the cache of exported models."""
