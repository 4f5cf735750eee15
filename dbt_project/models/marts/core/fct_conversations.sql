with

messages as (
    select
        message_id,
        conversation_cycle_id,
        conversation_opened_by,
        contact_id,
        channel_id,
        direction,
        message_type,
        sender_type,
        agent_id,
        bot_id,
        message_at,
        failed_at,
        cost_amount,
        {{ is_customer_message() }} as is_customer_message,
        -- Who answers: a person, a bot, or a program that doesn't say which it is. Campaigns and
        -- what never reached WhatsApp answer nobody.
        {{ is_possible_answer() }} as is_answer,
        {{ is_possible_answer() }} and sender_type = 'agent' as is_human_answer,
        {{ is_possible_answer() }} and sender_type = 'bot' as is_bot_answer
    from {{ ref('fct_messages') }}
    where conversation_cycle_id <> 'none' and not has_clock_anomaly
),

platform_cycles as (
    select
        conversation_cycle_id,
        conversation_id,
        cycle_number,
        channel_id,
        contact_id,
        opened_at,
        opened_by,
        closed_at,
        closed_by,
        closing_agent_id,
        category,
        has_clock_anomaly
    from {{ ref('int_conversation_cycles') }}
),

cycle_events as (
    select
        conversation_cycle_id,
        min(occurred_at) filter (where event_type = 'handoff') as handed_off_at,
        min(occurred_at) filter (where event_type = 'bot_started') as bot_started_at,
        arg_min(bot_id, row(occurred_at, event_id)) filter (where event_type = 'bot_started')
            as first_bot_id,
        arg_max(assignee_agent_id, row(occurred_at, event_id)) filter (
            where event_type in ('assigned', 'unassigned')
        ) as last_assignee_agent_id
    from {{ ref('int_conversation_events') }}
    where not has_clock_anomaly
    group by conversation_cycle_id
),

watermarks as (
    select
        max(watermark_at) filter (where subject = 'messages') as messages_watermark_at,
        max(watermark_at) filter (where subject = 'service') as service_watermark_at
    from {{ ref('int_watermarks') }}
),

channel_schedules as (
    select
        channel_id,
        schedule_id,
        timezone
    from {{ ref('int_channel_schedules') }}
),

business_intervals as (
    select
        schedule_id,
        timezone,
        opens_at,
        closes_at,
        seconds_open_before
    from {{ ref('int_business_intervals') }}
),

-- On a scale of one to five, whatever scale it was asked on: the ends stay the ends.
ratings as (
    select
        conversation_cycle_id,
        arg_max(
            1 + 4 * {{ safe_divide('score - 1', 'scale_max - 1') }},
            row(answered_at, survey_response_id)
        ) as csat_rating
    from {{ ref('fct_survey_responses') }}
    where
        survey_type = 'csat'
        and score is not null
        and answered_at is not null
        and not has_clock_anomaly
    group by conversation_cycle_id
),

sla_targets as (
    select
        channel_id,
        category,
        target_seconds,
        clock
    from {{ ref('int_sla_targets') }}
),

cycle_messages as (
    select
        conversation_cycle_id,
        max(conversation_opened_by) as inferred_opened_by,
        min(contact_id) as contact_id,
        min(channel_id) as channel_id,
        min(message_at) as first_message_at,
        max(message_at) as last_message_at,
        min(message_at) filter (where is_customer_message) as first_inbound_at,
        max(message_at) filter (where is_customer_message) as last_inbound_at,
        max(message_at) filter (where is_answer) as last_answer_at,
        min(message_at) filter (where is_human_answer) as first_human_at,
        min(message_at) filter (where is_bot_answer) as first_bot_message_at,
        arg_min(agent_id, {{ message_order() }}) filter (where is_human_answer) as first_agent_id,
        arg_min(bot_id, {{ message_order() }}) filter (where is_bot_answer) as first_bot_id,
        arg_min(sender_type, {{ message_order() }}) filter (
            where is_customer_message or direction = 'outbound'
        ) as first_sender_type,
        count(*) filter (where direction = 'inbound' and message_type <> 'system')
            as messages_received,
        count(*) filter (where direction = 'outbound' and failed_at is null)
            as messages_sent,
        count(*) filter (where is_human_answer) as messages_sent_by_agents,
        count(*) filter (where is_bot_answer) as messages_sent_by_bots,
        -- What customers write is free: of ours alone it says nothing.
        case
            when bool_and(cost_amount is null) filter (where direction = 'outbound') then null
            else sum(cost_amount)
        end as message_cost_amount
    from messages
    group by conversation_cycle_id
),

inferred_cycles as (
    select
        cycle_messages.conversation_cycle_id,
        {{ thread_conversation_id('cycle_messages.contact_id', 'cycle_messages.channel_id') }}
            as conversation_id,
        row_number() over (
            partition by cycle_messages.contact_id, cycle_messages.channel_id
            order by cycle_messages.first_message_at, cycle_messages.conversation_cycle_id
        ) as cycle_number,
        cycle_messages.channel_id,
        cycle_messages.contact_id,
        cycle_messages.first_message_at as opened_at,
        cycle_messages.inferred_opened_by as opened_by,
        case
            when
                watermarks.messages_watermark_at
                > cycle_messages.last_message_at
                + interval ({{ var('session_gap_hours') | int }}) hour
                then cycle_messages.last_message_at
        end as closed_at
    from cycle_messages
    cross join watermarks
    anti join platform_cycles
        on cycle_messages.conversation_cycle_id = platform_cycles.conversation_cycle_id
),

cycles as (
    select
        platform_cycles.conversation_cycle_id,
        platform_cycles.conversation_id,
        platform_cycles.cycle_number,
        'platform' as session_source,
        platform_cycles.channel_id,
        platform_cycles.contact_id,
        platform_cycles.opened_at,
        platform_cycles.opened_by,
        platform_cycles.closed_at,
        platform_cycles.closed_by,
        platform_cycles.closing_agent_id,
        -- Who has a conversation keeps it when it is opened again.
        last_value(cycle_events.last_assignee_agent_id ignore nulls) over (
            partition by platform_cycles.conversation_id order by platform_cycles.cycle_number
        ) as current_agent_id,
        platform_cycles.category,
        cycle_events.bot_started_at,
        cycle_events.first_bot_id,
        cycle_events.handed_off_at,
        platform_cycles.has_clock_anomaly,
        watermarks.service_watermark_at as watermark_at
    from platform_cycles
    left join cycle_events
        on platform_cycles.conversation_cycle_id = cycle_events.conversation_cycle_id
    cross join watermarks
    union all
    select
        inferred_cycles.conversation_cycle_id,
        inferred_cycles.conversation_id,
        inferred_cycles.cycle_number,
        'inferred' as session_source,
        inferred_cycles.channel_id,
        inferred_cycles.contact_id,
        inferred_cycles.opened_at,
        inferred_cycles.opened_by,
        inferred_cycles.closed_at,
        case when inferred_cycles.closed_at is not null then 'inactivity' end as closed_by,
        'none' as closing_agent_id,
        'none' as current_agent_id,
        'none' as category,
        cast(null as timestamp) as bot_started_at,
        cast(null as varchar) as first_bot_id,
        cast(null as timestamp) as handed_off_at,
        false as has_clock_anomaly,
        watermarks.messages_watermark_at as watermark_at
    from inferred_cycles
    cross join watermarks
),

-- What a cycle's neighbours in its conversation say of it.
chained as (
    select
        *,
        lag(closed_at) over conversation as previous_closed_at,
        lead(opened_at) over conversation as next_opened_at,
        min(opened_at) over (partition by conversation_id) as conversation_opened_at
    from cycles
    window conversation as (partition by conversation_id order by cycle_number)
),

begun as (
    select
        chained.conversation_cycle_id,
        chained.closed_at,
        chained.handed_off_at,
        cycle_messages.first_inbound_at,
        cycle_messages.last_inbound_at,
        cycle_messages.first_human_at,
        least(chained.bot_started_at, cycle_messages.first_bot_message_at) as bot_started_at
    from chained
    inner join cycle_messages
        on chained.conversation_cycle_id = cycle_messages.conversation_cycle_id
),

waiting as (
    select
        conversation_cycle_id,
        handed_off_at,
        first_inbound_at,
        last_inbound_at,
        bot_started_at,
        -- Where a bot began, the customer waits for a person from the handoff on.
        case
            when first_inbound_at is null then null
            when
                bot_started_at < coalesce(first_human_at, timestamp 'infinity')
                then greatest(handed_off_at, first_inbound_at)
            else first_inbound_at
        end as waits_for_human_at,
        -- By then it shows whether the customer was left alone (SEMANTICS 9).
        least(
            closed_at,
            last_inbound_at + interval ({{ var('abandonment_hours') | int }}) hour
        ) as judged_at
    from begun
),

answers as (
    select
        messages.conversation_cycle_id,
        min(messages.message_at) filter (
            where messages.is_human_answer and messages.message_at >= waiting.waits_for_human_at
        ) as first_response_at,
        arg_min(messages.agent_id, {{ message_order('messages') }}) filter (
            where messages.is_human_answer and messages.message_at >= waiting.waits_for_human_at
        ) as first_responder_agent_id,
        min(messages.message_at) filter (
            where messages.is_answer and messages.message_at >= waiting.first_inbound_at
        ) as first_any_response_at,
        count(*) filter (
            where messages.is_customer_message and messages.message_at > waiting.bot_started_at
        ) as messages_received_after_bot,
        coalesce(
            bool_or(
                messages.message_at between waiting.last_inbound_at and waiting.judged_at
            ) filter (where messages.is_human_answer or messages.is_bot_answer),
            false
        ) as is_last_inbound_answered,
        coalesce(
            bool_or(
                messages.message_at between waiting.handed_off_at and waiting.judged_at
            ) filter (where messages.is_human_answer),
            false
        ) as is_handoff_answered
    from messages
    inner join waiting on messages.conversation_cycle_id = waiting.conversation_cycle_id
    group by messages.conversation_cycle_id
),

described as (
    select
        chained.conversation_cycle_id,
        chained.conversation_id,
        chained.cycle_number,
        chained.session_source,
        chained.channel_id,
        chained.contact_id,
        chained.opened_at,
        coalesce(
            chained.opened_by,
            case cycle_messages.first_sender_type
                when 'bot' then 'automation'
                else cycle_messages.first_sender_type
            end
        ) as opened_by,
        chained.category,
        waiting.first_inbound_at,
        waiting.last_inbound_at,
        waiting.judged_at,
        waiting.waits_for_human_at,
        answers.first_response_at,
        answers.first_responder_agent_id,
        answers.first_any_response_at,
        coalesce(waiting.bot_started_at, chained.bot_started_at) as bot_started_at,
        case
            when cycle_messages.first_bot_message_at < chained.bot_started_at
                then cycle_messages.first_bot_id
            else coalesce(chained.first_bot_id, cycle_messages.first_bot_id)
        end as first_bot_id,
        chained.handed_off_at,
        chained.closed_at,
        chained.closed_by,
        cycle_messages.first_agent_id,
        chained.closing_agent_id,
        chained.current_agent_id,
        coalesce(cycle_messages.messages_received, 0) as messages_received,
        coalesce(cycle_messages.messages_sent, 0) as messages_sent,
        coalesce(cycle_messages.messages_sent_by_agents, 0) as messages_sent_by_agents,
        coalesce(cycle_messages.messages_sent_by_bots, 0) as messages_sent_by_bots,
        coalesce(answers.messages_received_after_bot, 0) as messages_received_after_bot,
        coalesce(answers.is_last_inbound_answered, false) as is_last_inbound_answered,
        coalesce(answers.is_handoff_answered, false) as is_handoff_answered,
        cycle_messages.last_message_at,
        cycle_messages.last_answer_at,
        case
            when cycle_messages.conversation_cycle_id is null then 0
            else cycle_messages.message_cost_amount
        end as message_cost_amount,
        chained.previous_closed_at,
        chained.next_opened_at,
        chained.conversation_opened_at,
        chained.watermark_at,
        chained.has_clock_anomaly
    from chained
    left join cycle_messages
        on chained.conversation_cycle_id = cycle_messages.conversation_cycle_id
    left join waiting on chained.conversation_cycle_id = waiting.conversation_cycle_id
    left join answers on chained.conversation_cycle_id = answers.conversation_cycle_id
),

judged as (
    select
        * exclude (first_response_at, first_responder_agent_id),
        -- Who opened the conversation answers nobody.
        case when coalesce(opened_by, 'unknown') <> 'agent' then first_response_at end
            as first_response_at,
        case when coalesce(opened_by, 'unknown') <> 'agent' then first_responder_agent_id end
            as first_responder_agent_id,
        handed_off_at <= judged_at and not is_handoff_answered as is_handoff_left_alone,
        not is_last_inbound_answered as is_inbound_left_alone,
        coalesce(
            cycle_number > 1
            and opened_at
            <= previous_closed_at + interval ({{ var('reopen_window_hours') | int }}) hour,
            false
        ) as is_reopening,
        coalesce(
            next_opened_at
            <= closed_at + interval ({{ var('reopen_window_hours') | int }}) hour,
            false
        ) as was_reopened
    from described
),

abandoned as (
    select
        *,
        case
            when first_inbound_at is null then false
            when not (coalesce(is_handoff_left_alone, false) or is_inbound_left_alone) then false
            -- Not until then: the answer may still come.
            when closed_at is not null or watermark_at > judged_at then true
        end as is_abandoned
    from judged
),

-- Apart from the rest: without a schedule there is nothing to look up.
business_times as (
    select
        abandoned.conversation_cycle_id,
        {{
            business_seconds(
                'wait_hours',
                'abandoned.waits_for_human_at',
                'response_hours',
                'abandoned.first_response_at'
            )
        }} as first_response_business_seconds,
        {{
            business_seconds(
                'opening_hours', 'abandoned.opened_at', 'closing_hours', 'abandoned.closed_at'
            )
        }} as resolution_business_seconds,
        {{
            business_seconds(
                'wait_hours',
                'abandoned.waits_for_human_at',
                'present_hours',
                'abandoned.watermark_at'
            )
        }} as waited_business_seconds
    from abandoned
    inner join channel_schedules on abandoned.channel_id = channel_schedules.channel_id
    {{ business_lookup('wait_hours', 'channel_schedules', 'abandoned.waits_for_human_at') }}
    {{ business_lookup('response_hours', 'channel_schedules', 'abandoned.first_response_at') }}
    {{ business_lookup('opening_hours', 'channel_schedules', 'abandoned.opened_at') }}
    {{ business_lookup('closing_hours', 'channel_schedules', 'abandoned.closed_at') }}
    {{ business_lookup('present_hours', 'channel_schedules', 'abandoned.watermark_at') }}
),

timed as (
    select
        abandoned.*,
        {{ elapsed_seconds('abandoned.waits_for_human_at', 'abandoned.first_response_at') }}
            as first_response_seconds,
        {{ elapsed_seconds('abandoned.waits_for_human_at', 'abandoned.watermark_at') }}
            as waited_seconds,
        business_times.first_response_business_seconds,
        business_times.resolution_business_seconds,
        business_times.waited_business_seconds,
        ratings.csat_rating,
        cast(
            coalesce(
                sla_targets_of_both.target_seconds,
                sla_targets_of_category.target_seconds,
                sla_targets_of_channel.target_seconds,
                sla_targets_of_all.target_seconds
            ) as double
        ) as sla_target_seconds,
        coalesce(
            sla_targets_of_both.clock,
            sla_targets_of_category.clock,
            sla_targets_of_channel.clock,
            sla_targets_of_all.clock
        ) as sla_clock
    from abandoned
    left join business_times
        on abandoned.conversation_cycle_id = business_times.conversation_cycle_id
    left join ratings on abandoned.conversation_cycle_id = ratings.conversation_cycle_id
    left join sla_targets as sla_targets_of_both
        on
            abandoned.channel_id = sla_targets_of_both.channel_id
            and lower(abandoned.category) = sla_targets_of_both.category
    left join sla_targets as sla_targets_of_category
        on
            sla_targets_of_category.channel_id = 'any'
            and lower(abandoned.category) = sla_targets_of_category.category
    left join sla_targets as sla_targets_of_channel
        on
            abandoned.channel_id = sla_targets_of_channel.channel_id
            and sla_targets_of_channel.category = 'any'
    left join sla_targets as sla_targets_of_all
        on sla_targets_of_all.channel_id = 'any' and sla_targets_of_all.category = 'any'
),

final as (
    select
        conversation_cycle_id,
        conversation_id,
        cast(cycle_number as bigint) as cycle_number,
        session_source,
        channel_id,
        contact_id,
        opened_at,
        {{ reporting_date('opened_at') }} as opened_on,
        opened_by,
        category,
        first_inbound_at,
        first_response_at,
        first_any_response_at,
        coalesce(first_responder_agent_id, 'none') as first_responder_agent_id,
        bot_started_at,
        coalesce(first_bot_id, 'none') as first_bot_id,
        handed_off_at,
        closed_at,
        {{ reporting_date('closed_at') }} as closed_on,
        closed_by,
        coalesce(first_agent_id, 'none') as first_agent_id,
        closing_agent_id,
        coalesce(current_agent_id, 'none') as current_agent_id,
        cast(messages_received as bigint) as messages_received,
        cast(messages_sent as bigint) as messages_sent,
        cast(messages_sent_by_agents as bigint) as messages_sent_by_agents,
        cast(messages_sent_by_bots as bigint) as messages_sent_by_bots,
        cast(messages_received_after_bot as bigint) as messages_received_after_bot,
        last_message_at,
        first_response_seconds,
        first_response_business_seconds,
        {{ elapsed_seconds('opened_at', 'closed_at') }} as resolution_seconds,
        resolution_business_seconds,
        -- Once a conversation, on its last cycle: a reopening never inflates an earlier one.
        case
            when next_opened_at is null
                then {{ elapsed_seconds('conversation_opened_at', 'closed_at') }}
        end as full_resolution_seconds,
        sla_target_seconds,
        case
            when
                sla_target_seconds is null
                or first_inbound_at is null
                or coalesce(opened_by = 'agent', false)
                then null
            when first_response_at is not null
                then
                    case sla_clock
                        when 'business' then first_response_business_seconds
                        else first_response_seconds
                    end <= sla_target_seconds
            -- Whom a bot serves waits for no person before the handoff.
            when bot_started_at is not null and handed_off_at is null then null
            when
                case sla_clock when 'business' then waited_business_seconds else waited_seconds end
                > sla_target_seconds
                then false
        end as is_sla_met,
        is_abandoned,
        case
            when not is_abandoned then null
            when is_abandoned and is_handoff_left_alone then 'queue_abandon'
            when
                is_abandoned
                and bot_started_at is not null
                and handed_off_at is null
                and messages_sent_by_agents = 0
                then 'bot_dropoff'
            when is_abandoned then 'no_response'
        end as abandonment_reason,
        is_reopening,
        was_reopened,
        closed_at is not null
        and first_inbound_at is not null
        and messages_sent_by_agents = 1
        and not was_reopened as is_one_touch,
        case
            when bot_started_at is null then null
            when handed_off_at is not null or messages_sent_by_agents > 0 then 'handed_off'
            -- Who is silent for so long is gone, whether or not somebody closes it. What silence
            -- ends is inferred, and closes by itself.
            when
                closed_at is null
                and session_source = 'platform'
                and watermark_at > greatest(bot_started_at, last_inbound_at, last_answer_at)
                + interval ({{ var('abandonment_hours') | int }}) hour
                then 'dropped_off'
            when
                closed_at is null
                or watermark_at
                <= closed_at + interval ({{ var('bot_confirm_hours') | int }}) hour
                then 'open'
            -- The silence that ends every inferred cycle says nothing of how the bot did.
            when closed_by = 'inactivity' and session_source = 'platform' then 'dropped_off'
            when last_inbound_at > coalesce(last_answer_at, timestamp '-infinity')
                then 'dropped_off'
            when
                next_opened_at
                <= closed_at + interval ({{ var('bot_confirm_hours') | int }}) hour
                then 'dropped_off'
            else 'completed'
        end as bot_outcome,
        csat_rating,
        cast(message_cost_amount as decimal(18, 6)) as message_cost_amount,
        has_clock_anomaly
    from timed
)

select * from final
