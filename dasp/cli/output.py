"""What the commands that write files share: how samples are stored, and what is kept."""

import argparse
from pathlib import Path


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """`--subtype` and `--force`."""
    parser.add_argument(
        "--subtype", choices=("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
        help="how samples are stored (default: PCM_24 where the format has it)",
    )  # fmt: skip
    add_force_option(parser)


def add_force_option(parser: argparse.ArgumentParser) -> None:
    """`--force` alone, for what is no audio."""
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def refuse_existing(args: argparse.Namespace, *paths: Path) -> None:
    """Nothing is overwritten without `--force`, and nothing is computed in vain."""
    for path in paths:
        if path.exists() and not args.force:
            raise ValueError(f"{path}: exists already; --force replaces it")
