-- Three agents of one conversation, each in a column of their own: who was assigned, who answered,
-- who closed it.
with

conversations as (
    select
        opened_on,
        closed_on,
        first_responder_agent_id,
        first_response_seconds,
        closing_agent_id,
        resolution_seconds
    from {{ ref('fct_conversations') }}
    where not has_clock_anomaly
),

assignments as (
    select
        conversation_cycle_id,
        occurred_on,
        assignee_agent_id as agent_id
    from {{ ref('fct_conversation_events') }}
    where event_type = 'assigned' and assignee_agent_id <> 'none' and not has_clock_anomaly
),

replies as (
    select
        conversation_cycle_id,
        agent_id,
        replied_on,
        contact_id,
        assignment_to_first_response_seconds
    from {{ ref('int_agent_replies') }}
),

messages as (
    select
        agent_id,
        message_on,
        count(*) as messages_sent
    from {{ ref('fct_messages') }}
    where
        direction = 'outbound'
        and sender_type = 'agent'
        and agent_id <> 'none'
        and sent_at is not null
        and not has_clock_anomaly
    group by agent_id, message_on
),

surveys as (
    select
        agent_id,
        answered_on,
        {{ is_satisfied('score', 'scale_max') }} as is_satisfied
    from {{ ref('fct_survey_responses') }}
    where
        survey_type = 'csat'
        and score is not null
        and scale_max > 1
        and answered_on is not null
        and agent_id <> 'none'
        and not has_clock_anomaly
),

holdings as (
    select
        agent_id,
        held_from_on,
        held_until_on
    from {{ ref('int_agent_holdings') }}
    where agent_id <> 'none'
),

orders as (
    select
        attributed_agent_id as agent_id,
        ordered_on,
        net_amount
    from {{ ref('fct_orders') }}
    where is_valid and not has_clock_anomaly
),

order_watermarks as (
    select max({{ reporting_date('watermark_at') }}) as watermark_on
    from {{ ref('int_watermarks') }}
    where subject = 'orders'
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

-- What no export tells of isn't 0.
told as (
    select
        (select count(*) from assignments) > 0 as has_assignments,
        (select count(*) from surveys) > 0 as has_surveys,
        (select count(*) from orders) > 0 as has_orders
),

assigned as (
    select
        assignments.agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(distinct assignments.conversation_cycle_id) as conversations_assigned
    from assignments
    inner join period_days on assignments.occurred_on = period_days.day_on
    group by
        assignments.agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

replied as (
    select
        replies.agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(distinct replies.conversation_cycle_id) as conversations_replied,
        count(distinct replies.contact_id) filter (
            where replies.contact_id not in ('none', 'unknown')
        ) as contacts_replied,
        count(replies.assignment_to_first_response_seconds) as assignments_responded,
        median(replies.assignment_to_first_response_seconds)
            as assignment_to_first_response_seconds_median
    from replies
    inner join period_days on replies.replied_on = period_days.day_on
    group by
        replies.agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

sent as (
    select
        messages.agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        sum(messages.messages_sent) as messages_sent
    from messages
    inner join period_days on messages.message_on = period_days.day_on
    group by
        messages.agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

responded as (
    select
        conversations.first_responder_agent_id as agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as conversations_first_responded,
        median(conversations.first_response_seconds) as first_response_seconds_median
    from conversations
    inner join period_days on conversations.opened_on = period_days.day_on
    where
        conversations.first_response_seconds is not null
        and conversations.first_responder_agent_id <> 'none'
    group by
        conversations.first_responder_agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

closed as (
    select
        conversations.closing_agent_id as agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as conversations_closed,
        median(conversations.resolution_seconds) as resolution_seconds_median
    from conversations
    inner join period_days on conversations.closed_on = period_days.day_on
    where conversations.closing_agent_id <> 'none'
    group by
        conversations.closing_agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

rated as (
    select
        surveys.agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as csat_responses,
        count(*) filter (where surveys.is_satisfied) as csat_responses_satisfied
    from surveys
    inner join period_days on surveys.answered_on = period_days.day_on
    group by
        surveys.agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

stock_days as (
    select
        agent_id,
        held_from_on as day_on,
        count(*) as stock_change
    from holdings
    group by agent_id, held_from_on
    union all
    select
        agent_id,
        held_until_on as day_on,
        -count(*) as stock_change
    from holdings
    where held_until_on is not null
    group by agent_id, held_until_on
),

stock_changes as (
    select
        stock_days.agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        sum(stock_days.stock_change) as stock_change
    from stock_days
    inner join period_days on stock_days.day_on = period_days.day_on
    group by
        stock_days.agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

credited as (
    select
        orders.agent_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as orders_attributed,
        count(*) filter (where orders.net_amount is null) as orders_attributed_amount_unknown,
        sum(orders.net_amount) as attributed_revenue_amount
    from orders
    inner join period_days on orders.ordered_on = period_days.day_on
    where orders.agent_id <> 'none'
    group by
        orders.agent_id,
        period_days.period_grain,
        period_days.period_start_on
),

agent_periods as (
    select
        agent_id,
        period_grain,
        period_start_on
    from assigned
    union
    select
        agent_id,
        period_grain,
        period_start_on
    from replied
    union
    select
        agent_id,
        period_grain,
        period_start_on
    from sent
    union
    select
        agent_id,
        period_grain,
        period_start_on
    from responded
    union
    select
        agent_id,
        period_grain,
        period_start_on
    from closed
    union
    select
        agent_id,
        period_grain,
        period_start_on
    from rated
    union
    select
        agent_id,
        period_grain,
        period_start_on
    from stock_changes
    union
    select
        agent_id,
        period_grain,
        period_start_on
    from credited
),

agents as (
    select
        agent_id,
        period_grain,
        min(period_start_on) as first_period_on
    from agent_periods
    group by agent_id, period_grain
),

counted as (
    select
        agents.agent_id,
        periods.period_grain,
        periods.period_start_on,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete,
        case when told.has_assignments then coalesce(assigned.conversations_assigned, 0) end
            as conversations_assigned,
        coalesce(replied.conversations_replied, 0) as conversations_replied,
        coalesce(closed.conversations_closed, 0) as conversations_closed,
        coalesce(replied.contacts_replied, 0) as contacts_replied,
        coalesce(sent.messages_sent, 0) as messages_sent,
        coalesce(responded.conversations_first_responded, 0) as conversations_first_responded,
        responded.first_response_seconds_median,
        coalesce(replied.assignments_responded, 0) as assignments_responded,
        replied.assignment_to_first_response_seconds_median,
        closed.resolution_seconds_median,
        case when told.has_surveys then coalesce(rated.csat_responses, 0) end as csat_responses,
        case when told.has_surveys then coalesce(rated.csat_responses_satisfied, 0) end
            as csat_responses_satisfied,
        coalesce(stock_changes.stock_change, 0) as stock_change,
        told.has_orders
        and coalesce(periods.period_start_on <= order_watermarks.watermark_on, false)
            as are_orders_known,
        coalesce(credited.orders_attributed, 0) as orders_attributed,
        coalesce(credited.orders_attributed_amount_unknown, 0) as orders_attributed_amount_unknown,
        -- Nothing sold is 0; nothing known of what was sold is NULL.
        case when credited.agent_id is null then 0 else credited.attributed_revenue_amount end
            as attributed_revenue_amount
    from agents
    cross join told
    cross join order_watermarks
    inner join periods
        on
            agents.period_grain = periods.period_grain
            and agents.first_period_on <= periods.period_start_on
    left join assigned
        on
            agents.agent_id = assigned.agent_id
            and periods.period_grain = assigned.period_grain
            and periods.period_start_on = assigned.period_start_on
    left join replied
        on
            agents.agent_id = replied.agent_id
            and periods.period_grain = replied.period_grain
            and periods.period_start_on = replied.period_start_on
    left join sent
        on
            agents.agent_id = sent.agent_id
            and periods.period_grain = sent.period_grain
            and periods.period_start_on = sent.period_start_on
    left join responded
        on
            agents.agent_id = responded.agent_id
            and periods.period_grain = responded.period_grain
            and periods.period_start_on = responded.period_start_on
    left join closed
        on
            agents.agent_id = closed.agent_id
            and periods.period_grain = closed.period_grain
            and periods.period_start_on = closed.period_start_on
    left join rated
        on
            agents.agent_id = rated.agent_id
            and periods.period_grain = rated.period_grain
            and periods.period_start_on = rated.period_start_on
    left join stock_changes
        on
            agents.agent_id = stock_changes.agent_id
            and periods.period_grain = stock_changes.period_grain
            and periods.period_start_on = stock_changes.period_start_on
    left join credited
        on
            agents.agent_id = credited.agent_id
            and periods.period_grain = credited.period_grain
            and periods.period_start_on = credited.period_start_on
),

carried as (
    select
        *,
        sum(stock_change) over (
            partition by agent_id, period_grain
            order by period_start_on
            rows between unbounded preceding and current row
        ) as conversations_open_at_end
    from counted
),

final as (
    select
        period_grain,
        period_start_on,
        agent_id,
        cast(conversations_assigned as bigint) as conversations_assigned,
        cast(conversations_replied as bigint) as conversations_replied,
        cast(conversations_closed as bigint) as conversations_closed,
        cast(contacts_replied as bigint) as contacts_replied,
        cast(messages_sent as bigint) as messages_sent,
        cast(conversations_first_responded as bigint) as conversations_first_responded,
        cast(first_response_seconds_median as double) as first_response_seconds_median,
        cast(assignments_responded as bigint) as assignments_responded,
        cast(assignment_to_first_response_seconds_median as double)
            as assignment_to_first_response_seconds_median,
        cast(resolution_seconds_median as double) as resolution_seconds_median,
        cast(csat_responses as bigint) as csat_responses,
        cast(csat_responses_satisfied as bigint) as csat_responses_satisfied,
        {{ safe_divide('csat_responses_satisfied', 'csat_responses') }} as csat_rate,
        cast(conversations_open_at_end as bigint) as conversations_open_at_end,
        cast(case when are_orders_known then orders_attributed end as bigint) as orders_attributed,
        cast(case when are_orders_known then orders_attributed_amount_unknown end as bigint)
            as orders_attributed_amount_unknown,
        cast(case when are_orders_known then attributed_revenue_amount end as decimal(18, 4))
            as attributed_revenue_amount,
        is_complete,
        {{ has_matured(['session_gap_hours', 'abandonment_hours']) }} as is_mature
    from carried
)

select * from final
