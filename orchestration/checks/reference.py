"""What the user's own tables hold and nobody can read: which row, which cell, and the mend."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.checks.declaration import Check
from orchestration.ingest.mapping import literal


@dataclass(frozen=True)
class Unreadable:
    """A column of a reference table, the condition on which it can't be used, and the mend."""

    stream: str
    column: str
    where: str
    mend: str

    @property
    def raw_table(self) -> str:
        """Return the table of `raw` that holds it."""
        return f"reference_{self.stream}"


_DAY = "write the day like 2026-12-25"
_DATED = "write the number like 0.0855"
_OPENS = "write the time like 09:00, from 00:00 to 23:59"
_CLOSES = "write the time like 17:30, up to 24:00"

UNREADABLE = (
    Unreadable("rate_card", "effective_from", "try_cast(effective_from as date) is null", _DAY),
    Unreadable("rate_card", "rate", "try_cast(rate as decimal(18, 8)) is null", _DATED),
    Unreadable("fx_rates", "rated_on", "try_cast(rated_on as date) is null", _DAY),
    Unreadable("fx_rates", "rate", "try_cast(rate as decimal(28, 14)) is null", _DATED),
    Unreadable(
        "feedback_topics",
        "pattern",
        "try(regexp_matches('', pattern)) is null",
        "write a regular expression: close each bracket, or put \\ before it",
    ),
    Unreadable(
        "business_hours",
        "iso_day_of_week",
        "coalesce(try_cast(iso_day_of_week as integer), 0) not between 1 and 7",
        "write 1 for Monday up to 7 for Sunday",
    ),
    Unreadable(
        "business_hours",
        "opens_at",
        "coalesce(epoch(try_cast(opens_at as time)), 86400) >= 86400",
        _OPENS,
    ),
    Unreadable("business_hours", "closes_at", "try_cast(closes_at as time) is null", _CLOSES),
    Unreadable("holidays", "holiday_on", "try_cast(holiday_on as date) is null", _DAY),
    Unreadable(
        "sla_targets",
        "target_seconds",
        "coalesce(try_cast(target_seconds as bigint), 0) <= 0",
        "write seconds as a number, 900 for a quarter of an hour",
    ),
    Unreadable(
        "sla_targets",
        "clock",
        "coalesce(lower(clock), 'calendar') not in ('calendar', 'business')",
        "write calendar or business",
    ),
    Unreadable(
        "sla_targets",
        "metric",
        "lower(metric) not in ('first_response', 'first_response_seconds', "
        "'first_response_business_seconds')",
        "write first_response, the only one that has targets",
    ),
    # As labels of conversations are published: another one is of no conversation.
    Unreadable(
        "sla_targets",
        "category",
        r"not regexp_full_match(category, '\p{L}[\p{L}\p{M}]*([_-][\p{L}\p{M}]+)*')",
        "write one plain word: conversations with another label are in the category other",
    ),
    Unreadable(
        "channels",
        "channel_type",
        "lower(channel_type) not in "
        "('whatsapp', 'instagram', 'messenger', 'webchat', 'sms', 'email', 'other')",
        "write whatsapp, instagram, messenger, webchat, sms, email or other: it counts as other",
    ),
)

# A cell may hold anything, and meta.checks is published: shown is one word, a day, a time, or a
# short number with its unit. A file's name may be somebody's: it is shown by its key.
_WORD = r"[\p{L}_]{1,30}"
_DATE = r"[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{2}|[0-9]{4})|[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2}"
_TIME = r"[0-9]{1,2}([:.][0-9]{2}){0,2} ?([AaPp]\.?[Mm]\.?)?"
_AMOUNT = r"-?[0-9]{1,6}([.,][0-9]{1,4})? ?\p{L}{0,10}"
_SHOWN = "|".join((_WORD, _DATE, _TIME, _AMOUNT))


def unreadable_rows_sql(stream: str) -> str:
    """Return SQL of the cells of one reference table that can't be used, "" where all can."""
    return " union all ".join(
        f"select '{item.column}' as column_name, "
        f"_load_id as load_id, _row_number as row_number, {item.column} as cell, "
        f"{literal(item.mend)} as mend from raw.{item.raw_table} where {item.where}"
        for item in UNREADABLE
        if item.stream == stream
    )


# What becomes of a row that can't be used.
_MEANWHILE = {
    "rate_card": "the price is unknown",
    "fx_rates": "the rate is unknown",
    "feedback_topics": "no comment is of the topic",
    "business_hours": "the shift is closed",
    "holidays": "the day is no holiday",
    "sla_targets": "there is no target",
    "channels": "the channel is of type other",
}


def _cells_sql(stream: str) -> str:
    """Return SQL with a row per file and column: where the first such cell is, and the mend."""
    return f"""
with unreadable as ({unreadable_rows_sql(stream)}),
files as (
    select load_id, left(min(path_key), 8) as file_key, count(*) over () as files
    from raw.files where source = 'reference' and stream = '{stream}' and status = 'loaded'
    group by load_id
)
select
    case when any_value(files) > 1 then 'file ' || file_key || ' ' else '' end
        || 'row ' || min(row_number)
        || case when count(*) > 1 then ' and ' || (count(*) - 1) || ' more' else '' end as place,
    column_name || ' ' || case
        when arg_min(coalesce(cell, ''), row_number) = '' then '(empty)'
        when regexp_full_match(arg_min(cell, row_number), '{_SHOWN}')
            then arg_min(cell, row_number)
        else '(a text)'
    end || ': ' || mend as mend
from unreadable left join files using (load_id)
group by load_id, file_key, column_name, mend
"""


WARNINGS = tuple(
    Check(
        name=f"reference_{stream}_can_be_read",
        table="meta.loads",
        keys=("place", "mend"),
        sql=_cells_sql(stream),
        description=f"no column of reference/{stream} holds what can't be used",
        severity="warning",
        # The row, since a cell may span lines; which file it is, `make check` tells.
        advice=f"Rows are counted below the header. Until then {meanwhile}",
    )
    for stream, meanwhile in _MEANWHILE.items()
)
