"""Run a function of the bench in a process of its own and measure it.

The child says what it measured, for only it knows when its imports were over: wall time, CPU time
of all its threads, and the highest memory it held.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CORES = 2
MEMORY_LIMIT = "2GB"
"""Of DuckDB, for every contestant that has one."""


@dataclass
class Cost:
    """What one run took. `start_rss` is what the imports alone hold; all sizes in bytes."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_rss: int = 0
    start_rss: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    def better(self, other: Cost | None) -> Cost:
        """Return the best of both, each number on its own."""
        if other is None:
            return self
        return Cost(
            min(self.wall, other.wall),
            min(self.cpu, other.cpu),
            min(self.peak_rss, other.peak_rss),
            min(self.start_rss, other.start_rss),
            self.notes | other.notes,
        )


def peak_rss() -> int:
    """Return the highest memory of this process; of this program only, not of who started it."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure what is done within; for children, see `run_apart`."""
    cost = Cost(start_rss=peak_rss())
    wall, cpu = time.perf_counter(), time.process_time()
    yield cost
    cost.wall, cost.cpu = time.perf_counter() - wall, time.process_time() - cpu
    cost.peak_rss = peak_rss()


def run_apart(function: str, **arguments: Any) -> Cost:
    """Call `module:function` of this package in a new process pinned to two cores.

    Raises:
        RuntimeError: the child failed; the message is the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure", function, json.dumps(arguments, default=str)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{function} failed:\n{done.stderr[-3000:]}{done.stdout[-1000:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def pin() -> None:
    """Keep this process and its children on two cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def _main() -> None:
    pin()
    module, name = sys.argv[1].split(":")
    cost = getattr(importlib.import_module(f"benchmarks.{module}"), name)(**json.loads(sys.argv[2]))
    print(json.dumps(asdict(cost)))


if __name__ == "__main__":
    _main()
