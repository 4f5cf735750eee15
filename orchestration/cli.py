"""The command line. Kept light: Dagster and dbt are imported only when there is work to do.

Exit codes: 0 done (with warnings too), 1 something must be mended (`check`: a file), 3 another run
is under way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from orchestration.ingest.renewal import missing_exports
from orchestration.publish import Publication, read_publication
from orchestration.session import Session, unfinished_mark
from orchestration.settings import ROOT, Settings, SettingsError, load_settings
from orchestration.terminal import TerminalReporter, console_on_terminal, make_console
from orchestration.warehouse import Busy, connect, writer_lock

EXIT_FAILED = 1
EXIT_BUSY = 3
MAX_WARNINGS_SHOWN = 50

app = typer.Typer(
    help="chatmart: raw WhatsApp and shop exports in, one trustworthy KPI warehouse out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run() -> None:
    """Bring the warehouse in line with the exports, publish it and print the scorecard."""
    _main("make run", rebuild=False)


@app.command()
def rebuild(
    allow_missing: Annotated[
        bool, typer.Option(help="Go on where exports that were loaded are no longer there.")
    ] = False,
) -> None:
    """Throw the working file away and read every export again."""
    _main("make rebuild", rebuild=True, allow_missing=allow_missing)


@app.command()
def scorecard(
    json: Annotated[bool, typer.Option("--json", help="Print the same numbers as JSON.")] = False,
) -> None:
    """Print the scorecard of the published file."""
    from orchestration.scorecard import print_scorecard, read_scorecard, to_json

    card = read_scorecard(_settings())
    if card is None:
        typer.echo("nothing is published yet: `make run` builds and publishes", err=True)
        raise typer.Exit(EXIT_FAILED)
    if json:
        typer.echo(to_json(card))
    else:
        print_scorecard(make_console(sys.stdout), card)


@app.command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; without any, what is new in the raw folder."),
    ] = None,
    write: Annotated[
        bool, typer.Option(help="Write proposed mappings; never over one that is there.")
    ] = False,
    vendor: Annotated[
        str, typer.Option(help="Folder below mapped/ for files that lie in none.")
    ] = "other",
) -> None:
    """Say what new files are and what they lack, without loading them."""
    from orchestration.check.report import print_verdicts
    from orchestration.check.run import check_files

    try:
        verdicts = check_files(_settings(), paths or (), write=write, vendor=vendor)
    except (NotADirectoryError, FileNotFoundError, SettingsError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_FAILED) from None
    print_verdicts(make_console(sys.stdout), verdicts)
    raise typer.Exit(0 if all(verdict.is_usable for verdict in verdicts) else EXIT_FAILED)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address it listens on.")] = "127.0.0.1",
) -> None:
    """Start the Dagster UI with the nightly schedule and the new-file sensor."""
    _enter_dagster_home(_settings())
    module = ["-m", "orchestration.definitions"]
    command = [sys.executable, "-m", "dagster", "dev", *module, "-p", str(port), "-h", host]
    os.execv(sys.executable, command)


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_FAILED) from None


def _main(holder: str, *, rebuild: bool, allow_missing: bool = False) -> None:
    settings = _settings()
    console = console_on_terminal()
    try:
        with writer_lock(settings, holder):
            code = _run_locked(settings, console, rebuild, allow_missing)
    except Busy as error:
        typer.echo(f"{error}. Wait for it to end, or stop it.", err=True)
        code = EXIT_BUSY
    except KeyboardInterrupt:
        typer.echo("stopped: what is published stays; run again to go on", err=True)
        code = 130
    raise typer.Exit(code)


def _run_locked(settings: Settings, console: Console, rebuild: bool, allow_missing: bool) -> int:
    from orchestration.scorecard import print_scorecard, read_scorecard

    if settings.is_sample:
        console.print(
            "Reading the committed sample in data/raw; "
            "`make run CHATMART_RAW_DIR=/your/exports` reads your own.",
            markup=False,
        )
    with TerminalReporter(console) as reporter:
        session = Session(settings, reporter)
        try:
            with session.step("exports") as notes:
                notes["detail"] = f"{len(session.discovery.files):,} files"
            publication = None if rebuild else _up_to_date(session)
            if rebuild and (missing := _missing_exports(session)) and not allow_missing:
                _say_missing(missing)
                return EXIT_FAILED
            settings.hmac_key()
        except (NotADirectoryError, SettingsError) as error:
            typer.echo(str(error), err=True)
            return EXIT_FAILED
        ok = publication is not None or _build(session, rebuild)
    if publication is not None:
        since = publication.published_at
        console.print(f"Up to date since {since} UTC: no export, setting or model has changed.")
    if not ok:
        _say_failed(session)
        return EXIT_FAILED
    if card := read_scorecard(settings):
        print_scorecard(console, card)
    _print_warnings(console, session.warnings)
    return 0


def _up_to_date(session: Session) -> Publication | None:
    """Return the publication where it was made of exactly these files, settings and models."""
    if unfinished_mark(session.settings).exists():
        return None
    publication = read_publication(session.settings)
    if (
        publication is not None
        and publication.ledger_hash == session.ledger_hash
        and publication.settings_fingerprint == session.fingerprint
        and publication.storage_version == session.settings.publish_storage_version
    ):
        return publication
    return None


def _build(session: Session, rebuild: bool) -> bool:
    settings = session.settings
    _enter_dagster_home(settings)
    if rebuild:
        session.mark_started()
        session.full_refresh_reason = "you asked for a rebuild"
        for suffix in ("", ".wal"):
            Path(f"{settings.build_path}{suffix}").unlink(missing_ok=True)
    from orchestration import pipeline

    log_path = pipeline.log_dir() / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    published = pipeline.run_job(session, log_path)
    if not published:
        typer.echo(f"The full log: {log_path}", err=True)
    return published


def _missing_exports(session: Session) -> list[str]:
    """Return the paths of loaded exports that are no longer in the raw folder."""
    settings = session.settings
    if not settings.build_path.exists():
        return []
    try:
        with connect(settings, read_only=True) as con:
            return missing_exports(con, session.discovery)
    except Exception:
        return []


def _say_missing(paths: list[str]) -> None:
    typer.echo(
        f"{len(paths)} exports that were loaded are no longer in the raw folder; a rebuild would "
        "lose their rows. Put them back, or say `make rebuild ALLOW_MISSING=1`:",
        err=True,
    )
    for path in _shortened(paths):
        typer.echo(f"  {path}", err=True)


def _say_failed(session: Session) -> None:
    typer.echo("\nNot published: what readers have stays as it was.", err=True)
    for failure in dict.fromkeys(session.failures):
        typer.echo(f"  ✗ {failure}", err=True)
    for warning in _shortened(session.warnings):
        typer.echo(f"  ! {warning}", err=True)


def _print_warnings(console: Console, warnings: list[str]) -> None:
    if warnings:
        console.print(f"\n{len(warnings)} warnings (published all the same, see meta.checks):")
        for line in _shortened(warnings):
            console.print(f"  ! {line}", markup=False)


def _shortened(lines: list[str]) -> Iterator[str]:
    yield from lines[:MAX_WARNINGS_SHOWN]
    if len(lines) > MAX_WARNINGS_SHOWN:
        yield f"… and {len(lines) - MAX_WARNINGS_SHOWN} more"


def _enter_dagster_home(settings: Settings) -> None:
    """Point Dagster at its instance and hand the settings on as absolute paths.

    dagster.yaml names its folders relative to the working folder, hence the change of it.
    """
    os.environ.setdefault("DAGSTER_HOME", str(ROOT))
    os.environ["CHATMART_RAW_DIR"] = str(settings.raw_dir)
    os.environ["CHATMART_WAREHOUSE_DIR"] = str(settings.warehouse_dir)
    if settings.hmac_key_file is not None:
        os.environ["CHATMART_HMAC_KEY_FILE"] = str(settings.hmac_key_file)
    os.chdir(ROOT)
