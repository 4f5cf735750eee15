"""The dbt command line in a process that ends with its parent.

A run killed with SIGKILL can't end its dbt; left alone it would go on writing the working file
while the next run already holds the writer lock. So dbt watches whose child it is.

Run as a script (see `dbt_manifest.dbt_cli`), never imported by dbt itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.2
PARSED_FLAG = "--parsed="
EXIT_FAILED = 1
EXIT_ERROR = 2


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
    if sys.argv[1:] and sys.argv[1].startswith(PARSED_FLAG):
        sys.exit(_run_parsed(Path(sys.argv[1].removeprefix(PARSED_FLAG)), sys.argv[2:]))
    from dbt.cli.main import cli

    cli()


def _run_parsed(path: Path, args: list[str]) -> int:
    """Run dbt on a project that is parsed already; return the exit code dbt itself would give.

    dbt parses anew whenever a var differs, and `folded_load_id` differs in every run.
    """
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    leave_out_debug_events()
    manifest = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    done = dbtRunner(manifest=manifest).invoke(args)
    if done.exception is not None:
        return EXIT_ERROR
    return 0 if done.success else EXIT_FAILED


def leave_out_debug_events() -> None:
    """Keep dbt from writing thousands of events as JSON that its logger then throws away."""
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire_event = EventManager.fire_event

    def fire_what_is_shown(
        manager: EventManager,
        e: BaseEvent,
        level: EventLevel | None = None,
        *rest: Any,
        **more: Any,
    ) -> None:
        if (level or e.level_tag()) != EventLevel.DEBUG:
            fire_event(manager, e, level, *rest, **more)

    EventManager.fire_event = fire_what_is_shown  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main()
