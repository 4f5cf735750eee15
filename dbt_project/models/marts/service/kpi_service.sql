-- How customers are answered: what was opened by the day of opening, what was closed by the day of
-- closing, turns by the day on which the customer began to write.
with

conversations as (
    select
        channel_id,
        opened_on,
        opened_by,
        is_reopening,
        first_inbound_at,
        first_response_seconds,
        first_response_business_seconds,
        is_abandoned,
        abandonment_reason,
        is_sla_met,
        closed_on,
        resolution_seconds,
        was_reopened,
        is_one_touch,
        message_cost_amount
    from {{ ref('fct_conversations') }}
    where not has_clock_anomaly
),

turns as (
    select
        channel_id,
        started_on,
        response_seconds
    from {{ ref('fct_responses') }}
    where not has_clock_anomaly
),

labour_cost_days as (
    select
        channel_id,
        day_on,
        labour_cost_amount
    from {{ ref('int_labour_cost_days') }}
),

-- Without a share, or where no export tells of labour, its cost is not known: not 0.
told as (
    select count(*) > 0 and {{ var('labour_cost_share') is not none }} as has_labour
    from {{ ref('int_cost_months') }}
    where cost_type = 'labour' and not is_of_campaign
),

periods as (
    select
        period_grain,
        period_start_on,
        period_end_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'service'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'service'
),

-- A median of medians is no median: each grain is counted from the conversations themselves.
opened as (
    select
        conversations.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) filter (where not conversations.is_reopening) as conversations_opened,
        count(*) filter (where conversations.is_reopening) as conversations_reopened,
        count(*) filter (
            where not conversations.is_reopening and conversations.opened_by = 'contact'
        ) as conversations_opened_by_contact,
        count(*) filter (
            where not conversations.is_reopening and conversations.opened_by = 'agent'
        ) as conversations_opened_by_agent,
        count(*) filter (
            where not conversations.is_reopening and conversations.opened_by = 'automation'
        ) as conversations_opened_by_automation,
        count(*) filter (
            where not conversations.is_reopening and conversations.opened_by = 'campaign'
        ) as conversations_opened_by_campaign,
        count(*) filter (
            where not conversations.is_reopening and conversations.opened_by = 'api'
        ) as conversations_opened_by_api,
        count(conversations.first_inbound_at) as conversations_with_inbound,
        count(conversations.first_response_seconds) as conversations_responded,
        median(conversations.first_response_seconds) as first_response_seconds_median,
        quantile_cont(conversations.first_response_seconds, 0.9) as first_response_seconds_p90,
        -- As decimals: with doubles the order of a sum would show.
        sum(cast(conversations.first_response_seconds as decimal(18, 6)))
            as first_response_seconds_total,
        median(conversations.first_response_business_seconds)
            as first_response_business_seconds_median,
        quantile_cont(conversations.first_response_business_seconds, 0.9)
            as first_response_business_seconds_p90,
        count(*) filter (where conversations.is_abandoned) as conversations_abandoned,
        count(*) filter (
            where conversations.is_abandoned and conversations.abandonment_reason = 'no_response'
        ) as conversations_abandoned_no_response,
        count(*) filter (
            where conversations.is_abandoned and conversations.abandonment_reason = 'queue_abandon'
        ) as conversations_abandoned_queue_abandon,
        count(*) filter (
            where conversations.is_abandoned and conversations.abandonment_reason = 'bot_dropoff'
        ) as conversations_abandoned_bot_dropoff,
        count(conversations.is_sla_met) as conversations_with_sla,
        count(*) filter (where conversations.is_sla_met) as conversations_sla_met
    from conversations
    inner join period_days on conversations.opened_on = period_days.day_on
    group by
        conversations.channel_id,
        period_days.period_grain,
        period_days.period_start_on
),

answered as (
    select
        turns.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as turns_received,
        count(turns.response_seconds) as turns_answered,
        median(turns.response_seconds) as response_seconds_median,
        quantile_cont(turns.response_seconds, 0.9) as response_seconds_p90
    from turns
    inner join period_days on turns.started_on = period_days.day_on
    group by
        turns.channel_id,
        period_days.period_grain,
        period_days.period_start_on
),

closed as (
    select
        conversations.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as conversations_closed,
        median(conversations.resolution_seconds) as resolution_seconds_median,
        quantile_cont(conversations.resolution_seconds, 0.9) as resolution_seconds_p90,
        count(*) filter (where conversations.was_reopened) as conversations_closed_reopened,
        count(*) filter (where conversations.is_one_touch) as conversations_one_touch,
        count(*) filter (where conversations.message_cost_amount is null)
            as conversations_cost_unknown,
        sum(conversations.message_cost_amount) as known_message_cost_amount
    from conversations
    inner join period_days on conversations.closed_on = period_days.day_on
    group by
        conversations.channel_id,
        period_days.period_grain,
        period_days.period_start_on
),

labour as (
    select
        labour_cost_days.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        -- A month without an exchange rate makes its periods unknown, not cheaper.
        case
            when count(*) = count(labour_cost_days.labour_cost_amount)
                then sum(labour_cost_days.labour_cost_amount)
        end as labour_cost_amount
    from labour_cost_days
    inner join period_days on labour_cost_days.day_on = period_days.day_on
    group by
        labour_cost_days.channel_id,
        period_days.period_grain,
        period_days.period_start_on
),

-- A turn may stand alone in its channel or begin before the opening: by another clock, or in a
-- conversation whose own times can't be true.
events as (
    select
        channel_id,
        opened_on as event_on
    from conversations
    union all
    select
        channel_id,
        started_on as event_on
    from turns
),

-- What began after the watermark of service has no period yet.
channels as (
    select
        events.channel_id,
        min(events.event_on) as first_event_on
    from events
    inner join period_days on events.event_on = period_days.day_on
    group by events.channel_id
),

-- A channel that fell silent keeps its rows, with zeros and its stock.
counted as (
    select
        channels.channel_id,
        periods.period_grain,
        periods.period_start_on,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete,
        coalesce(opened.conversations_opened, 0) as conversations_opened,
        coalesce(opened.conversations_reopened, 0) as conversations_reopened,
        coalesce(closed.conversations_closed, 0) as conversations_closed,
        coalesce(opened.conversations_opened_by_contact, 0) as conversations_opened_by_contact,
        coalesce(opened.conversations_opened_by_agent, 0) as conversations_opened_by_agent,
        coalesce(opened.conversations_opened_by_automation, 0)
            as conversations_opened_by_automation,
        coalesce(opened.conversations_opened_by_campaign, 0) as conversations_opened_by_campaign,
        coalesce(opened.conversations_opened_by_api, 0) as conversations_opened_by_api,
        coalesce(opened.conversations_with_inbound, 0) as conversations_with_inbound,
        coalesce(opened.conversations_responded, 0) as conversations_responded,
        opened.first_response_seconds_median,
        opened.first_response_seconds_p90,
        opened.first_response_seconds_total,
        opened.first_response_business_seconds_median,
        opened.first_response_business_seconds_p90,
        coalesce(opened.conversations_abandoned, 0) as conversations_abandoned,
        coalesce(opened.conversations_abandoned_no_response, 0)
            as conversations_abandoned_no_response,
        coalesce(opened.conversations_abandoned_queue_abandon, 0)
            as conversations_abandoned_queue_abandon,
        coalesce(opened.conversations_abandoned_bot_dropoff, 0)
            as conversations_abandoned_bot_dropoff,
        coalesce(opened.conversations_with_sla, 0) as conversations_with_sla,
        coalesce(opened.conversations_sla_met, 0) as conversations_sla_met,
        coalesce(answered.turns_received, 0) as turns_received,
        coalesce(answered.turns_answered, 0) as turns_answered,
        answered.response_seconds_median,
        answered.response_seconds_p90,
        closed.resolution_seconds_median,
        closed.resolution_seconds_p90,
        coalesce(closed.conversations_closed_reopened, 0) as conversations_closed_reopened,
        coalesce(closed.conversations_one_touch, 0) as conversations_one_touch,
        coalesce(closed.conversations_cost_unknown, 0) as conversations_cost_unknown,
        -- Nothing closed is 0; nothing known of what was closed is NULL.
        case when closed.channel_id is null then 0 else closed.known_message_cost_amount end
            as message_cost_amount,
        case
            when told.has_labour
                then case when labour.channel_id is null then 0 else labour.labour_cost_amount end
        end as labour_cost_amount,
        told.has_labour
    from channels
    cross join told
    inner join periods
        on channels.first_event_on <= periods.period_end_on
    left join opened
        on
            channels.channel_id = opened.channel_id
            and periods.period_grain = opened.period_grain
            and periods.period_start_on = opened.period_start_on
    left join answered
        on
            channels.channel_id = answered.channel_id
            and periods.period_grain = answered.period_grain
            and periods.period_start_on = answered.period_start_on
    left join closed
        on
            channels.channel_id = closed.channel_id
            and periods.period_grain = closed.period_grain
            and periods.period_start_on = closed.period_start_on
    left join labour
        on
            channels.channel_id = labour.channel_id
            and periods.period_grain = labour.period_grain
            and periods.period_start_on = labour.period_start_on
),

carried as (
    select
        *,
        sum(conversations_opened + conversations_reopened - conversations_closed) over (
            partition by channel_id, period_grain
            order by period_start_on
            rows between unbounded preceding and current row
        ) as conversations_open_at_end
    from counted
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        cast(
            conversations_open_at_end
            - conversations_opened
            - conversations_reopened
            + conversations_closed as bigint
        ) as conversations_open_at_start,
        cast(conversations_opened as bigint) as conversations_opened,
        cast(conversations_reopened as bigint) as conversations_reopened,
        cast(conversations_closed as bigint) as conversations_closed,
        cast(conversations_open_at_end as bigint) as conversations_open_at_end,
        cast(conversations_opened_by_contact as bigint) as conversations_opened_by_contact,
        cast(conversations_opened_by_agent as bigint) as conversations_opened_by_agent,
        cast(conversations_opened_by_automation as bigint) as conversations_opened_by_automation,
        cast(conversations_opened_by_campaign as bigint) as conversations_opened_by_campaign,
        cast(conversations_opened_by_api as bigint) as conversations_opened_by_api,
        cast(conversations_with_inbound as bigint) as conversations_with_inbound,
        cast(conversations_responded as bigint) as conversations_responded,
        cast(first_response_seconds_median as double) as first_response_seconds_median,
        cast(first_response_seconds_p90 as double) as first_response_seconds_p90,
        {{ safe_divide('first_response_seconds_total', 'conversations_responded') }}
            as first_response_seconds_avg,
        cast(first_response_business_seconds_median as double)
            as first_response_business_seconds_median,
        cast(first_response_business_seconds_p90 as double)
            as first_response_business_seconds_p90,
        cast(conversations_abandoned as bigint) as conversations_abandoned,
        cast(conversations_abandoned_no_response as bigint) as conversations_abandoned_no_response,
        cast(conversations_abandoned_queue_abandon as bigint)
            as conversations_abandoned_queue_abandon,
        cast(conversations_abandoned_bot_dropoff as bigint) as conversations_abandoned_bot_dropoff,
        {{ safe_divide('conversations_abandoned', 'conversations_with_inbound') }}
            as abandonment_rate,
        cast(conversations_with_sla as bigint) as conversations_with_sla,
        cast(conversations_sla_met as bigint) as conversations_sla_met,
        {{ safe_divide('conversations_sla_met', 'conversations_with_sla') }} as sla_met_rate,
        cast(turns_received as bigint) as turns_received,
        cast(turns_answered as bigint) as turns_answered,
        cast(response_seconds_median as double) as response_seconds_median,
        cast(response_seconds_p90 as double) as response_seconds_p90,
        cast(resolution_seconds_median as double) as resolution_seconds_median,
        cast(resolution_seconds_p90 as double) as resolution_seconds_p90,
        cast(conversations_closed_reopened as bigint) as conversations_closed_reopened,
        {{ safe_divide('conversations_closed_reopened', 'conversations_closed') }} as reopen_rate,
        cast(conversations_one_touch as bigint) as conversations_one_touch,
        {{ safe_divide('conversations_one_touch', 'conversations_closed') }} as one_touch_rate,
        cast(message_cost_amount as decimal(18, 6)) as message_cost_amount,
        cast(conversations_cost_unknown as bigint) as conversations_cost_unknown,
        cast(labour_cost_amount as decimal(18, 4)) as labour_cost_amount,
        -- Labour of which nobody tells is missing in the sum: it is one part of two.
        {{ safe_divide(
            'message_cost_amount + case when has_labour then labour_cost_amount else 0 end',
            'conversations_closed'
        ) }} as cost_per_closed_conversation_amount,
        is_complete,
        {{ has_matured([
            'session_gap_hours', 'abandonment_hours', 'reopen_window_hours', 'status_window_days'
        ]) }} as is_mature
    from carried
)

select * from final
