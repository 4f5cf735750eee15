"""Our own columns (SOURCES 1a): what any system can be turned into.

Other systems' exports come in through the same streams, under `mapped/<vendor>/<stream>/` with a
`mapping.yml` that names their columns.
"""

from orchestration.sources.clicks import CLICK_IDENTIFIERS, UTM_COLUMNS, click_key, page_of
from orchestration.sources.declaration import (
    NO_PLAIN_ID,
    PERSON_COLUMNS,
    Column,
    Identifier,
    csv_stream,
)
from orchestration.sources.meta_ads import ROUNDED_AD_ID

# A wamid is the same wherever it is written. Any other id is the sender's own (a sendout's, say)
# and only one with its recipient.
_MESSAGE_KEY = Column(
    name="record_id",
    personal=True,
    derived=(
        "case when message_id like 'wamid.%' then message_id "
        f"else concat_ws('|', 'report', message_id, coalesce({', '.join(PERSON_COLUMNS)})) end"
    ),
    description="the wamid, else a key of the message and its recipient",
)
# As written: which system it is of, the folder says, and so the ledger.
_CONVERSATION_KEY = Column(
    name="conversation_key",
    personal=True,
    derived="conversation_id",
    description="the conversation within its system",
)
_CONVERSATION = Identifier(kind="conversation", column="conversation_key")


def _agents(*columns: str) -> tuple[Identifier, ...]:
    """Return the identifiers of columns that name an agent or a bot."""
    return tuple(
        Identifier(kind="agent", column=column, where=NO_PLAIN_ID.format(column))
        for column in columns
    )


_MESSAGE_IDENTIFIERS = (
    Identifier(kind="channel", column="channel_id"),
    Identifier(kind="message", column="record_id", where="message_id not like 'wamid.%'"),
    _CONVERSATION,
    *_agents("agent_id", "bot_id"),
)
_MESSAGE_REQUIRED = ("message_id", "channel_id", "direction", "sent_at")
_MESSAGE_OPTIONAL = (
    "sender_type",
    "agent_id",
    "bot_id",
    "conversation_id",
    "message_type",
    "delivered_at",
    "read_at",
    "failed_at",
    "error_code",
    "template_name",
    "campaign_id",
)
_MESSAGE_PERSONAL = ("message_id", "agent_id", "bot_id", "conversation_id")

MESSAGES = csv_stream(
    "generic",
    "messages",
    "a message on a chat channel, in or out",
    _MESSAGE_REQUIRED,
    _MESSAGE_OPTIONAL,
    key=("record_id",),
    person="required",
    event_time="sent_at",
    personal=_MESSAGE_PERSONAL,
    derived=(_MESSAGE_KEY, _CONVERSATION_KEY),
    identifiers=_MESSAGE_IDENTIFIERS,
)
MESSAGE_REPORTS = csv_stream(
    "generic",
    "message_reports",
    "a message with what its sender's report says became of it",
    _MESSAGE_REQUIRED,
    (
        *_MESSAGE_OPTIONAL,
        "variant",
        "category",
        # Some systems tell the last status only, without its time.
        "last_status",
        "button_clicked_at",
        "link_clicked_at",
        "opted_out_at",
        "price_amount",
        "currency_code",
    ),
    key=("record_id",),
    person="required",
    event_time="sent_at",
    personal=_MESSAGE_PERSONAL,
    derived=(_MESSAGE_KEY, _CONVERSATION_KEY),
    identifiers=_MESSAGE_IDENTIFIERS,
)
CONVERSATIONS = csv_stream(
    "generic",
    "conversations",
    "a conversation of another system, from its opening on",
    ("conversation_id", "channel_id", "opened_at"),
    ("opened_by", "closed_at", "closed_by_agent_id", "category", "assignee_agent_id"),
    key=("conversation_id",),
    person="required",
    event_time="opened_at",
    personal=("conversation_id", "closed_by_agent_id", "assignee_agent_id"),
    derived=(_CONVERSATION_KEY,),
    identifiers=(
        Identifier(kind="channel", column="channel_id"),
        _CONVERSATION,
        *_agents("closed_by_agent_id", "assignee_agent_id"),
    ),
)
CONVERSATION_EVENTS = csv_stream(
    "generic",
    "conversation_events",
    "something that happened to a conversation: opened, assigned, handed over, closed",
    ("event_id", "conversation_id", "event_type", "occurred_at"),
    ("actor_type", "actor_agent_id", "assignee_agent_id", "bot_id"),
    key=("event_id",),
    event_time="occurred_at",
    personal=("event_id", "conversation_id", "actor_agent_id", "assignee_agent_id", "bot_id"),
    derived=(
        _CONVERSATION_KEY,
        # Numbers of a row within a conversation come up in each.
        Column(
            name="event_key",
            personal=True,
            derived="concat_ws('|', 'event', conversation_id, event_id)",
            description="a key of the event and its conversation",
        ),
    ),
    identifiers=(
        _CONVERSATION,
        Identifier(kind="message", column="event_key"),
        *_agents("actor_agent_id", "assignee_agent_id", "bot_id"),
    ),
)
AGENTS = csv_stream(
    "generic",
    "agents",
    "an agent or bot of another system",
    ("agent_id",),
    ("name", "team_id", "team_name"),
    key=("agent_id",),
    personal=("agent_id", "name", "team_id"),
    identifiers=_agents("agent_id", "team_id"),
)
CONTACTS = csv_stream(
    "generic",
    "contacts",
    "a person of a contact list",
    (),
    ("created_at", "source", "country_code", "labels"),
    person="required",
    event_time="created_at",
    personal=("labels",),
)
LINK_CLICKS = csv_stream(
    "generic",
    "link_clicks",
    "a click on a link, with whoever clicked where that is known",
    ("clicked_at", "url"),
    ("click_id", "message_id", "campaign_id", "user_agent", "is_human", *UTM_COLUMNS),
    key=("click_id", "clicked_at", "url"),
    person="optional",
    event_time="clicked_at",
    personal=("click_id", "url", "message_id", "user_agent"),
    derived=(
        # Two systems may count their clicks alike, never on one link.
        click_key("url", "coalesce(click_id, concat_ws('|', clicked_at, user_agent))"),
        page_of("url"),
    ),
    identifiers=CLICK_IDENTIFIERS,
)
COSTS = csv_stream(
    "generic",
    "costs",
    "a cost of software, labour, incentives or other things, over a span of days",
    ("cost_id", "cost_type", "starts_on", "ends_on", "amount", "currency_code"),
    ("campaign_id", "channel_id"),
    key=("cost_id",),
    event_time="starts_on",
    identifiers=(Identifier(kind="channel", column="channel_id"),),
)
LEADS = csv_stream(
    "generic",
    "leads",
    "a lead with the dates of its stages",
    ("lead_id", "created_at"),
    ("qualified_at", "won_at", "lost_at", "source"),
    key=("lead_id",),
    person="required",
    event_time="created_at",
)
AD_SPEND = csv_stream(
    "generic",
    "ad_spend",
    "what an ad cost and brought on one day",
    ("ad_id", "spent_on", "spend_amount", "currency_code"),
    ("ad_name", "campaign_name", "impressions", "link_clicks", "conversations_started"),
    key=("ad_id", "spent_on"),
    event_time="spent_on",
    rules=(ROUNDED_AD_ID,),
)

ORDERS = csv_stream(
    "generic",
    "orders",
    "an order of any shop",
    ("order_id", "ordered_at", "total_amount", "currency_code"),
    (
        "order_number",
        "status",
        "discount_amount",
        "shipping_amount",
        "tax_amount",
        "refunded_amount",
        "cancelled_at",
        "fulfilled_at",
        "cod_confirmed_at",
        "is_test",
        "is_cod",
        "is_rto",
        "units",
        "coupon_codes",
        *UTM_COLUMNS,
        "updated_at",
    ),
    key=("order_id",),
    # A sale at a counter names nobody and is a sale all the same (MARTS, fct_orders).
    person="optional",
    event_time="ordered_at",
)
ABANDONED_CHECKOUTS = csv_stream(
    "generic",
    "abandoned_checkouts",
    "a checkout that was begun and not paid",
    ("checkout_id", "created_at"),
    ("value_amount", "currency_code", "recovered_order_id"),
    key=("checkout_id",),
    person="required",
    event_time="created_at",
)

SURVEY_RESPONSES = csv_stream(
    "generic",
    "survey_responses",
    "a survey that was sent, with its answer, or an answer alone",
    ("response_id", "survey_type"),
    (
        "conversation_id",
        "answered_at",
        "sent_at",
        "score",
        "scale_max",
        "comment",
        "topic",
        "agent_id",
    ),
    key=("response_id",),
    person="optional",
    personal=("response_id", "conversation_id", "score", "comment", "topic", "agent_id"),
    one_of=((*PERSON_COLUMNS, "conversation_id"),),
    identifiers=(
        Identifier(kind="survey", column="response_id"),
        Identifier(kind="agent", column="agent_id", where=NO_PLAIN_ID.format("agent_id")),
    ),
    event_time="answered_at",
)

STREAMS = (
    MESSAGES,
    MESSAGE_REPORTS,
    CONVERSATIONS,
    CONVERSATION_EVENTS,
    AGENTS,
    CONTACTS,
    LINK_CLICKS,
    COSTS,
    LEADS,
    AD_SPEND,
    ORDERS,
    ABANDONED_CHECKOUTS,
    SURVEY_RESPONSES,
)
