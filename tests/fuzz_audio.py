"""Damage whole audio files byte by byte, and look for what does not end in a result or a reason:
`python -m tests.fuzz_audio SECONDS [SEED]`.

Readers run in a process of their own, in which a crash is seen, and a clock and a limit of memory
are set. What is found is printed with the number that makes it again.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.broken_audio import write_whole_files

ROUND = 2000
"""Files that one process reads."""

SLOWEST_S = 20
"""Of a processor's time for one file; after that SIGPROF ends the process."""

LARGEST_GROWTH = 2**29


def main() -> int:
    """Rounds until the time is over; the exit status says whether anything was found."""
    seconds = float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    end, first, files = time.monotonic() + seconds, seed * 10**9, 0
    while (left := end - time.monotonic()) > 0:
        found, read = run_round(first, left)
        files += read
        if found:
            print(found)
            return 1
        first += ROUND
    print(f"{files} damaged files: a result or a reason for each")
    return 0


def run_round(first: int, seconds: float, files: int = ROUND) -> tuple[str | None, int]:
    """What was found among the files from that number on, and how many were read."""
    command = [sys.executable, "-m", "tests.fuzz_audio", "read", str(first), str(files)]
    done = subprocess.run([*command, str(seconds)], capture_output=True, check=False)
    numbers = done.stdout.decode().split()
    if done.returncode == 0:
        return None, len(numbers)
    how = signal.Signals(-done.returncode).name if done.returncode < 0 else "an exception"
    number = numbers[-1] if numbers else first
    return f"file {number}: {how}\n{done.stderr.decode()[-2000:]}", len(numbers)


def read(first: int, files: int, seconds: float) -> None:
    """Read damaged files; anything but a result or an `AudioFileError` ends the process."""
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        whole = list(write_whole_files(Path(folder)).items())
        before = resident()
        for number in range(first, first + files):
            if time.monotonic() > end:
                break
            print(number, flush=True)
            signal.setitimer(signal.ITIMER_PROF, SLOWEST_S)
            name, content = damaged(whole, random.Random(number))
            check(Path(folder) / name, content)
            if resident() - before > LARGEST_GROWTH:
                raise MemoryError(f"{name} takes {resident() - before} bytes")


def damaged(whole: list[tuple[str, bytes]], chance: random.Random) -> tuple[str, bytes]:
    """A file with a few bytes changed, removed, repeated or put elsewhere; often in its head."""
    name, content = chance.choice(whole)
    content = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8, 30))):
        size = len(content)
        at = chance.randrange(min(size, chance.choice((16, 64, 256, size))) or 1)
        span = chance.choice((1, 1, 2, 4, 8, 100))
        change = chance.randrange(7)
        if change == 0:
            content[at : at + 1] = bytes([chance.randrange(256)])
        elif change == 1:
            content[at : at + 1] = bytes([content[at] ^ 1 << chance.randrange(8)]) if size else b""
        elif change == 2:
            content[at : at + span] = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * span
        elif change == 3:
            del content[at : at + span]
        elif change == 4:
            content[at:at] = content[at : at + span]
        elif change == 5:
            content[at : at + span] = chance.randbytes(span)
        else:
            del content[chance.randrange(size or 1) :]
    return name, bytes(content)


def check(path: Path, content: bytes) -> None:
    """Hold one file to the promise: a finite result, or the error with the path and a reason."""
    from dasp.audio_io import AudioFileError, audio_info, load_audio

    path.write_bytes(content)
    for reader in (load_audio, audio_info):
        try:
            result = reader(path)
        except AudioFileError as error:
            assert error.path == path and error.reason and str(path) in str(error)
            continue
        if reader is load_audio:
            x, sample_rate = result
            assert x.ndim == 2 and x.shape[0] >= 1 and sample_rate >= 1 and x.isfinite().all()
        else:
            assert result.channels >= 1 and result.sample_rate >= 1 and result.frames >= 0
    path.unlink()


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    else:
        sys.exit(main())
