"""What a CRM says of people: created, merged, a lead, qualified, won, a goal reached."""

from orchestration.sources.declaration import NO_PLAIN_ID, Identifier, csv_stream

EVENTS = csv_stream(
    "contacts",
    "events",
    "something that happened to a contact",
    ("event", "occurred_at"),
    ("source", "actor", "value", "amount", "currency_code"),
    key=("event", "occurred_at", "value"),
    person="required",
    event_time="occurred_at",
    # Who did it may be named, and a value may be anything: a label, a stage, the merged person.
    personal=("actor", "value"),
    identifiers=(
        Identifier(kind="agent", column="actor", where=NO_PLAIN_ID.format("actor")),
        # The person that was merged into this one, by number, e-mail or id.
        Identifier(
            kind="phone",
            column="value",
            where="lower(event) = 'merged' and regexp_full_match(value, '[+0-9 ().\\-]{5,20}')",
        ),
        Identifier(
            kind="email", column="value", where="lower(event) = 'merged' and value like '%@%'"
        ),
        Identifier(
            kind="external",
            column="value",
            where=(
                "lower(event) = 'merged' and value not like '%@%' "
                "and not regexp_full_match(value, '[+0-9 ().\\-]{5,20}')"
            ),
        ),
    ),
)

STREAMS = (EVENTS,)
