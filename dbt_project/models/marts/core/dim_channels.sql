with

channels as (
    select
        native_channel_id,
        channel_id,
        channel_type,
        name,
        timezone,
        schedule_id
    from {{ ref('int_channels') }}
),

account_events as (
    select
        display_phone_number,
        event,
        occurred_at,
        current_limit
    from {{ ref('stg_whatsapp__account_events') }}
    where field = 'phone_number_quality_update'
),

numbers as (
    select
        native_channel_id,
        digits
    from {{ ref('int_channel_numbers') }}
    where native_channel_id is not null
),

-- A quality event names the number, not its id.
channel_events as (
    select
        numbers.native_channel_id,
        lower(account_events.event) as event,
        account_events.current_limit,
        account_events.occurred_at
    from account_events
    inner join numbers
        on regexp_replace(account_events.display_phone_number, '[^0-9]', '', 'g') = numbers.digits
),

latest_events as (
    select
        native_channel_id,
        event,
        current_limit
    from channel_events
    qualify
        row_number() over (
            partition by native_channel_id
            order by occurred_at desc nulls last, event desc, current_limit desc
        ) = 1
),

final as (
    select
        channels.channel_id,
        channels.channel_type,
        min(coalesce(channels.name, channels.channel_type || ' ' || right(channels.channel_id, 4)))
            as name,
        min(channels.timezone) as timezone,
        min(channels.schedule_id) as schedule_id,
        min(latest_events.event) as quality,
        min(latest_events.current_limit) as messaging_limit
    from channels
    left join latest_events on channels.native_channel_id = latest_events.native_channel_id
    group by channels.channel_id, channels.channel_type
)

select * from final
