"""Clicks: the click stream of a link shortener, and what each tracked link belongs to."""

from orchestration.sources.declaration import TEXT_TIME, Column, Identifier, Stream, csv_stream

UTM_COLUMNS = ("utm_source", "utm_medium", "utm_campaign")

# Scheme, host and path of a link.
_LINK_PARTS = (
    "regexp_extract({0}, '^\\s*(?:[A-Za-z][A-Za-z0-9+.\\-]*://)?([^/?#\\s]*)([^?#\\s]*)', {1})"
)


def page_of(url: str) -> Column:
    """Return the column with a link's host and path: one link is written in several ways."""
    return Column(
        name="page",
        personal=True,
        derived=f"lower({_LINK_PARTS.format(url, 1)}) || rtrim({_LINK_PARTS.format(url, 2)}, '/')",
        description="host in lower case and path, without scheme, query and last slash",
    )


def click_key(*columns: str) -> Column:
    """Return the column with what tells a click from others, as one short text."""
    parts = ", ".join(f"coalesce({column}, '')" for column in columns)
    return Column(
        name="click_key",
        personal=True,
        derived=f"md5(concat_ws('|', {parts}))",
        description="hash of what tells a click from others",
    )


# A page may hold a token or a number, and time and device of a click can be guessed: without the
# key, whoever knows somebody could look for their clicks.
CLICK_IDENTIFIERS = (
    Identifier(kind="click", column="click_key"),
    Identifier(kind="page", column="page"),
)

SHORT_IO = Stream(
    source="clicks",
    name="short_io",
    record="a click on a short link, a person's or a robot's",
    format="csv",
    columns=(
        # A link may hold a person's name or a token that leads to one.
        Column(
            name="link",
            required=True,
            personal=True,
            aliases=("url", "short url", "short link", "shortened url"),
        ),
        Column(
            name="clicked_at",
            required=True,
            is_time=True,
            aliases=("time", "date", "datetime", "dt", "timestamp", "click time", "click date"),
        ),
        Column(name="ip", personal=True, aliases=("ip address",)),
        Column(name="user_agent", personal=True, aliases=("ua", "useragent")),
        *(Column(name=name) for name in UTM_COLUMNS),
        Column(name="human", aliases=("is human",)),
        click_key("link", "clicked_at", "ip", "user_agent"),
        page_of("link"),
    ),
    identifiers=CLICK_IDENTIFIERS,
    natural_key=("link", "clicked_at", "ip", "user_agent"),
    event_time=TEXT_TIME.format("clicked_at"),
    owner="analytics",
)
LINKS = csv_stream(
    "clicks",
    "links",
    "a tracked link: whose it is, and of which campaign",
    ("url",),
    ("campaign_id", "variant", "message_id", "destination_url"),
    key=("url",),
    person="optional",
    personal=("url", "message_id", "destination_url"),
    derived=(page_of("url"),),
)

STREAMS = (SHORT_IO, LINKS)
