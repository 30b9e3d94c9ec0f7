"""What happens, told three ways: a progress bar, lines of JSON, and a board if there is one."""

import json
import math
from pathlib import Path

from tqdm import tqdm

from dasp.audio_io import whole
from dasp.training.task import Preview
from dasp.training.tensorboard import Board


class Log:
    """Write what happens behind a step; lines of later steps, from a run that was killed, go.

    So every step is there once, as if there had been no stop.

    Args:
        path: The file of JSON lines.
        after: The step that is done already.
        steps: How many there will be.
        board: Where curves and previews go too.
    """

    def __init__(self, path: Path, *, after: int, steps: int, board: Board | None):
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        with whole(path) as unfinished:
            unfinished.write_bytes(b"".join(line for line in lines if _is_until(after, line)))
        self._file = path.open("a", encoding="utf-8")
        self._bar = tqdm(
            initial=after, total=steps, unit="step", mininterval=0.5, leave=False, disable=None
        )
        self._shown: dict[str, str] = {}
        self.board = board
        if board is not None:
            board.after(after)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()
        self._file.close()
        if self.board is not None:
            self.board.close()

    def step(self) -> None:
        """One more is done."""
        self._bar.update()

    def numbers(self, step: int, **values: float) -> None:
        """Write a line of JSON. What is not finite is null.

        Args:
            step: Number of the step.
            **values: Numbers by name.
        """
        finite = {key: x if math.isfinite(x) else None for key, x in values.items()}
        self._file.write(json.dumps({"step": step, **finite}) + "\n")
        self._file.flush()
        self._shown |= {key: f"{x:.4g}" for key, x in values.items() if "loss" in key}
        self._bar.set_postfix(self._shown, refresh=False)
        if self.board is not None:
            self.board.numbers(step, **values)

    def preview(self, step: int, preview: Preview) -> None:
        """Show what a model makes of a song, on the board.

        Args:
            step: Number of the step.
            preview: The song.
        """
        if self.board is not None:
            self.board.preview(step, preview)


def _is_until(step: int, line: bytes) -> bool:
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):  # Cut off when the writer was killed.
        return False
