"""Runnable files, one a paper or a model: `python -m dasp.recipes.name`."""
