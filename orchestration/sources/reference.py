"""Reference tables: a CSV replaces the shipped default as a whole."""

from functools import partial

from orchestration.sources.declaration import Identifier, csv_stream

# Without an export time in the name: the last path in byte order is the newer.
_table = partial(csv_stream, "reference", export_time_pattern=None)

RATE_CARD = _table(
    "rate_card",
    "the price of one message: market, category and volume tier from a date on",
    ("effective_from", "market", "category", "currency_code", "rate"),
    ("tier_lower", "tier_upper"),
    # Rows of one tier that differ only in price are no repeats: the overlap check names them.
    key=("effective_from", "market", "category", "tier_lower", "tier_upper", "rate"),
)
MARKET_PREFIXES = _table(
    "market_prefixes",
    "a calling-code prefix and the market it belongs to",
    ("prefix", "market"),
    ("country_code",),
    key=("prefix", "country_code"),
)
FX_RATES = _table(
    "fx_rates",
    "units of to_currency for one from_currency, from a day on",
    ("rated_on", "from_currency", "to_currency", "rate"),
    key=("rated_on", "from_currency", "to_currency"),
)
BENCHMARKS = _table(
    "benchmarks",
    "what is usual for a KPI, from one publisher",
    ("kpi", "source"),
    ("low", "high", "good", "direction", "unit", "currency_code", "is_default"),
    key=("kpi", "source"),
)
BUSINESS_HOURS = _table(
    "business_hours",
    "an opening interval of a schedule on one day of the week, in the channel's time zone",
    ("schedule_id", "iso_day_of_week", "opens_at", "closes_at"),
    key=("schedule_id", "iso_day_of_week", "opens_at", "closes_at"),
)
HOLIDAYS = _table(
    "holidays",
    "a day on which a schedule is closed",
    ("schedule_id", "holiday_on"),
    key=("schedule_id", "holiday_on"),
)
SLA_TARGETS = _table(
    "sla_targets",
    "a target in seconds for a channel or a category of conversations",
    ("metric", "target_seconds"),
    ("channel_id", "category", "clock"),
    key=("channel_id", "category", "metric"),
    one_of=(("channel_id", "category"),),
)
CHANNELS = _table(
    "channels",
    "a business number or inbox",
    ("channel_id",),
    ("name", "channel_type", "timezone", "schedule_id"),
    key=("channel_id",),
    identifiers=(Identifier(kind="channel", column="channel_id"),),
)
STOP_WORDS = _table(
    "stop_words",
    "a word that as a whole message opts in or out",
    ("word", "event"),
    ("language",),
    key=("word", "language"),
)
FEEDBACK_TOPICS = _table(
    "feedback_topics",
    "a pattern by which a comment belongs to a topic",
    ("topic", "pattern"),
    key=("topic", "pattern"),
)
INTERNAL_CONTACTS = _table(
    "internal_contacts",
    "a person of the business itself: left out of every KPI",
    (),
    person="required",
)

STREAMS = (
    RATE_CARD,
    MARKET_PREFIXES,
    FX_RATES,
    BENCHMARKS,
    BUSINESS_HOURS,
    HOLIDAYS,
    SLA_TARGETS,
    CHANNELS,
    STOP_WORDS,
    FEEDBACK_TOPICS,
    INTERNAL_CONTACTS,
)
