"""WhatsApp Cloud API: webhook log, send log, template list, analytics answers."""

from orchestration.sources.declaration import (
    NO_PLAIN_ID,
    TEXT_TIME,
    UNIX_SECONDS,
    Column,
    Identifier,
    Stream,
)

WEBHOOKS = Stream(
    source="whatsapp",
    name="webhooks",
    record=(
        "a record of a Cloud API webhook body: a message, status, echo, preference …, or a change "
        "of another field, kept with its JSON"
    ),
    format="jsonl",
    reader="whatsapp_webhook",
    natural_key=("record_kind", "record_id", "record_type"),
    columns=(
        Column(name="record_kind", description="message, status, echo, history, preference, …"),
        Column(name="waba_id"),
        Column(name="field", description="the change's field as it came"),
        Column(name="entry_time"),
        Column(name="received_at", description="when the receiving system logged the body"),
        Column(name="phone_number_id"),
        Column(name="display_phone_number", personal=True),
        Column(name="record_id", personal=True, description="wamid: holds the phone in base64"),
        Column(name="record_type", description="message type, status, preference or event"),
        Column(name="record_time", description="seconds since 1970, as text"),
        Column(name="person_wa_id", personal=True),
        Column(name="person_user_id", personal=True),
        Column(name="contact_wa_id", personal=True),
        Column(name="contact_user_id", personal=True),
        Column(name="contact_name", personal=True),
        Column(name="linked_wa_id", personal=True, description="new number after a change"),
        Column(name="linked_user_id", personal=True, description="new user id after a change"),
        Column(name="context_id", personal=True),
        Column(name="referral_source_id"),
        Column(name="referral_source_type"),
        Column(name="ctwa_clid"),
        Column(name="text_body", personal=True),
        Column(name="button_payload", personal=True),
        Column(name="button_text", personal=True),
        Column(name="conversation_id"),
        Column(name="conversation_origin"),
        Column(name="pricing_billable"),
        Column(name="pricing_model"),
        Column(name="pricing_type"),
        Column(name="pricing_category"),
        Column(name="error_code"),
        Column(name="callback_data", personal=True),
        Column(name="payload", json_type="JSON", personal=True, description="what isn't flat"),
    ),
    identifiers=(
        Identifier(kind="wa_id", column="person_wa_id"),
        Identifier(kind="bsuid", column="person_user_id"),
        Identifier(kind="wa_id", column="contact_wa_id"),
        Identifier(kind="bsuid", column="contact_user_id"),
        Identifier(kind="wa_id", column="linked_wa_id"),
        Identifier(kind="bsuid", column="linked_user_id"),
        Identifier(kind="channel", column="phone_number_id"),
    ),
    event_time=UNIX_SECONDS.format("record_time"),
    freshness_hours=36,
)

SENDS = Stream(
    source="whatsapp",
    name="sends",
    record="a call of POST /messages: request, answer, and what the business knows about it",
    format="jsonl",
    natural_key=("record_id",),
    columns=(
        Column(name="requested_at", required=True),
        Column(name="phone_number_id", required=True),
        Column(name="http_status"),
        Column(name="campaign_id"),
        Column(name="variant"),
        Column(name="sender_type"),
        Column(name="agent_id", personal=True),
        Column(name="bot_id", personal=True),
        Column(name="flow_id"),
        Column(name="flow_step"),
        Column(name="conversation_id"),
        Column(name="recipient", source="request.to", personal=True),
        Column(name="recipient_user_id", source="request.recipient", personal=True),
        Column(name="recipient_type", source="request.recipient_type"),
        Column(name="message_type", source="request.type"),
        Column(name="template_name", source="request.template.name"),
        Column(name="template_language", source="request.template.language.code"),
        Column(name="context_id", source="request.context.message_id", personal=True),
        Column(name="message_id", source="response.messages[0].id", personal=True),
        Column(name="message_status", source="response.messages[0].message_status"),
        Column(name="contact_input", source="response.contacts[0].input", personal=True),
        Column(name="contact_wa_id", source="response.contacts[0].wa_id", personal=True),
        Column(name="contact_user_id", source="response.contacts[0].user_id", personal=True),
        Column(name="error_code", source="response.error.code"),
        Column(
            name="template_components",
            source="request.template.components",
            json_type="JSON",
            personal=True,
        ),
        Column(name="text_body", source="request.text.body", personal=True),
        Column(
            name="record_id",
            personal=True,
            derived=(
                "coalesce(message_id, concat_ws('|', 'send', requested_at, phone_number_id, "
                "coalesce(recipient, recipient_user_id, contact_input), template_name))"
            ),
            description="the wamid, else a key of what identifies the call",
        ),
    ),
    identifiers=(
        Identifier(kind="phone", column="recipient"),
        Identifier(kind="bsuid", column="recipient_user_id"),
        Identifier(kind="phone", column="contact_input"),
        Identifier(kind="wa_id", column="contact_wa_id"),
        Identifier(kind="bsuid", column="contact_user_id"),
        Identifier(kind="channel", column="phone_number_id"),
        Identifier(kind="message", column="record_id", where="message_id is null"),
        *(
            Identifier(kind="agent", column=column, where=NO_PLAIN_ID.format(column))
            for column in ("agent_id", "bot_id")
        ),
    ),
    event_time=TEXT_TIME.format("requested_at"),
    freshness_hours=36,
)

TEMPLATES = Stream(
    source="whatsapp",
    name="templates",
    record="a message template as the template list returns it",
    format="jsonl",
    natural_key=("name", "language"),
    columns=(
        Column(name="template_id", source="id"),
        Column(name="name", required=True),
        Column(name="language", required=True),
        Column(name="category"),
        Column(name="previous_category"),
        Column(name="status"),
        Column(name="quality_score", source="quality_score.score"),
        Column(name="quality_scored_at", source="quality_score.date"),
        Column(name="updated_at", source="last_updated_time"),
        Column(name="components", json_type="JSON", personal=True, description="example values"),
    ),
    export_time_pattern=r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
)

ANALYTICS = Stream(
    source="whatsapp",
    name="analytics",
    record="an answer of the Graph API with template_analytics or pricing_analytics",
    format="jsonl",
    natural_key=("template_analytics", "pricing_analytics", "data"),
    columns=(
        Column(name="waba_id", source="id"),
        Column(name="template_analytics", json_type="JSON"),
        Column(name="pricing_analytics", json_type="JSON"),
        Column(name="data", json_type="JSON", description="of the edge's own answer, unwrapped"),
    ),
    export_time_pattern=r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
)

STREAMS = (WEBHOOKS, SENDS, TEMPLATES, ANALYTICS)
