"""Chatwoot: dumps of its PostgreSQL tables as CSV with header; times are naive UTC.

Columns as of Chatwoot 4; a dump of an older version lacks some, and one need not export those that
no model reads (a user's password hash, say). Ids are those of one installation.
"""

from orchestration.sources.declaration import TEXT_TIME, Column, Identifier, Stream

# A contact of Chatwoot is a person's identifier, a conversation's id is guessable: both are hashed,
# with the system's name, which makes a number an id.
_CONVERSATION_KEY = Column(
    name="conversation_key",
    personal=True,
    derived="'chatwoot:' || conversation_id",
    description="the conversation, whatever export names it",
)
_CONVERSATION = Identifier(kind="conversation", column="conversation_key")
_CONTACT = Identifier(kind="platform", column="platform_contact_id")


def _contact_of(sql: str) -> Column:
    return Column(
        name="platform_contact_id",
        personal=True,
        derived=sql,
        description="the contact, as an identifier of a person",
    )


def _table(
    name: str,
    record: str,
    required: tuple[str, ...],
    optional: tuple[str, ...],
    *,
    personal: tuple[str, ...] = (),
    derived: tuple[Column, ...] = (),
    identifiers: tuple[Identifier, ...] = (),
    has_own_time: bool = False,
) -> Stream:
    """Return the declaration of a table of Chatwoot's.

    Args:
        has_own_time: a row is something that happened, when it was made.
    """
    return Stream(
        source="chatwoot",
        name=name,
        record=record,
        format="csv",
        # Tools that dump tables separate columns as they like.
        is_lenient=True,
        columns=(
            *(
                Column(name=column, required=column in required, personal=column in personal)
                for column in (*required, *optional)
            ),
            *derived,
        ),
        natural_key=("id",),
        identifiers=identifiers,
        event_time=TEXT_TIME.format("created_at") if has_own_time else None,
        export_time_pattern=r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
    )


CONVERSATIONS = _table(
    "conversations",
    "a conversation as Chatwoot keeps it (it may have been reopened)",
    ("id", "inbox_id", "created_at"),
    (
        "account_id",
        "status",
        "assignee_id",
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
    ),
    personal=(
        "id",
        "display_id",
        "uuid",
        "contact_id",
        "contact_inbox_id",
        "identifier",
        "additional_attributes",
        "custom_attributes",
    ),
    derived=(
        _CONVERSATION_KEY.model_copy(update={"derived": "'chatwoot:' || id"}),
        _contact_of("'chatwoot:' || contact_id"),
    ),
    identifiers=(_CONVERSATION, _CONTACT),
    has_own_time=True,
)
MESSAGES = _table(
    "messages",
    "a message, a private note, or a notice that something happened (an activity)",
    ("id", "inbox_id", "conversation_id", "message_type", "created_at"),
    (
        "content",
        "account_id",
        "updated_at",
        "private",
        "status",
        "source_id",
        "content_type",
        "content_attributes",
        "sender_type",
        "sender_id",
        "external_source_ids",
        "additional_attributes",
        "processed_message_content",
        "sentiment",
    ),
    personal=(
        "id",
        "conversation_id",
        "content",
        "source_id",
        "content_attributes",
        "sender_id",
        "external_source_ids",
        "additional_attributes",
        "processed_message_content",
        "sentiment",
    ),
    derived=(
        # Not `record_id`, whose values are noted when their file is replaced: a dump replaces all
        # it held each day. What of it is new is told by comparison (int_lookups).
        Column(
            name="message_key",
            personal=True,
            derived=(
                "case when source_id like 'wamid.%' then source_id else 'chatwoot|' || id end"
            ),
            description="the wamid, else a key of the message",
        ),
        _CONVERSATION_KEY,
        _contact_of("case when sender_type = 'Contact' then 'chatwoot:' || sender_id end"),
    ),
    identifiers=(
        # Notes and activities are events, with ids of their own.
        Identifier(kind="message", column="message_key", where="message_key not like 'wamid.%'"),
        _CONVERSATION,
        _CONTACT,
    ),
    has_own_time=True,
)
REPORTING_EVENTS = _table(
    "reporting_events",
    "what Chatwoot's own reports are made of: a first response, a resolution, a handoff",
    ("id", "name", "conversation_id", "created_at"),
    (
        "value",
        "account_id",
        "inbox_id",
        "user_id",
        "updated_at",
        "value_in_business_hours",
        "event_start_time",
        "event_end_time",
    ),
    personal=("id", "conversation_id"),
    derived=(
        _CONVERSATION_KEY,
        Column(
            name="event_key",
            personal=True,
            derived="'chatwoot|event|' || id",
            description="a key of the event",
        ),
    ),
    identifiers=(_CONVERSATION, Identifier(kind="message", column="event_key")),
    has_own_time=True,
)
CONTACTS = _table(
    "contacts",
    "a person, as Chatwoot knows them",
    ("id", "created_at"),
    (
        "name",
        "email",
        "phone_number",
        "account_id",
        "updated_at",
        "additional_attributes",
        "identifier",
        "custom_attributes",
        "last_activity_at",
        "contact_type",
        "middle_name",
        "last_name",
        "location",
        "country_code",
        "blocked",
    ),
    personal=(
        "id",
        "name",
        "email",
        "phone_number",
        "additional_attributes",
        "identifier",
        "custom_attributes",
        "middle_name",
        "last_name",
        "location",
    ),
    derived=(_contact_of("'chatwoot:' || id"),),
    identifiers=(
        _CONTACT,
        Identifier(kind="phone", column="phone_number"),
        Identifier(kind="email", column="email"),
        Identifier(kind="external", column="identifier"),
    ),
    has_own_time=True,
)
CONTACT_INBOXES = _table(
    "contact_inboxes",
    "under which id a contact is known in an inbox",
    ("id", "contact_id", "inbox_id", "source_id", "created_at"),
    ("updated_at", "hmac_verified", "pubsub_token"),
    personal=("id", "contact_id", "source_id", "pubsub_token"),
    derived=(_contact_of("'chatwoot:' || contact_id"),),
    identifiers=(
        _CONTACT,
        # In an inbox of WhatsApp or SMS. That it is one stands in another table: the models tell.
        Identifier(
            kind="phone",
            column="source_id",
            where="regexp_full_match(source_id, '(whatsapp:)?\\+?[0-9]{5,15}')",
        ),
    ),
    has_own_time=True,
)
INBOXES = _table(
    "inboxes",
    "a channel of the business",
    ("id", "channel_type"),
    (
        "channel_id",
        "account_id",
        "name",
        "created_at",
        "updated_at",
        "enable_auto_assignment",
        "greeting_enabled",
        "greeting_message",
        "email_address",
        "working_hours_enabled",
        "out_of_office_message",
        "timezone",
        "enable_email_collect",
        "csat_survey_enabled",
        "allow_messages_after_resolved",
        "auto_assignment_config",
        "lock_to_single_conversation",
        "portal_id",
        "sender_name_type",
        "business_name",
        "csat_config",
    ),
    personal=(
        "name",
        "email_address",
        "greeting_message",
        "out_of_office_message",
        "business_name",
        "csat_config",
    ),
)
USERS = _table(
    "users",
    "an agent",
    ("id",),
    (
        "provider",
        "uid",
        "encrypted_password",
        "reset_password_token",
        "reset_password_sent_at",
        "remember_created_at",
        "sign_in_count",
        "current_sign_in_at",
        "last_sign_in_at",
        "current_sign_in_ip",
        "last_sign_in_ip",
        "confirmation_token",
        "confirmed_at",
        "confirmation_sent_at",
        "unconfirmed_email",
        "name",
        "display_name",
        "email",
        "tokens",
        "created_at",
        "updated_at",
        "pubsub_token",
        "availability",
        "ui_settings",
        "custom_attributes",
        "type",
        "message_signature",
    ),
    personal=(
        "uid",
        "encrypted_password",
        "reset_password_token",
        "current_sign_in_ip",
        "last_sign_in_ip",
        "confirmation_token",
        "unconfirmed_email",
        "name",
        "display_name",
        "email",
        "tokens",
        "pubsub_token",
        "ui_settings",
        "custom_attributes",
        "message_signature",
    ),
)
TEAMS = _table(
    "teams",
    "a team of agents",
    ("id",),
    ("name", "description", "allow_auto_assign", "account_id", "created_at", "updated_at"),
    personal=("description",),
)
AGENT_BOTS = _table(
    "agent_bots",
    "a bot that answers in place of an agent",
    ("id",),
    (
        "name",
        "description",
        "outgoing_url",
        "created_at",
        "updated_at",
        "account_id",
        "bot_type",
        "bot_config",
    ),
    personal=("name", "description", "outgoing_url", "bot_config"),
)
CSAT_SURVEY_RESPONSES = _table(
    "csat_survey_responses",
    "what a customer answered to the survey after a conversation",
    ("id", "conversation_id", "message_id", "rating", "created_at"),
    (
        "account_id",
        "feedback_message",
        "contact_id",
        "assigned_agent_id",
        "updated_at",
        "csat_review_notes",
        "review_notes_updated_at",
        "review_notes_updated_by_id",
    ),
    personal=(
        "id",
        "conversation_id",
        "message_id",
        "rating",
        "feedback_message",
        "contact_id",
        "csat_review_notes",
    ),
    derived=(_CONVERSATION_KEY, _contact_of("'chatwoot:' || contact_id")),
    identifiers=(_CONVERSATION, _CONTACT),
    has_own_time=True,
)

STREAMS = (
    CONVERSATIONS,
    MESSAGES,
    REPORTING_EVENTS,
    CONTACTS,
    CONTACT_INBOXES,
    INBOXES,
    USERS,
    TEAMS,
    AGENT_BOTS,
    CSAT_SURVEY_RESPONSES,
)
