"""Kill a batch at random moments, and see that nothing is ever half:
`python -m tests.kill_batch MOMENTS [SEED]`.

A run over files that have an old version in the output is killed, all its processes at once, when
the journal has some number of lines, and a moment later. After each, every output must be whole:
the new file, the old one, or none. Then `--resume` must complete the folder to the bytes of a run
that nobody disturbed.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from dasp.audio_io import save_audio

FILES = 40
COMMAND = ("batch", "in", "-o", "out", "-e", "gain:gain_db=-3", "-e", "compressor", "-j", "2")


def main() -> int:
    """Prints what was seen; the exit status says whether all was whole."""
    moments = int(sys.argv[1])
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    with tempfile.TemporaryDirectory() as folder:
        return kill_at_random(Path(folder), moments, chance)


def kill_at_random(folder: Path, moments: int, chance: random.Random) -> int:
    """1 if anything was half or not the same in the end, else 0."""
    make_inputs(folder)
    dasp(folder).wait()
    expected = outputs(folder)
    assert len(expected) == FILES
    old = {name: f"an old {name}".encode() for name in list(expected)[::2]}
    stopped, new = 0, 0
    for moment in range(moments):
        shutil.rmtree(folder / "out")
        for name, content in old.items():
            path = folder / "out" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        process = dasp(folder, "--force")
        wait_for_lines(process, folder / "out" / "dasp-batch.jsonl", chance.randrange(2 * FILES))
        time.sleep(chance.uniform(0.0, 0.01))
        os.killpg(process.pid, signal.SIGKILL)
        stopped += process.wait() == -signal.SIGKILL
        for name, content in outputs(folder).items():
            new += content == expected[name]
            if content not in (expected[name], old.get(name)):
                print(f"moment {moment}: {name} is neither the new file nor the old one")
                return 1
        if dasp(folder, "--force", "--resume").wait() != 0 or outputs(folder) != expected:
            print(f"moment {moment}: the resumed run has not made the same files")
            return 1
        if list((folder / "out").rglob(".*.part")):
            print(f"moment {moment}: something unfinished was left")
            return 1
    share = new / (moments * FILES)
    print(f"{stopped} of {moments} runs killed, {share:.0%} of their files done: all whole")
    return 0


def make_inputs(folder: Path) -> None:
    """Files of a second or so, in two folders."""
    generator = torch.Generator().manual_seed(0)
    for number in range(FILES):
        path = folder / "in" / "ab"[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        x = torch.rand(2, 48_000 + 1000 * number, generator=generator) - 0.5
        save_audio(path, x, 48_000, subtype="PCM_16")


def dasp(folder: Path, *options: str) -> subprocess.Popen:
    """A batch in a group of processes of its own, which can be killed as one."""
    root = Path(__file__).resolve().parents[1]
    return subprocess.Popen(
        [sys.executable, "-m", "dasp", *COMMAND, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for_lines(process: subprocess.Popen, journal: Path, lines: int) -> None:
    """Return when the journal has so many lines, or the process has ended."""
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.001)


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file that bears the name of an output, and its content."""
    paths = sorted((folder / "out").rglob("[!.]*.wav"))
    return {path.relative_to(folder / "out").as_posix(): path.read_bytes() for path in paths}


if __name__ == "__main__":
    sys.exit(main())
