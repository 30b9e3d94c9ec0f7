"""Speed, accuracy and memory beside others, of machine code that is there."""

import os

os.environ.setdefault("DASP_KERNELS", "numba")
