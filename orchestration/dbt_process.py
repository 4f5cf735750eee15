"""The dbt command line in a process that ends with its parent.

A run killed with SIGKILL can't end its dbt; left alone it would go on writing the working file
while the next run already holds the writer lock. So dbt watches whose child it is.

Run as a script (see `assets/transform.py`), never imported by dbt itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib.metadata import version

POLL_SECONDS = 0.2


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run dbt with the arguments given; `--version` answers without asking the network."""
    if sys.argv[1:] == ["--version"]:
        print(version("dbt-core"))
        return
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    from dbt.cli.main import cli

    cli()


if __name__ == "__main__":
    main()
