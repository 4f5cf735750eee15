-- One row per currency and day from which a rate to the reporting currency holds: given, inverted,
-- or crossed through one other currency, in that order. Rates carry forward.
with

fx_rates as (
    select
        rated_on,
        from_currency,
        to_currency,
        rate
    from {{ ref('stg_reference__fx_rates') }}
    where rate > 0
),

both_ways as (
    select
        rated_on,
        from_currency,
        to_currency,
        cast(rate as double) as rate,
        1 as preference
    from fx_rates
    union all
    select
        rated_on,
        to_currency as from_currency,
        from_currency as to_currency,
        {{ safe_divide('1', 'rate') }} as rate,
        2 as preference
    from fx_rates
),

pairs as (
    select
        rated_on,
        from_currency,
        to_currency,
        rate,
        preference
    from both_ways
    qualify
        row_number() over (
            partition by rated_on, from_currency, to_currency order by preference
        ) = 1
),

second_legs as (
    select
        rated_on,
        from_currency,
        rate
    from pairs
    where to_currency = '{{ var("reporting_currency") }}'
),

-- A currency with a rate of its own needs no detour.
detours as (
    select distinct
        from_currency,
        to_currency as via_currency
    from pairs
    where
        from_currency <> '{{ var("reporting_currency") }}'
        and to_currency in (select second_legs.from_currency from second_legs)
        and from_currency not in (select second_legs.from_currency from second_legs)
),

-- Days on which either leg is rated anew.
crossed_days as (
    select
        detours.from_currency,
        detours.via_currency,
        pairs.rated_on
    from detours
    inner join pairs
        on
            detours.from_currency = pairs.from_currency
            and detours.via_currency = pairs.to_currency
    union
    select
        detours.from_currency,
        detours.via_currency,
        second_legs.rated_on
    from detours
    inner join second_legs on detours.via_currency = second_legs.from_currency
),

crossed as (    -- Both legs as of the day, for the smallest name of a currency in between.
    select
        crossed_days.rated_on,
        crossed_days.from_currency,
        first_leg.rate * second_leg.rate as rate
    from crossed_days
    asof join pairs as first_leg
        on
            crossed_days.from_currency = first_leg.from_currency
            and crossed_days.via_currency = first_leg.to_currency
            and crossed_days.rated_on >= first_leg.rated_on
    asof join second_legs as second_leg
        on
            crossed_days.via_currency = second_leg.from_currency
            and crossed_days.rated_on >= second_leg.rated_on
    qualify
        row_number() over (
            partition by crossed_days.from_currency, crossed_days.rated_on
            order by crossed_days.via_currency
        ) = 1
),

candidates as (
    select
        rated_on,
        from_currency as currency_code,
        rate
    from pairs
    where to_currency = '{{ var("reporting_currency") }}'
    union all
    select
        rated_on,
        from_currency as currency_code,
        rate
    from crossed
    union all
    select
        date '1970-01-01' as rated_on,
        '{{ var("reporting_currency") }}' as currency_code,
        1.0 as rate
),

final as (
    select
        currency_code,
        rated_on as valid_from_on,
        lead(rated_on) over (partition by currency_code order by rated_on) as valid_before_on,
        -- Decimal: with doubles the order of a sum would show.
        cast(rate as decimal(28, 14)) as rate
    from candidates
    where currency_code <> '{{ var("reporting_currency") }}' or rate = 1.0
)

select * from final
