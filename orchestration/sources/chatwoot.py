"""Chatwoot: dumps of its PostgreSQL tables as CSV with header; times are naive UTC."""

from orchestration.sources.declaration import TEXT_TIME, Column, Stream

_CONVERSATION_COLUMNS = (
    "id",
    "account_id",
    "inbox_id",
    "status",
    "assignee_id",
    "created_at",
    "updated_at",
    "contact_id",
    "display_id",
    "contact_last_seen_at",
    "agent_last_seen_at",
    "additional_attributes",
    "contact_inbox_id",
    "uuid",
    "identifier",
    "last_activity_at",
    "team_id",
    "campaign_id",
    "snoozed_until",
    "custom_attributes",
    "assignee_last_seen_at",
    "first_reply_created_at",
    "priority",
    "sla_policy_id",
    "waiting_since",
    "cached_label_list",
    "assignee_agent_bot_id",
)

CONVERSATIONS = Stream(
    source="chatwoot",
    name="conversations",
    record="a conversation as Chatwoot keeps it (it may have been reopened)",
    format="csv",
    columns=tuple(
        Column(
            name=name,
            required=name in ("id", "inbox_id", "created_at"),
            personal=name in ("identifier", "additional_attributes", "custom_attributes"),
        )
        for name in _CONVERSATION_COLUMNS
    ),
    natural_key=("id",),
    event_time=TEXT_TIME.format("created_at"),
    export_time_pattern=r"(\d{4}-\d{2}-\d{2})",
)

STREAMS = (CONVERSATIONS,)
