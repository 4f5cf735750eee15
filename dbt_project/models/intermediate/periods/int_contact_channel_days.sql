{#- A view: storing these rows costs more CPU than grouping them anew for both readers, and a
    filter on the direction reaches the scan. -#}
{{ config(materialized='view') }}

with

-- A system notice (a changed number) is written by WhatsApp: nothing the customer did.
messages as (
    select
        contact_id,
        channel_id,
        direction,
        message_on,
        first_replied_at
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and message_type <> 'system'
        and contact_id not in ('none', 'unknown')
),

final as (
    select
        contact_id,
        channel_id,
        direction,
        message_on as day_on,
        cast(count(*) as bigint) as messages,
        cast(count(first_replied_at) as bigint) as messages_replied
    from messages
    group by contact_id, channel_id, direction, message_on
)

select * from final
