"""Runs commands and measures them from a process that is small itself.

What `wait4` says of a child's peak memory includes that of the process it was started from, before
it became another program. So each command is started from an interpreter that has loaded nothing.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = """
import os, sys, time
anonymous = 0
start = time.monotonic()
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    done, status, used = os.wait4(pid, os.WNOHANG)
    if done:
        break
    try:
        with open(f"/proc/{pid}/status") as lines:
            for line in lines:
                if line.startswith("RssAnon"):
                    anonymous = max(anonymous, int(line.split()[1]))
    except (FileNotFoundError, ProcessLookupError):
        pass
    # Short commands need close looks, long ones must not be disturbed.
    time.sleep(0.002 if time.monotonic() - start < 2 else 0.05)
sys.stderr.write(
    '\\n{"seconds": %f, "resident": %d, "anonymous": %d, "user": %f, "system": %f, "status": %d}'
    % (time.monotonic() - start, used.ru_maxrss * 1024, anonymous * 1024,
       used.ru_utime, used.ru_stime, os.waitstatus_to_exitcode(status)))
"""


@dataclass
class Run:
    """One run of a command. Times in seconds, memory in bytes."""

    seconds: float
    resident: int
    """Peak resident memory, pages of mapped files included."""
    anonymous: int
    """The most that was seen of memory that belongs to no file."""
    user: float
    system: float
    status: int


def run(command: list, log: Path, cwd: Path | None = None) -> Run:
    """Runs a command, its output in `log`.

    Raises `SystemExit` with the end of its output where it fails.
    """
    words = [sys.executable, "-S", "-I", "-c", LAUNCHER, *map(str, command)]
    with open(log, "wb") as out:
        subprocess.run(words, cwd=cwd, stdout=out, stderr=out, check=False)
    text, _, last = log.read_text(errors="replace").rpartition("\n")
    measured = Run(**json.loads(last))
    if measured.status:
        shown = " ".join(map(str, command))
        raise SystemExit(f"{shown}: exit status {measured.status}\n{text[-2000:]}")
    return measured
