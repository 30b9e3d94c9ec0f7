"""Diff-MST: a transformer that hears tracks and a reference mix, and sets a console to match it."""
