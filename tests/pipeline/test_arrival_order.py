"""Arrival decides nothing: shuffled, split, doubled, late, replaced and renamed files give the
same rows as one clean build of the folder they end up in (SOURCES 2, rules 1, 2 and 7).
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.pipeline.conftest import World
from tests.pipeline.harness import assert_same_marts, build, clone, query
from tests.pipeline.payloads import (
    NUMBER,
    OTHER_NUMBER,
    SENDS,
    TEMPLATES,
    WEBHOOKS,
    at,
    body,
    delivered,
    echo,
    inbound,
    number_change,
    send,
    status,
    template,
    wrapped,
    write,
    write_csv,
)

ADA, BEN, CLEO = "4917012345601", "4917012345602", "4917012345603"
ADA_ID, BEN_ID = "DE.13491208655302741918", "DE.77491208655302741918"
CHANNELS = "reference/channels"
CHANNEL_HEAD = "channel_id,name,channel_type,timezone,schedule_id\n"

Line = dict[str, Any]


def hand_made() -> dict[str, list[Line]]:
    """Return the records that arrival has ever been able to spoil, by stream."""
    webhooks = [
        # Repeated and out of order; a second device; read without delivered.
        status("wamid.o1", "read", at(0, 90), ADA),
        delivered("wamid.o1", at(0, 60), ADA),
        delivered("wamid.o1", at(0, 61), ADA, "utility"),
        status("wamid.o1", "sent", at(0, 30), ADA, category="marketing"),
        status("wamid.o2", "read", at(1), ADA),
        # Failed twice with different codes; failed, and delivered all the same.
        status("wamid.o3", "failed", at(1, 5), BEN, error=131049),
        status("wamid.o3", "failed", at(1, 9), BEN, error=131026),
        status("wamid.o4", "failed", at(1, 8), BEN, error=131026),
        delivered("wamid.o4", at(1, 50), BEN),
        status("wamid.o5", "held_for_review", at(2), CLEO),
        # One person by number, by user id, by both; a changed number; a changed user id.
        inbound("wamid.i1", at(2, 1), None, user_id=ADA_ID, context="wamid.o1"),
        inbound("wamid.i2", at(3), ADA, user_id=ADA_ID, text="STOP"),
        inbound("wamid.i3", at(1, 20), BEN),
        number_change("wamid.s1", at(4), BEN, CLEO),
        inbound("wamid.i4", at(5), CLEO, number=OTHER_NUMBER),
        body(
            {
                "user_id_update": [
                    {
                        "wa_id": CLEO,
                        "timestamp": str(int(at(6).timestamp())),
                        "user_id": {"previous": BEN_ID, "current": "DE.2"},
                    }
                ]
            },
            field="user_id_update",
        ),
        body(
            {
                "user_preferences": [
                    {"wa_id": ADA, "value": "resume", "timestamp": int(at(6, 5).timestamp())}
                ]
            },
            field="user_preferences",
        ),
        # Typed in the app, once told by the send log too.
        echo("wamid.e1", at(2, 30), ADA),
        echo("wamid.o6", at(2, 40), BEN),
        # Late by weeks; far in the future; the clock of one body is off.
        status("wamid.o7", "read", at(29), ADA),
        inbound("wamid.i5", at(365 * 73), ADA),
        wrapped(inbound("wamid.i6", at(9), BEN), at(2)),
        wrapped(delivered("wamid.o8", at(2), CLEO, "service"), at(2, 5), request_id="r-1"),
        delivered("wamid.o9", at(2, 1), None, "service"),
        # To a group, answered by one of its members.
        delivered("wamid.g1", at(3), "120363418770915618@g.us", "group_utility"),
        inbound("wamid.i7", at(3, 60), BEN, context="wamid.g1"),
        body({"statuses": None, "messages": None}),
        body(
            {
                "event": "APPROVED",
                "message_template_id": 1,
                "message_template_name": "offer",
                "message_template_language": "en",
            },
            field="message_template_status_update",
        ),
    ]
    sends = [
        send("wamid.o1", at(0), ADA, template="offer", campaign_id="c1"),
        send("wamid.o3", at(1), BEN, template="offer", campaign_id="c1", variant="b"),
        send("wamid.o6", at(2, 39), f"+{BEN}", sender_type="agent", agent_id="a1"),
        send("wamid.o7", at(0, 3), ADA, template="news"),
        send("wamid.o10", at(3), None, user_id=BEN_ID, template="news"),
        send(None, at(4), "+49 170 12345601", template="offer"),
        send(None, at(4), "+49 170 12345601", template="offer"),
        send("wamid.o11", at(4), CLEO, number=OTHER_NUMBER, flow_version="7"),
    ]
    templates = [
        template("offer", "MARKETING", last_updated_time="2026-10-01T00:00:00+0000"),
        template("offer", "UTILITY", last_updated_time="2026-10-03T00:00:00+0000"),
        template("news", "MARKETING"),
        template("news", "MARKETING", status_name="PAUSED"),
    ]
    return {WEBHOOKS: webhooks, SENDS: sends, TEMPLATES: templates}


@dataclass(frozen=True)
class Plan:
    """How a set of records is delivered."""

    seed: int
    files: int
    runs: int
    doubled: float
    replaced: int
    renamed: int
    copied: int


PLANS = st.builds(
    Plan,
    seed=st.integers(0, 2**32 - 1),
    files=st.integers(2, 5),
    runs=st.integers(2, 3),
    doubled=st.sampled_from([0.0, 0.2, 0.5]),
    replaced=st.integers(0, 2),
    renamed=st.integers(0, 1),
    copied=st.integers(0, 2),
)


class Delivery:
    """Writes the files of a plan, run by run; knows which one may still be replaced or renamed."""

    def __init__(self, raw_dir: Path, plan: Plan) -> None:
        self.raw_dir = raw_dir
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.standing: list[Path] = []

    def _name(self) -> str:
        return (
            f"{self.random.choice(['a', 'm', 'z', 'sub/k'])}{self.random.getrandbits(32):08x}.jsonl"
        )

    def split(self, lines: list[Line]) -> list[list[Line]]:
        """Deal shuffled lines, some of them twice, to the plan's files."""
        dealt: list[list[Line]] = [[] for _ in range(self.plan.files)]
        for line in lines:
            dealt[self.random.randrange(len(dealt))].append(line)
            while self.random.random() < self.plan.doubled:
                # Into the same file or another: repeats within a file and across files.
                dealt[self.random.randrange(len(dealt))].append(line)
        for part in dealt:
            self.random.shuffle(part)
        return [part for part in dealt if part]

    def deliver(self, stream: str, part: list[Line]) -> None:
        """Write one new file."""
        path = write(self.raw_dir, stream, self._name(), part)
        self.standing.append(path)

    def disturb(self, spare: list[Line]) -> None:
        """Between two runs: replace, rename and copy files that have been loaded."""
        # Renamed first: a file that is replaced and renamed between two runs is one that has
        # disappeared, whose rows stay, and a new one.
        for _ in range(self.plan.renamed):
            if self.standing:
                path = self.standing.pop(self.random.randrange(len(self.standing)))
                path.rename(path.with_name(f"q{self.random.getrandbits(32):08x}.jsonl"))
        for _ in range(self.plan.replaced):
            if self.standing:
                path = self.random.choice(self.standing)
                lines = path.read_text().splitlines()
                kept = self.random.sample(lines, self.random.randrange(1, len(lines) + 1))
                stream = "/".join(path.relative_to(self.raw_dir).parts[:2])
                more: list[Line | str] = [*kept]
                if stream == WEBHOOKS and spare:
                    more.append(spare.pop())
                write(
                    self.raw_dir, stream, "/".join(path.relative_to(self.raw_dir).parts[2:]), more
                )
        for _ in range(self.plan.copied):
            if self.standing:
                path = self.random.choice(self.standing)
                shutil.copy(path, path.with_name(f"copy-{self.random.getrandbits(32):08x}.jsonl"))


def deliver_and_compare(folder: Path, demo: Path, plan: Plan) -> None:
    """Deliver the demo's and the hand-made records by a plan; increments = one clean build."""
    raw_dir, warehouse = folder / "raw", folder / "warehouse"
    delivery = Delivery(raw_dir, plan)
    parts: list[tuple[str, list[Any]]] = []
    for stream, lines in hand_made().items():
        mixed: list[Any] = list(lines)
        if (demo / stream).is_dir():
            texts = [
                line
                for path in sorted((demo / stream).iterdir())
                for line in path.read_text().splitlines()
            ]
            mixed += delivery.random.sample(texts, min(len(texts), 40))
        delivery.random.shuffle(mixed)
        parts += [(stream, part) for part in delivery.split(mixed)]
    for name, text in (
        ("b.csv", f"{NUMBER},First,whatsapp,UTC,\n"),
        ("c.csv", f"{NUMBER},Second,whatsapp,Europe/Berlin,\n"),
    ):
        write_csv(raw_dir, CHANNELS, name, CHANNEL_HEAD + text)
    delivery.random.shuffle(parts)
    spare = [inbound(f"wamid.x{n}", at(7, n), CLEO, number=OTHER_NUMBER) for n in range(9)]
    for run in range(plan.runs):
        for stream, part in parts[run :: plan.runs]:
            delivery.deliver(stream, part)
        increment = build(raw_dir, warehouse)
        if run < plan.runs - 1:
            delivery.disturb(spare)
    clean = build(raw_dir, folder / "clean")
    assert_same_marts(increment.db, clean.db)
    _assert_ledger_adds_up(increment.db)


def _assert_ledger_adds_up(db: Path) -> None:
    assert not query(
        db,
        "select path from raw.files "
        "where rows_read is distinct from rows_loaded + rows_rejected + rows_duplicate",
    )


def _property(examples: int, **more: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    # An example costs seconds: shown as it is, a plan is short enough to read.
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        **more,
    )


@given(plan=PLANS)
@_property(3, derandomize=True)
def test_arrival_decides_nothing(
    small_world: World, tmp_path_factory: pytest.TempPathFactory, plan: Plan
) -> None:
    deliver_and_compare(tmp_path_factory.mktemp("arrival"), small_world.raw_dir, plan)


@pytest.mark.long
@given(plan=PLANS)
@_property(40)
def test_arrival_decides_nothing_many_times(
    small_world: World, tmp_path_factory: pytest.TempPathFactory, plan: Plan
) -> None:
    folder = tmp_path_factory.mktemp("arrival")
    deliver_and_compare(folder, small_world.raw_dir, plan)
    shutil.rmtree(folder)


def test_statuses_that_arrive_backwards_one_run_each_keep_every_time(empty: World) -> None:
    """A delete and insert of the newest rows alone once erased the times that came before."""
    for name, lines in (
        ("3.jsonl", [status("wamid.o1", "read", at(0, 90), ADA)]),
        ("2.jsonl", [delivered("wamid.o1", at(0, 60), ADA)]),
        ("1.jsonl", [status("wamid.o1", "sent", at(0, 30), ADA)]),
    ):
        write(empty.raw_dir, WEBHOOKS, name, lines)
        increment = empty.build()
    rows = query(increment.db, "select sent_at, delivered_at, read_at from marts.fct_messages")
    assert rows == [tuple(at(0, n).replace(tzinfo=None) for n in (30, 60, 90))]


def test_a_doubled_log_changes_no_number(world: World) -> None:
    """The log was rotated and delivered again under other names, in another order of lines."""
    before = clone(world.warehouse_dir, world.warehouse_dir.with_name("before"))
    for path in sorted((world.raw_dir / WEBHOOKS).iterdir()):
        lines = path.read_text().splitlines(keepends=True)
        path.with_name(f"again-{path.name}").write_text("".join(reversed(lines)) + lines[0])
    for path in sorted((world.raw_dir / SENDS).iterdir()):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    after = world.build()
    # What counts raw rows doubles, the marts don't.
    doubled = query(after.db, "select sum(rows_duplicate) from raw.files")
    assert doubled[0][0] > 0
    assert_same_marts(before / "build.duckdb", after.db, marts_only=True)


@pytest.mark.long
def test_an_appended_log_is_read_again_as_a_whole(empty: World) -> None:
    """The file of today grows: its earlier version leaves with the keys it held."""
    lines = [delivered(f"wamid.o{n}", at(n), ADA) for n in range(4)]
    write(empty.raw_dir, WEBHOOKS, "today.jsonl", lines[:2])
    empty.build()
    write(empty.raw_dir, WEBHOOKS, "today.jsonl", [*lines, inbound("wamid.i1", at(5), ADA)])
    increment = empty.assert_equals_a_rebuild()
    assert query(increment.db, "select count(*) from marts.fct_messages") == [(5,)]


def test_of_two_listings_the_last_path_wins_though_it_came_first(empty: World) -> None:
    write(empty.raw_dir, WEBHOOKS, "w.jsonl", [inbound("wamid.i1", at(), ADA)])
    categories = {"a.jsonl": "UTILITY", "b.jsonl": "MARKETING"}
    for name in ("b.jsonl", "a.jsonl"):
        write(empty.raw_dir, TEMPLATES, name, [template("offer", categories[name])])
        increment = empty.build()
    assert query(increment.db, "select category from marts.dim_templates") == [("marketing",)]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [delivered("wamid.o1", at(), ADA)],
        [status("wamid.o1", "failed", at(), ADA)],
    ],
    ids=["nothing", "nothing_failed", "failed_without_a_code"],
)
def test_a_folder_with_one_kind_of_record_builds(empty: World, lines: list[Line]) -> None:
    """DuckDB 2.0 stops at some comparisons with a column that has no value at all."""
    if lines:
        write(empty.raw_dir, WEBHOOKS, "w.jsonl", lines)
    done = empty.build()
    assert query(done.db, "select count(*) from marts.fct_messages") == [(len(lines),)]
