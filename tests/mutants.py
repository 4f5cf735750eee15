"""Break the models on purpose, one line at a time; some test must notice.

`tests/mutants.yml` lists the mutations. Each is applied to a copy of the dbt project and the unit
test that is expected to notice runs first, then all unit tests of the model, then the pytest node
that the mutant names under `then` (in a copy of the repository). A survivor is a missing test:
exit 1. So is a mutation that no longer fits the code, or one that only breaks the SQL.

A unit test knows its own model only, so mutants of different models are tried together, a round at
a time; what a round doesn't kill is judged once more alone.

    python -m tests.mutants                  all of them, a quarter of an hour
    python -m tests.mutants folded "24 hours"    those whose name or file holds one of the words
    python -m tests.mutants --resume         only those that the last run did not see killed
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.dbt_runs import EmptyWarehouse

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_suffix(".yml")
KILLED = Path(tempfile.gettempdir()) / "chatmart-mutants-killed.json"
NOT_COPIED = shutil.ignore_patterns(
    ".git",
    ".venv",
    "target",
    "logs",
    "warehouse",
    "dagster",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)
PYTEST_SECONDS = 900


@dataclass(frozen=True)
class Mutant:
    """One mutation. `find` stands in `file` once, or `occurrence` says which is meant (from 1)."""

    name: str
    semantics: str
    file: str
    find: str
    replace: str
    killed_by: str | None = None
    models: tuple[str, ...] = ()
    then: str | None = None
    occurrence: int = 1

    def apply(self, text: str) -> str:
        """Return the mutated text.

        Raises:
            ValueError: the code has moved on.
        """
        pieces = text.split(self.find)
        if self.find == self.replace or len(pieces) <= self.occurrence:
            raise ValueError(f"{self.file} doesn't hold {self.find!r} {self.occurrence} time(s)")
        head, tail = pieces[: self.occurrence], pieces[self.occurrence :]
        return self.find.join(head) + self.replace + self.find.join(tail)

    @property
    def selected(self) -> tuple[str, ...]:
        """Return the models whose unit tests are to notice."""
        return self.models or (Path(self.file).stem,)


@dataclass
class Verdict:
    """What became of a mutant: `killed`, `survived` or `invalid`, and by or because of what."""

    outcome: str
    by: str
    notes: list[str] = field(default_factory=list)


def load_mutants() -> list[Mutant]:
    """Return the list of mutants.yml; refuses two of one name."""
    rows: list[dict[str, Any]] = yaml.safe_load(LIST.read_text())
    mutants = [
        Mutant(
            **{**row, "semantics": str(row["semantics"]), "models": tuple(row.get("models", ()))}
        )
        for row in rows
    ]
    names = [mutant.name for mutant in mutants]
    if len(set(names)) != len(names):
        raise ValueError(
            f"two mutants of one name: {sorted({n for n in names if names.count(n) > 1})}"
        )
    return mutants


@contextmanager
def _mutated(path: Path, mutant: Mutant) -> Iterator[None]:
    original = path.read_text()
    path.write_text(mutant.apply(original))
    try:
        yield
    finally:
        path.write_text(original)


def _unit_tests(warehouse: EmptyWarehouse, *selected: str) -> tuple[list[str], list[str]]:
    """Return the unit tests that failed, and what broke instead of failing."""
    # By intersection: a unit test is selected by its own name or by its model's.
    selection = [f"test_type:unit,{name}" for name in selected]
    found = warehouse.dbt("test", "--select", *selection)
    failed = [name for name, status in found.items() if status == "fail"]
    return failed, [f"{name}: {status}" for name, status in found.items() if status != "fail"]


def _pytest_fails(node: str, copy: Path) -> bool:
    """Run a pytest node in a copy of the repository; return whether it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", node],
        cwd=copy,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PYTEST_SECONDS,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest {node}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


@cache
def _fails_unmutated(node: str, copy: Path) -> bool:
    return _pytest_fails(node, copy)


def _judge(mutant: Mutant, warehouse: EmptyWarehouse, copy: Path) -> Verdict:
    notes: list[str] = []
    try:
        with _mutated(warehouse.project / mutant.file, mutant):
            if mutant.killed_by:
                failed, broken = _unit_tests(warehouse, mutant.killed_by)
                if failed:
                    return Verdict("killed", failed[0])
                if broken:
                    return Verdict("invalid", "; ".join(broken))
                notes.append(f"not by {mutant.killed_by}")
            if not (mutant.then and not mutant.killed_by):
                failed, broken = _unit_tests(warehouse, *mutant.selected)
                if failed:
                    return Verdict("killed", ", ".join(failed[:3]), notes)
                if broken:
                    return Verdict("invalid", "; ".join(broken), notes)
    except ValueError as moved_on:
        return Verdict("invalid", str(moved_on))
    if mutant.then:
        if _fails_unmutated(mutant.then, copy):
            return Verdict("invalid", f"{mutant.then} fails without any mutation")
        with _mutated(copy / "dbt_project" / mutant.file, mutant):
            if _pytest_fails(mutant.then, copy):
                return Verdict("killed", mutant.then, notes)
    return Verdict("survived", "no test noticed", notes)


def _rounds(mutants: list[Mutant]) -> list[list[Mutant]]:
    """Return the mutants in rounds: no two of one model, one that others share (a macro) alone.

    Those that need a pytest node, which takes longest, come last.
    """
    rounds: list[list[Mutant]] = []
    alone: list[list[Mutant]] = []
    rounds_of: Counter[str] = Counter()
    for mutant in sorted(mutants, key=lambda mutant: mutant.then is not None):
        if mutant.models or not mutant.killed_by:
            alone.append([mutant])
            continue
        if rounds_of[mutant.file] == len(rounds):
            rounds.append([])
        rounds[rounds_of[mutant.file]].append(mutant)
        rounds_of[mutant.file] += 1
    return rounds + alone


def _killed_together(mutants: list[Mutant], warehouse: EmptyWarehouse) -> dict[str, Verdict]:
    """Return by name the verdicts on those that their own test noticed."""
    if len(mutants) == 1:
        return {}
    with ExitStack() as stack:
        for mutant in mutants:
            try:
                stack.enter_context(_mutated(warehouse.project / mutant.file, mutant))
            except ValueError:
                continue  # the code has moved on: said when it is judged alone
        selection = [f"test_type:unit,{mutant.killed_by}" for mutant in mutants]
        found = warehouse.dbt("test", "--select", *selection)
    return {
        mutant.name: Verdict("killed", str(mutant.killed_by))
        for mutant in mutants
        if found.get(str(mutant.killed_by)) == "fail"
    }


def _verdicts(
    mutants: list[Mutant], warehouse: EmptyWarehouse, copy: Path
) -> Iterator[tuple[Mutant, Verdict]]:
    for together in _rounds(mutants):
        killed = _killed_together(together, warehouse)
        for mutant in together:
            yield mutant, killed.get(mutant.name) or _judge(mutant, warehouse, copy)


def _chosen(mutants: list[Mutant], words: list[str]) -> list[Mutant]:
    return [
        mutant
        for mutant in mutants
        if not words or any(word in mutant.name or word in mutant.file for word in words)
    ]


def main() -> int:
    """Judge the chosen mutants; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose name or file holds a word")
    parser.add_argument(
        "--resume", action="store_true", help="leave out what is known to be killed"
    )
    parser.add_argument("--no-pytest", action="store_true", help="unit tests only")
    arguments = parser.parse_args()

    chosen = _chosen(load_mutants(), arguments.words)
    known: list[str] = json.loads(KILLED.read_text()) if KILLED.exists() else []
    if arguments.resume:
        chosen = [mutant for mutant in chosen if mutant.name not in known]
    if arguments.no_pytest:
        chosen = [mutant for mutant in chosen if mutant.killed_by or not mutant.then]
    killed = set(known) if arguments.resume else set()
    lost: list[str] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chatmart-mutants-") as name:
        copy = Path(name) / "repository"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        warehouse = EmptyWarehouse(Path(name), copy / "dbt_project")
        warehouse.build()
        # What fails without a mutation would kill every mutant.
        if sick := sorted(warehouse.dbt("test", "--select", "test_type:unit")):
            print(f"these fail without any mutation: {', '.join(sick)}")
            return 1
        for number, (mutant, verdict) in enumerate(_verdicts(chosen, warehouse, copy), start=1):
            notes = f" ({'; '.join(verdict.notes)})" if verdict.notes else ""
            print(
                f"{number:3}/{len(chosen)} {verdict.outcome:8} "
                f"[{mutant.semantics}] {mutant.name}: {verdict.by}{notes}",
                flush=True,
            )
            if verdict.outcome == "killed":
                killed.add(mutant.name)
                KILLED.write_text(json.dumps(sorted(killed)))
            else:
                lost.append(mutant.name)
    seconds = time.monotonic() - started
    print(f"{len(chosen) - len(lost)} of {len(chosen)} mutants killed in {seconds:.0f} s")
    for name in lost:
        print(f"  not killed: {name}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
