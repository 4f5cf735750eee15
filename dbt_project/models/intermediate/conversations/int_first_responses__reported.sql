-- One row per conversation of which Chatwoot reports a first response, to compare with ours.
with

reporting_events as (
    select
        event_key,
        conversation_key,
        coalesce(event_end_at, created_at) as responded_at
    from {{ ref('stg_chatwoot__reporting_events') }}
    where name = 'first_response'
    qualify
        row_number() over (
            partition by event_key
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

final as (
    select
        conversation_key,
        min(responded_at) as responded_at
    from reporting_events
    group by conversation_key
)

select * from final
