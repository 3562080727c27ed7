"""List the packages; all else is in pyproject.toml, which cannot list those of two folders by itself."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["fad_core*"]),
        *find_packages("workflow", include=["fad_study*"]),
        # The workflow itself, which an installed package runs from any folder.
        "fad_study.bundle",
    ]
)
