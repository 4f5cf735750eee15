with

own_rows as (
    select
        prefix,
        market,
        country_code
    from {{ source('raw', 'reference_market_prefixes') }}
),

example_rows as (
    select
        cast(prefix as varchar) as prefix,
        market,
        country_code
    from {{ ref('market_prefixes') }}
    where not exists (select 1 from own_rows)
),

rows_in_force as (
    select * from own_rows
    union all
    select * from example_rows
),

final as (
    select distinct
        ltrim(prefix, '+') as prefix,
        market,
        upper(country_code) as country_code
    from rows_in_force
)

select * from final
