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

crossed as (
    select
        greatest(first_leg.rated_on, second_leg.rated_on) as rated_on,
        first_leg.from_currency,
        first_leg.rate * second_leg.rate as rate
    from pairs as first_leg
    inner join pairs as second_leg on first_leg.to_currency = second_leg.from_currency
    where
        second_leg.to_currency = '{{ var("reporting_currency") }}'
        and first_leg.from_currency <> '{{ var("reporting_currency") }}'
        and first_leg.from_currency <> second_leg.to_currency
        and first_leg.to_currency <> second_leg.to_currency
        -- A currency with a rate of its own needs no detour.
        and first_leg.from_currency not in (
            select pairs.from_currency
            from pairs
            where pairs.to_currency = '{{ var("reporting_currency") }}'
        )
    -- Both legs as of the later of the two days.
    qualify
        row_number() over (
            partition by
                first_leg.from_currency, greatest(first_leg.rated_on, second_leg.rated_on)
            order by
                first_leg.to_currency asc, first_leg.rated_on desc, second_leg.rated_on desc
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
        -- Nine digits: a double would let the order of a sum show.
        cast(rate as decimal(24, 12)) as rate
    from candidates
    where currency_code <> '{{ var("reporting_currency") }}' or rate = 1.0
)

select * from final
