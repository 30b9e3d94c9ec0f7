"""The trained weights that the package ships, each made by the recipe of its name."""

from pathlib import Path

FOLDER = Path(__file__).parent
