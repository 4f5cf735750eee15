"""What holds for every mart of periods: its days are the fact's, weeks and months made of them.

Both compare columns that add up.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.checks.declaration import Check


def agrees_across_grains(
    table: str,
    columns: tuple[str, ...],
    *,
    over: tuple[str, ...] = (),
    name: str,
    is_unknown_nothing: bool = False,
) -> Check:
    """Return the check that weeks and months are the sums of their days.

    Args:
        columns: those that add up.
        over: the keys beside the period.
        is_unknown_nothing: NULL is as good as 0: a day without any known amount among others.
    """
    keys = ("period_grain", "period_start_on", *over)
    listed = ", ".join(keys)
    sums = ", ".join(f"sum({column}) as {column}" for column in columns)
    value = "coalesce({}.{}, 0)" if is_unknown_nothing else "{}.{}"
    differs = " or ".join(
        f"{value.format('periods', column)} is distinct from {value.format('days', column)}"
        for column in columns
    )
    beside = "".join(f"\n        {key}," for key in over)
    return Check(
        name=name,
        table=table,
        keys=keys,
        sql=f"""
with periods as (
    select {listed}, {sums}
    from {table} where period_grain <> 'day' group by all
),
days as (
    select
        grains.period_grain,
        cast(date_trunc(grains.period_grain, period_start_on) as date) as period_start_on,{beside}
        {sums}
    from {table} as of_days
    cross join (values ('week'), ('month')) as grains (period_grain)
    where of_days.period_grain = 'day'
    group by all
)
select {listed}
from periods full join days using ({listed})
where {differs}
""",
        description="weeks and months are the sums of their days",
    )


def agrees_with_fact(
    table: str,
    columns: Mapping[str, str],
    *,
    name: str,
    fact: str,
    day: str,
    over: Mapping[str, str] | None = None,
    where: str = "true",
    until: str = "",
    of: str = "",
) -> Check:
    """Return the check that the sums of each day are those of the fact.

    Args:
        columns: column of the mart → SQL for the same over the fact's rows of a day.
        day: the fact's date.
        over: key of the mart beside the period → the fact's column.
        where: which of the fact's rows count, beside those whose clock is right.
        until: subject of int_period_days with whose last day the mart ends: what came later is in
            no period yet.
        of: how the fact's rows are called in the description; default: the fact's name.
    """
    over = over or {}
    keys = ", ".join(("period_start_on", *over))
    mart_sums = ", ".join(f"sum({column}) as {column}" for column in columns)
    fact_keys = ", ".join(
        f"{column} as {key}" for key, column in {"period_start_on": day, **over}.items()
    )
    fact_sums = ", ".join(f"{sql} as {column}" for column, sql in columns.items())
    differs = " or ".join(
        f"coalesce(mart.{column}, 0) <> coalesce(fact.{column}, 0)" for column in columns
    )
    ended = (
        f" and {day} <= (select max(day_on) from intermediate.int_period_days "
        f"where subject = '{until}' and period_grain = 'day')"
        if until
        else ""
    )
    return Check(
        name=name,
        table=table,
        keys=("period_start_on", *over),
        sql=f"""
with mart as (
    select {keys}, {mart_sums} from {table} where period_grain = 'day' group by all
),
fact as (
    select {fact_keys}, {fact_sums}
    from {fact} where not has_clock_anomaly and {where}{ended} group by all
)
select {keys}
from mart full join fact using ({keys})
where {differs}
""",
        description=f"its daily sums are those of {of or fact.split('.')[1]}",
    )
