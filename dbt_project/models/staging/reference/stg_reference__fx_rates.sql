with

fx_rates as (
    select
        _load_id,
        rated_on,
        from_currency,
        to_currency,
        rate
    from {{ source('raw', 'reference_fx_rates') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

own_rows as (
    select
        cast(fx_rates.rated_on as date) as rated_on,
        fx_rates.from_currency,
        fx_rates.to_currency,
        cast(fx_rates.rate as decimal(18, 8)) as rate
    from fx_rates
    inner join load_precedence on fx_rates._load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by fx_rates.rated_on, fx_rates.from_currency, fx_rates.to_currency
            order by load_precedence.precedence desc, cast(fx_rates.rate as decimal(18, 8)) desc
        ) = 1
),

example_rows as (
    select
        cast(rated_on as date) as rated_on,
        from_currency,
        to_currency,
        cast(rate as decimal(18, 8)) as rate
    from {{ ref('fx_rates') }}
    where not exists (select 1 from own_rows)
),

rows_in_force as (
    select * from own_rows
    union all
    select * from example_rows
),

final as (
    select
        rated_on,
        upper(from_currency) as from_currency,
        upper(to_currency) as to_currency,
        rate
    from rows_in_force
)

select * from final
