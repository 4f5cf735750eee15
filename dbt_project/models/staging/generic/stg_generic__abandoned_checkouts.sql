with

checkouts as (
    select
        _load_id,
        _row_number,
        checkout_id,
        phone,
        user_id,
        email,
        external_id,
        created_at,
        value_amount,
        currency_code,
        recovered_order_id
    from {{ source('raw', 'generic_abandoned_checkouts') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        checkouts._load_id as load_id,
        load_precedence.precedence,
        checkouts._row_number as row_number,
        checkouts.checkout_id,
        {{ person_columns() }},
        {{ utc_time('checkouts.created_at') }} as created_at,
        {{ is_before_1971(utc_time('checkouts.created_at')) }} as is_implausible,
        {{ parsed_amount('checkouts.value_amount') }} as value_amount,
        upper(checkouts.currency_code) as currency_code,
        checkouts.recovered_order_id
    from checkouts
    inner join load_precedence on checkouts._load_id = load_precedence.load_id
    where {{ utc_time('checkouts.created_at') }} is not null
)

select * from final
