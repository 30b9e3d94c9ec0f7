"""`python -m dasp`: the command line."""

import sys

from dasp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
