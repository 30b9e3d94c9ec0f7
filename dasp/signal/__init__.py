"""Kernels: what happens to samples, one concept a module. Time is the last axis."""

from dasp.signal._choice import compile_first, use_kernels

__all__ = ["compile_first", "use_kernels"]
