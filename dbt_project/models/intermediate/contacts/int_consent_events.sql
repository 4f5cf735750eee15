-- One row per signal of consent and channel that it speaks for, with the state that follows: a
-- signal that names no channel stands once for each channel of the business. A deletion ends a
-- consent; it stands here beside the signals.
with

signals as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        applies_to_all_channels,
        has_clock_anomaly
    from {{ ref('int_consent_signals') }}
    where not is_internal
),

channels as (
    select distinct channel_id
    from {{ ref('int_channels') }}
),

deletions as (
    select distinct
        contact_id,
        occurred_at
    from {{ ref('int_contact_events') }}
    where event = 'deleted' and not has_clock_anomaly and not is_internal
),

by_channel as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        has_clock_anomaly
    from signals
    where
        not applies_to_all_channels
        or (select count(*) from channels) = 0
    union
    select
        signals.contact_id,
        channels.channel_id,
        signals.event,
        signals.occurred_at,
        signals.source,
        signals.has_clock_anomaly
    from signals
    cross join channels
    where signals.applies_to_all_channels
),

-- A signal of all channels may repeat one of a single channel.
distinct_signals as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        bool_and(has_clock_anomaly) as has_clock_anomaly
    from by_channel
    group by contact_id, channel_id, event, occurred_at, source
),

lists as (
    select distinct
        contact_id,
        channel_id
    from distinct_signals
    where contact_id <> 'unknown'
),

events as (
    select * from distinct_signals
    union all
    select
        deletions.contact_id,
        lists.channel_id,
        'deleted' as event,
        deletions.occurred_at,
        'deletion' as source,
        false as has_clock_anomaly
    from deletions
    inner join lists on deletions.contact_id = lists.contact_id
),

-- In one second an opt-out comes after an opt-in, and a deletion last.
ordered as (
    select
        *,
        case event when 'opt_in' then 1 when 'opt_out' then 2 else 3 end as event_rank
    from events
),

in_order as (
    select
        *,
        lag(event) over signals_in_order as previous_event,
        lead(event) over signals_in_order is null as is_last
    from ordered
    window
        signals_in_order as (
            partition by contact_id, channel_id, has_clock_anomaly
            order by occurred_at, event_rank, source
        )
),

final as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        has_clock_anomaly,
        not has_clock_anomaly
        and case
            when event = 'deleted' then coalesce(previous_event = 'opt_in', false)
            else coalesce(event <> previous_event, true)
        end as is_state_change,
        not has_clock_anomaly and coalesce(previous_event = 'opt_in', false) as was_opted_in,
        not has_clock_anomaly and is_last as is_last
    from in_order
)

select * from final
