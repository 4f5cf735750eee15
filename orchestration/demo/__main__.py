"""`python -m orchestration.demo --out DIR …`: demo exports from the terminal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .generator import generate
from .settings import DemoSettings


def main(
    *,
    out: Annotated[Path, typer.Option(help="Folder that gets <source>/<stream>/…")],
    contacts: Annotated[int, typer.Option(help="People, 60 or more.")] = 120,
    days: Annotated[int, typer.Option(help="Days covered.")] = 100,
    messages: Annotated[
        int | None, typer.Option(help="Outbound messages wanted over the period.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another set.")] = 1,
    end_on: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day (UTC).")
    ] = datetime(2026, 11, 15),
    truth: Annotated[Path | None, typer.Option(help="DuckDB file for the truth.")] = None,
    compress: Annotated[bool, typer.Option(help="Write .jsonl.gz.")] = False,
    memory_limit: Annotated[str, typer.Option(help="DuckDB memory limit.")] = "3GB",
) -> None:
    """Write demo exports in the real formats; same settings, same bytes."""
    try:
        settings = DemoSettings(
            contacts=contacts,
            days=days,
            end_on=end_on.date(),
            seed=seed,
            messages=messages,
            compress=compress,
            memory_limit=memory_limit,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        try:
            summary = generate(out, settings, truth, report)
        except FileExistsError as error:
            raise typer.BadParameter(str(error)) from error
    console.print(
        f"{summary.messages_outbound:,} outbound and {summary.messages_inbound:,} inbound messages "
        f"in {summary.files} files, {summary.bytes / 1e6:,.1f} MB, {summary.seconds:.1f} s: {out}"
    )


if __name__ == "__main__":
    typer.run(main)
