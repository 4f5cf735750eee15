"""Chatwoot beside WhatsApp's own logs, and instead of them: each message counts once."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.conftest import World
from tests.pipeline.harness import query, records
from tests.pipeline.inbox import (
    ACTIVITY,
    OUTGOING,
    TEMPLATE,
    Row,
    contact,
    contact_inbox,
    conversation,
    dump,
    inbox,
    message,
    user,
)
from tests.pipeline.payloads import (
    NUMBER,
    OTHER_NUMBER,
    SENDS,
    WEBHOOKS,
    at,
    delivered,
    inbound,
    message_id,
    naive,
    send,
    status,
    write,
    write_csv,
)

ADA, BEN = "4917012345601", "4917012345602"
AGENT, BOT = ("User", 7), ("AgentBot", 7)


def _customer(number: int) -> tuple[str, int]:
    return "Contact", number


def _messages() -> list[Row]:
    """Ada asks, a bot and an agent answer; Ben's chat is on a website and no WhatsApp has it."""
    return [
        message(1, 11, at(seconds=1), sender=_customer(1), source_id="wamid.i1"),
        message(2, 11, at(seconds=5), kind=OUTGOING, sender=BOT, source_id="wamid.o1"),
        message(3, 11, at(seconds=60), kind=OUTGOING, sender=AGENT, source_id="wamid.o2"),
        message(4, 11, at(seconds=61), kind=OUTGOING, sender=AGENT, private=True),
        message(5, 11, at(seconds=62), kind=ACTIVITY, content="Assigned to Ada by Ben"),
        message(6, 12, at(1), sender=_customer(2), inbox_id=2),
        message(7, 12, at(1, 9), kind=TEMPLATE, inbox_id=2, content_type=9),
        message(
            8,
            11,
            at(2),
            kind=OUTGOING,
            sender=AGENT,
            status=3,
            content_attributes='{"external_error":"131047: Re-engagement message"}',
        ),
    ]  # fmt: skip


def _dump_all(raw_dir: Path, name: str = "dump.csv") -> None:
    dump(raw_dir, "contacts", name, [
        contact(1, at(), f"+{ADA}", email="ada@example.com"),
        contact(2, at(1), None, identifier="web-2"),
    ])  # fmt: skip
    dump(raw_dir, "contact_inboxes", name, [
        contact_inbox(1, 1, ADA, at()), contact_inbox(2, 2, "4917012345699", at(1), 2),
    ])  # fmt: skip
    dump(raw_dir, "inboxes", name, [inbox(1), inbox(2, "Channel::WebWidget", "Europe/Berlin")])
    dump(raw_dir, "users", name, [user(7, "Agent Seven")])
    dump(raw_dir, "teams", name, [{"id": 3, "name": "support"}])
    dump(raw_dir, "agent_bots", name, [{"id": 7, "name": "helper"}])
    dump(raw_dir, "conversations", name, [
        conversation(11, 1, at(seconds=1), assignee_id=7, team_id=3),
        conversation(12, 2, at(1), inbox_id=2),
    ])  # fmt: skip
    dump(raw_dir, "messages", name, _messages())


def _webhooks(raw_dir: Path) -> None:
    write(raw_dir, WEBHOOKS, "w.jsonl", [
        inbound("wamid.i1", at(), ADA),
        status("wamid.o1", "sent", at(seconds=6), ADA),
        status("wamid.o2", "sent", at(seconds=61), ADA),
        delivered("wamid.o2", at(seconds=70), ADA, "service"),
    ])  # fmt: skip


def _facts(world: World) -> dict[str, Row]:
    rows = records(
        world.warehouse_dir / "build.duckdb",
        "select c.identifier_value as person, r.record_id, m.* from marts.fct_messages as m "
        "left join intermediate.int_messages__unioned as r on m.message_id = r.message_id "
        "left join intermediate.int_identities as c on m.contact_id = c.identifier_hash",
    )
    return {str(row["record_id"]): row for row in rows}


def test_chatwoot_alone_tells_who_wrote_what_and_where(chats_only: World) -> None:
    _dump_all(chats_only.raw_dir)
    chats_only.build()
    facts = _facts(chats_only)
    assert facts.keys() == {
        "wamid.i1", "wamid.o1", "wamid.o2", "chatwoot|6", "chatwoot|7", "chatwoot|8",
    }  # fmt: skip
    asked, bot, agent = facts["wamid.i1"], facts["wamid.o1"], facts["wamid.o2"]
    assert (asked["direction"], asked["sender_type"], asked["person"]) == (
        "inbound",
        "contact",
        ADA,
    )
    assert (bot["sender_type"], bot["bot_id"], bot["agent_id"]) == ("bot", "chatwoot:bot-7", "none")
    assert (agent["sender_type"], agent["agent_id"]) == ("agent", "chatwoot:7")
    assert (agent["category"], agent["template_name"]) == ("service", "none")
    assert (agent["sent_at"], agent["delivered_at"]) == (naive(at(seconds=60)), None)
    assert agent["message_id"] == message_id("wamid.o2")
    refused = facts["chatwoot|8"]
    assert (refused["failed_at"], refused["sent_at"]) == (naive(at(2)), None)
    assert (refused["error_code"], refused["error_class"]) == ("131047", "window")
    # The number that the website's inbox knows is none of WhatsApp.
    site = facts["chatwoot|6"]
    assert (site["person"], site["channel_id"]) == ("chatwoot:2", "chatwoot:2")
    assert facts["chatwoot|7"]["message_type"] == "input_csat"
    assert facts["chatwoot|7"]["sender_type"] == "api"
    db = chats_only.warehouse_dir / "build.duckdb"
    assert query(db, "from marts.dim_channels select channel_id, channel_type, timezone "
                     "order by all") == [
        ("chatwoot:1", "whatsapp", "UTC"), ("chatwoot:2", "webchat", "Europe/Berlin"),
    ]  # fmt: skip
    assert query(db, "from marts.dim_agents order by agent_id") == [
        ("chatwoot:7", "chatwoot:7", "chatwoot:3", "support", False),
        ("chatwoot:bot-7", "chatwoot:bot-7", "none", None, True),
    ]
    assert query(db, "select subject, source, stream, watermark_at from meta.watermarks "
                     "where source = 'chatwoot' and subject = 'messages'") == [
        ("messages", "chatwoot", "messages", naive(at(2))),
    ]  # fmt: skip


def _counts(world: World, where: str) -> list[tuple[object, ...]]:
    return query(
        world.warehouse_dir / "build.duckdb",
        "select direction, message_on, count(*), count(distinct contact_id) "
        f"from marts.fct_messages where {where} group by all order by all",
    )


def test_chatwoot_and_webhooks_of_the_same_chats_count_each_message_once(
    chats_only: World, tmp_path: Path
) -> None:
    """The regression: a message that both tell of would be two, in two channels."""
    _webhooks(chats_only.raw_dir)
    chats_only.build()
    alone = _counts(chats_only, "true")
    assert sum(int(str(row[2])) for row in alone) == 3
    _dump_all(chats_only.raw_dir)
    assert chats_only.assert_equals_a_rebuild().full_refresh_reason is None
    assert _counts(chats_only, f"channel_id = '{NUMBER}' and failed_at is null") == alone
    facts = _facts(chats_only)
    assert len(facts) == 6
    # The inbox is the number's channel, for what WhatsApp never heard of too.
    assert facts["chatwoot|8"]["channel_id"] == NUMBER
    assert facts["chatwoot|6"]["channel_id"] == "chatwoot:2"
    asked, agent = facts["wamid.i1"], facts["wamid.o2"]
    assert (asked["message_at"], asked["person"]) == (naive(at()), ADA)
    assert (agent["agent_id"], agent["delivered_at"]) == ("chatwoot:7", naive(at(seconds=70)))
    assert agent["sent_at"] == naive(at(seconds=60))
    db = chats_only.warehouse_dir / "build.duckdb"
    assert query(db, "select channel_id, channel_type from marts.dim_channels order by all") == [
        (NUMBER, "whatsapp"), ("chatwoot:2", "webchat"),
    ]  # fmt: skip
    # Chatwoot alone: the same messages, the inbox is its own channel.
    only = World(tmp_path / "only" / "raw", tmp_path / "only" / "warehouse", chats_only.models)
    only.raw_dir.mkdir(parents=True)
    _dump_all(only.raw_dir)
    only.build()
    assert _counts(only, "channel_id = 'chatwoot:1' and failed_at is null") == alone
    # The webhooks come after.
    _webhooks(only.raw_dir)
    assert only.assert_equals_a_rebuild().full_refresh_reason is None
    assert _facts(only)["chatwoot|8"]["channel_id"] == NUMBER


def test_dumps_that_come_again_equal_a_rebuild_and_touch_what_changed(chats_only: World) -> None:
    _webhooks(chats_only.raw_dir)
    _dump_all(chats_only.raw_dir)
    chats_only.build()
    db = chats_only.warehouse_dir / "build.duckdb"
    # The same dump, exported anew with one message more: nothing else is worked out again.
    later = [
        *_messages(),
        message(9, 12, at(3), kind=OUTGOING, sender=AGENT, inbox_id=2),
    ]
    dump(chats_only.raw_dir, "messages", "dump.csv", later)
    assert chats_only.assert_equals_a_rebuild().full_refresh_reason is None
    touched = "select record_id from intermediate.int_messages__touched order by all"
    assert query(db, touched) == [("chatwoot|6",), ("chatwoot|7",), ("chatwoot|9",)]
    # Ben's contact turns out to be Ada; a message goes; what had no id of WhatsApp's has one now.
    dump(chats_only.raw_dir, "conversations", "dump.csv", [
        conversation(11, 1, at(seconds=1), assignee_id=7, team_id=3),
        conversation(12, 1, at(1), inbox_id=2, updated_at=at(4)),
    ])  # fmt: skip
    later = [row for row in later if row["id"] != 7]
    later[-2] = {**later[-2], "source_id": "wamid.o8", "status": 0, "updated_at": at(4)}
    dump(chats_only.raw_dir, "messages", "dump.csv", later)
    assert chats_only.assert_equals_a_rebuild().full_refresh_reason is None
    facts = _facts(chats_only)
    assert facts.keys() == {
        "wamid.i1", "wamid.o1", "wamid.o2", "chatwoot|6", "wamid.o8", "chatwoot|9",
    }  # fmt: skip
    assert {row["person"] for row in facts.values()} == {ADA}
    assert facts["wamid.o8"]["sent_at"] == naive(at(2))
    # A dated dump beside it knows less: what changed later stays.
    dump(chats_only.raw_dir, "messages", "messages-2026-10-07.csv", _messages()[:3])
    chats_only.assert_equals_a_rebuild()
    # The dumps are exported anew without the two conversations and most of the messages.
    dump(chats_only.raw_dir, "conversations", "dump.csv", [conversation(13, 2, at(5), inbox_id=2)])
    dump(chats_only.raw_dir, "messages", "dump.csv", _messages()[:1])
    chats_only.assert_equals_a_rebuild()
    assert _facts(chats_only).keys() == {"wamid.i1", "wamid.o1", "wamid.o2"}


def test_an_inbox_that_moves_to_another_number_takes_its_messages_along(chats_only: World) -> None:
    _webhooks(chats_only.raw_dir)
    _dump_all(chats_only.raw_dir)
    chats_only.build()
    dump(chats_only.raw_dir, "messages", "more.csv", [
        message(20 + n, 11, at(4, n), kind=OUTGOING, sender=AGENT, source_id=f"wamid.m{n}")
        for n in range(4)
    ])  # fmt: skip
    write(chats_only.raw_dir, SENDS, "s.jsonl", [
        send(f"wamid.m{n}", at(4, n), ADA, number=OTHER_NUMBER) for n in range(4)
    ])  # fmt: skip
    assert chats_only.assert_equals_a_rebuild().full_refresh_reason is None
    facts = _facts(chats_only)
    assert facts["chatwoot|8"]["channel_id"] == OTHER_NUMBER
    # What WhatsApp says of a message itself goes first.
    assert facts["wamid.o1"]["channel_id"] == NUMBER


def test_inboxes_that_are_told_after_their_contacts_make_people_one(chats_only: World) -> None:
    _webhooks(chats_only.raw_dir)
    dump(chats_only.raw_dir, "contacts", "c.csv", [contact(1, at(), None)])
    dump(chats_only.raw_dir, "contact_inboxes", "ci.csv", [contact_inbox(1, 1, ADA, at())])
    dump(chats_only.raw_dir, "conversations", "v.csv", [conversation(11, 1, at())])
    dump(chats_only.raw_dir, "messages", "m.csv", [message(9, 11, at(1), sender=_customer(1))])
    chats_only.build()
    assert _facts(chats_only)["chatwoot|9"]["person"] == "chatwoot:1"
    dump(chats_only.raw_dir, "inboxes", "i.csv", [inbox(1)])
    assert chats_only.assert_equals_a_rebuild().full_refresh_reason is None
    assert {row["person"] for row in _facts(chats_only).values()} == {ADA}


def test_a_conversation_whose_row_is_missing_is_made_of_its_messages(chats_only: World) -> None:
    """One cycle with all its messages; when the row comes it takes over."""
    _dump_all(chats_only.raw_dir)
    dump(chats_only.raw_dir, "conversations", "dump.csv", [conversation(12, 2, at(1), inbox_id=2)])
    rows = [row for row in _messages() if row["message_type"] != ACTIVITY and not row["private"]]
    # An agent wrote first.
    greeting = message(10, 11, at(), kind=OUTGOING, sender=AGENT)
    dump(chats_only.raw_dir, "messages", "dump.csv", [*rows, greeting])
    told = (
        "select c.session_source, c.opened_at, c.opened_by, c.closed_at, c.messages_received, "
        "c.messages_sent, count(m.message_id) as filed, count(distinct m.contact_id) as people "
        "from marts.fct_conversations as c join marts.fct_messages as m "
        "using (conversation_cycle_id) where c.opened_at < ? group by all"
    )
    db = chats_only.build().db
    [made] = query(db, told, naive(at(1)))
    assert made == ("platform", naive(at()), "agent", None, 1, 3, 5, 1)
    assert {row["person"] for row in _facts(chats_only).values()} == {ADA, "chatwoot:2"}
    dump(chats_only.raw_dir, "conversations", "dump.csv", [
        conversation(11, 1, at(seconds=1), status=1, last_activity_at=at(3)),
        conversation(12, 2, at(1), inbox_id=2),
    ])  # fmt: skip
    after = chats_only.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    [listed] = query(db, told, naive(at(1)))
    assert (listed[0], listed[1], listed[3]) == ("platform", naive(at(seconds=1)), naive(at(3)))
    assert listed[6:] == (5, 1)


def test_a_message_of_2099_in_an_inbox_closes_nothing(chats_only: World) -> None:
    _dump_all(chats_only.raw_dir)
    dump(chats_only.raw_dir, "messages", "late.csv", [
        message(30, 11, at(365 * 73), kind=OUTGOING, sender=AGENT),
    ])  # fmt: skip
    chats_only.build()
    assert _facts(chats_only)["chatwoot|30"]["has_clock_anomaly"] is True
    db = chats_only.warehouse_dir / "build.duckdb"
    assert query(
        db,
        "select watermark_at from meta.watermarks "
        "where source = 'chatwoot' and subject = 'messages'",
    ) == [(naive(at(2)),)]
    # The business goes on: the message of then is anomalous no more beside its likes.
    dump(chats_only.raw_dir, "messages", "later.csv", [
        message(31, 11, at(365 * 73, 9), kind=OUTGOING, sender=AGENT),
    ])  # fmt: skip
    assert chats_only.assert_equals_a_rebuild().full_refresh_reason is None
    assert _facts(chats_only)["chatwoot|30"]["has_clock_anomaly"] is False


def test_a_stop_word_in_an_inbox_is_an_opt_out_once(chats_only: World) -> None:
    _webhooks(chats_only.raw_dir)
    _dump_all(chats_only.raw_dir)
    dump(chats_only.raw_dir, "messages", "stop.csv", [
        message(40, 12, at(3), sender=_customer(2), inbox_id=2, content="STOP"),
        message(41, 11, at(3), sender=_customer(1), source_id="wamid.i9", content="STOP!"),
    ])  # fmt: skip
    write(
        chats_only.raw_dir, WEBHOOKS, "stop.jsonl", [inbound("wamid.i9", at(3), ADA, text="STOP!")]
    )
    chats_only.build()
    rows = query(
        chats_only.warehouse_dir / "build.duckdb",
        "select channel_id, event, source, occurred_at from marts.fct_consent_events order by all",
    )
    assert rows == [
        (NUMBER, "opt_out", "stop_word", naive(at(3))),
        ("chatwoot:2", "opt_out", "stop_word", naive(at(3))),
    ]


def test_the_conversation_of_a_message_is_its_platforms(chats_only: World) -> None:
    _dump_all(chats_only.raw_dir)
    write_csv(
        chats_only.raw_dir,
        "generic/messages",
        "m.csv",
        "message_id,channel_id,phone,direction,sent_at,conversation_id,sender_type,agent_id\n"
        f"x1,shop,+{BEN},inbound,{at()},17,,\n"
        f"wamid.o2,shop,+{ADA},outbound,{at(seconds=60)},17,campaign,\n",
    )
    write(
        chats_only.raw_dir, SENDS, "s.jsonl", [send("wamid.s1", at(), BEN, conversation_id="own")]
    )
    chats_only.build()
    rows = query(
        chats_only.warehouse_dir / "build.duckdb",
        "select record_id, conversation_key, agent_id from intermediate.int_messages__unioned",
    )
    told = {record: (key, agent) for record, key, agent in rows}
    assert told["wamid.o1"] == ("chatwoot:11", "none")
    assert told["wamid.o2"] == ("chatwoot:11", "chatwoot:7")
    assert told["wamid.s1"][0] == "generic:own"
    assert [key for record, (key, _) in told.items() if "x1" in record] == ["generic:17"]
