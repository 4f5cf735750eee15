"""One small world that many tests start from: built once a worker, copied by each test."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.demo import DemoSettings, generate
from tests.pipeline.harness import Build, assert_same_marts, build, clone
from tests.pipeline.payloads import copy_raw

# 90 messages over twelve days: every kind of person, sender and fault of the demo occurs.
SMALL = DemoSettings(contacts=60, days=12, messages=90)


@dataclass(frozen=True)
class World:
    """A raw folder with its working file, of which a test changes its own copy.

    `models`: dbt selectors of what is built; default: all.
    """

    raw_dir: Path
    warehouse_dir: Path
    models: tuple[str, ...] = ()

    def only(self, *models: str) -> World:
        """Return the same world with fewer models."""
        return replace(self, models=models)

    def build(
        self, variables: dict[str, Any] | None = None, *, killed_after: str | None = None
    ) -> Build:
        """Run the increment."""
        return build(
            self.raw_dir,
            self.warehouse_dir,
            variables,
            killed_after=killed_after,
            models=self.models,
        )

    def assert_equals_a_rebuild(self, variables: dict[str, Any] | None = None) -> Build:
        """Run the increment, and a build of the same folder from nothing: the same rows."""
        increment = self.build(variables)
        folder = self.warehouse_dir.with_name("clean")
        shutil.rmtree(folder, ignore_errors=True)
        clean = build(self.raw_dir, folder, variables, models=self.models)
        assert clean.full_refresh_reason == "this working file has not been built before"
        assert_same_marts(increment.db, clean.db)
        return increment


MakeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> MakeOnce:
    """Return `make_once(name, make)`: `make(folder)` runs in one worker, all get the folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def once(name: str, make: Callable[[Path], None]) -> Path:
        folder = shared / name
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not (folder / "done").exists():
                make(folder)
                (folder / "done").touch()
        return folder

    return once


def _make_small_world(folder: Path) -> None:
    generate(folder / "raw", SMALL)
    build(folder / "raw", folder / "warehouse")


@pytest.fixture(scope="session")
def small_world(make_once: MakeOnce) -> World:
    """Build a small demo once; for reading and copying only."""
    folder = make_once("small_world", _make_small_world)
    return World(folder / "raw", folder / "warehouse")


@pytest.fixture
def world(small_world: World, tmp_path: Path) -> World:
    """Return a copy of the small world that a test may change."""
    return World(
        copy_raw(small_world.raw_dir, tmp_path / "raw"),
        clone(small_world.warehouse_dir, tmp_path / "warehouse"),
    )


@pytest.fixture
def empty(tmp_path: Path) -> World:
    """Return an empty raw folder, not built yet."""
    (tmp_path / "raw").mkdir()
    return World(tmp_path / "raw", tmp_path / "warehouse")


@pytest.fixture
def messages_only(empty: World) -> World:
    """Return an empty folder of which only what keeps a state is built, and what that needs.

    Half of the models. What hangs on them has no state: it is a rebuild in each run.
    """
    return empty.only(
        "+fct_messages",
        "+fct_link_clicks",
        "+fct_contact_days",
        "+dim_channels",
        "+watermarks",
        "+int_report_overlaps",
    )


@pytest.fixture
def chats_only(empty: World) -> World:
    """Return the same with conversations, their events, agents and opt-outs."""
    return empty.only(
        "+fct_conversations",
        "+fct_conversation_events",
        "+fct_consent_events",
        "+dim_agents",
        "+dim_channels",
        "+watermarks",
    )
