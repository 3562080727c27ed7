"""Fréchet Audio Distance, reproducibly: exact models, statistics and distances.

Importing this package is cheap: nothing heavy is loaded before it is used.
"""

__version__ = "0.1.0"
