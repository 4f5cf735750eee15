"""Our first responses against those that the platform counts (meta.first_response_parity)."""

from __future__ import annotations

from orchestration.checks.declaration import Check

# Of the conversations whose first response Chatwoot reports, how many must have the same one here.
EQUAL_SHARE = 0.99

WARNINGS = (
    Check(
        name="first_responses_equal_the_platforms",
        table="meta.first_response_parity",
        keys=("reason",),
        sql="select reason from meta.first_response_parity where reason <> 'equal' and ("
        "select coalesce(sum(conversations) filter (where reason = 'equal'), 0) "
        f"< {EQUAL_SHARE!r} * sum(conversations) from meta.first_response_parity)",
        description=f"at least {EQUAL_SHARE:.0%} of the first responses that Chatwoot reports are "
        "ours to the second",
        severity="warning",
        advice="meta.first_response_parity counts the reasons. message_not_loaded: load the dump "
        "of messages of that time; other_clock: webhooks or the send log tell another second",
    ),
    Check(
        name="every_other_first_response_has_a_reason",
        table="meta.first_response_parity",
        keys=("reason",),
        sql="select reason from meta.first_response_parity where reason = 'unexplained'",
        description="each first response that differs from Chatwoot's has a known reason",
        severity="warning",
        advice="One of the two is wrong: compare int_first_responses__reported of build.duckdb "
        "with fct_conversations",
    ),
)
