"""The command line, one thin file a command."""

import os

SPINS = "10000"
"""Times that a thread of torch's looks for work before it sleeps, about 0.1 to 0.5 ms; by itself
OpenMP takes 30 times as many, which other programs would have to wait for."""

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # which is read as torch is imported
