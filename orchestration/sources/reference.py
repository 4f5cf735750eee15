"""Reference tables: a CSV replaces the shipped default as a whole."""

from orchestration.sources.declaration import Column, Identifier, Stream


def _table(
    name: str,
    record: str,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
    *,
    key: tuple[str, ...],
    one_of: tuple[tuple[str, ...], ...] = (),
    identifiers: tuple[Identifier, ...] = (),
    personal: tuple[str, ...] = (),
) -> Stream:
    return Stream(
        source="reference",
        name=name,
        record=record,
        format="csv",
        columns=tuple(
            Column(name=column, required=column in required, personal=column in personal)
            for column in (*required, *optional)
        ),
        natural_key=key,
        one_of=one_of,
        identifiers=identifiers,
        owner="analytics",
    )


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
CHANNELS = _table(
    "channels",
    "a business number or inbox",
    ("channel_id",),
    ("name", "channel_type", "timezone", "schedule_id"),
    key=("channel_id",),
    identifiers=(Identifier(kind="channel", column="channel_id"),),
)
PERSON_COLUMNS = ("phone", "user_id", "email", "external_id")
INTERNAL_CONTACTS = _table(
    "internal_contacts",
    "a person of the business itself: left out of every KPI",
    (),
    PERSON_COLUMNS,
    key=PERSON_COLUMNS,
    one_of=(PERSON_COLUMNS,),
    identifiers=(
        Identifier(kind="phone", column="phone"),
        Identifier(kind="bsuid", column="user_id"),
        Identifier(kind="email", column="email"),
        Identifier(kind="external", column="external_id"),
    ),
    personal=PERSON_COLUMNS,
)

STREAMS = (RATE_CARD, MARKET_PREFIXES, FX_RATES, CHANNELS, INTERNAL_CONTACTS)
