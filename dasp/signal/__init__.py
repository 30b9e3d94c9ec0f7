"""Kernels: what happens to samples, one concept a module. Time is the last axis."""
