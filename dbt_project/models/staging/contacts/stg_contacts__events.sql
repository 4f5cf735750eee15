with

events as (
    select
        _load_id,
        phone,
        user_id,
        email,
        external_id,
        event,
        occurred_at,
        source,
        actor,
        value,
        amount,
        currency_code
    from {{ source('raw', 'contacts_events') }}
),

final as (
    select
        _load_id as load_id,
        {{ person_columns() }},
        lower(event) as event,
        {{ utc_time('occurred_at') }} as occurred_at,
        {{ is_before_1971(utc_time('occurred_at')) }} as is_implausible,
        coalesce({{ published_source('source') }}, 'unknown') as source,
        actor,
        value,
        -- Whom a merge took in: told by what the value looks like, as at the ingest.
        case
            when lower(event) <> 'merged' then null
            when regexp_full_match(value, '[+0-9 ().\-]{5,20}') then 'phone'
            when value like '%@%' then 'email'
            when value is not null then 'external'
        end as merged_kind,
        {{ parsed_amount('amount') }} as amount,
        upper(currency_code) as currency_code
    from events
    where {{ utc_time('occurred_at') }} is not null
)

select * from final
