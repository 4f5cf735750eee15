with

inbound_channel_days as (
    select
        contact_id,
        day_on,
        messages
    from {{ ref('int_contact_channel_days') }}
    where direction = 'inbound'
),

active_days as (
    select
        contact_id,
        day_on as active_on,
        sum(messages) as messages_received
    from inbound_channel_days
    group by contact_id, day_on
),

neighbouring_days as (
    select
        contact_id,
        active_on,
        messages_received,
        lag(active_on) over contact_dates as previous_active_on,
        lead(active_on) over contact_dates as next_active_on
    from active_days
    window contact_dates as (partition by contact_id order by active_on)
),

final as (
    select
        contact_id,
        active_on,
        cast(messages_received as bigint) as messages_received,
        -- No stream of clicks or orders is loaded yet, so no day is active by one.
        cast(0 as bigint) as clicks,
        cast(0 as bigint) as orders,
        previous_active_on is null as is_first_active_day,
        previous_active_on,
        next_active_on
    from neighbouring_days
)

select * from final
