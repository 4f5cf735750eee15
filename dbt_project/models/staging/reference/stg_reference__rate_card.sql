-- The user's card replaces the example as a whole. A row whose date or rate can't be read is left
-- out (a check warns): no bad cell stops a run.
with

own_rows as (
    select
        effective_from,
        market,
        category,
        tier_lower,
        tier_upper,
        currency_code,
        rate
    from {{ source('raw', 'reference_rate_card') }}
),

example_rows as (
    select
        cast(effective_from as varchar) as effective_from,
        market,
        category,
        cast(tier_lower as varchar) as tier_lower,
        cast(tier_upper as varchar) as tier_upper,
        currency_code,
        cast(rate as varchar) as rate
    from {{ ref('rate_card') }}
    where not exists (select 1 from own_rows)
),

rows_in_force as (
    select * from own_rows
    union all
    select * from example_rows
),

final as (
    select distinct
        try_cast(effective_from as date) as effective_from,
        market,
        {{ normalised_category('category') }} as rate_category,
        coalesce(try_cast(tier_lower as bigint), 0) as tier_lower,
        try_cast(tier_upper as bigint) as tier_upper,
        upper(currency_code) as currency_code,
        try_cast(rate as decimal(18, 8)) as rate
    from rows_in_force
    where
        try_cast(effective_from as date) is not null
        and try_cast(rate as decimal(18, 8)) is not null
)

select * from final
