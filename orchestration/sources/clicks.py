"""Clicks: the click stream of a link shortener, and what each tracked link belongs to."""

from orchestration.sources.declaration import TEXT_TIME, Column, Stream, csv_stream

UTM_COLUMNS = ("utm_source", "utm_medium", "utm_campaign")

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
            aliases=("time", "date", "datetime", "dt", "timestamp", "click time", "click date"),
        ),
        Column(name="ip", personal=True, aliases=("ip address",)),
        Column(name="user_agent", personal=True, aliases=("ua", "useragent")),
        *(Column(name=name) for name in UTM_COLUMNS),
        Column(name="human", aliases=("is human",)),
    ),
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
)

STREAMS = (SHORT_IO, LINKS)
