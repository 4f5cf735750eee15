"""What holds for every mart of periods: its weeks and months are made of its days."""

from __future__ import annotations

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
