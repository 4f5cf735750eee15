-- The batch's messages with what their neighbours in the thread (contact × business number) say:
-- service window, free entry point, reply (SEMANTICS 2 and 4). In one second the customer's
-- message comes before ours.
with

messages as (
    select
        message_id,
        direction,
        record_id,
        contact_id,
        channel_id,
        sender_type,
        campaign_id,
        message_type,
        message_at,
        read_at,
        failed_at,
        context_id,
        is_from_ad,
        consent_word_event,
        button_clicked_at,
        has_clock_anomaly
    from {{ ref('int_messages__unioned') }}
),

clicked_messages as (
    select
        record_id,
        first_clicked_at
    from {{ ref('int_messages__clicked') }}
),

roles as (
    select
        message_id,
        direction,
        record_id,
        contact_id,
        channel_id,
        message_at,
        read_at,
        context_id,
        button_clicked_at,
        is_from_ad,
        contact_id in ('unknown', 'none') as is_nobody,
        -- A message whose clock is off has no place in the thread: it opens no window, answers
        -- nothing and is answered by nothing. Notices of WhatsApp are no act of the customer.
        not has_clock_anomaly and direction = 'inbound' and message_type <> 'system'
            as is_customer_message,
        not has_clock_anomaly
        and direction = 'inbound'
        and message_type not in ('system', 'reaction')
        and coalesce(consent_word_event <> 'opt_out', true) as is_reply,
        -- What failed was never there to be answered.
        not has_clock_anomaly and direction = 'outbound' and failed_at is null as is_seen_outbound,
        not has_clock_anomaly
        and failed_at is null
        and {{ is_campaign_message() }} as is_campaign_message,
        has_clock_anomaly
    from messages
),

threads as (
    select
        *,
        max(message_at) filter (where is_customer_message) over thread_before as last_inbound_at,
        min(message_at) filter (where is_reply) over thread_after as next_reply_at,
        min(message_at) filter (where is_seen_outbound) over thread_after as next_outbound_at,
        min(message_at) filter (where is_campaign_message) over thread_after
            as next_campaign_message_at
    from roles
    window
        thread_before as (
            partition by contact_id, channel_id
            order by message_at, direction, message_id
            rows between unbounded preceding and current row
        ),
        thread_after as (
            partition by contact_id, channel_id
            order by message_at, direction, message_id
            rows between 1 following and unbounded following
        )
),

-- A click-to-WhatsApp message opens 72 free hours with our first answer, if that came in 24 hours.
entry_points as (
    select
        *,
        max(
            case
                when
                    is_from_ad
                    and is_customer_message
                    and next_outbound_at <= message_at + interval 24 hour
                    then next_outbound_at
            end
        ) over (
            partition by contact_id, channel_id
            order by message_at, direction, message_id
            rows between unbounded preceding and current row
        ) as entry_point_opened_at
    from threads
),

quoted_replies as (
    select
        context_id as record_id,
        min(message_at) as quoted_reply_at
    from roles
    where is_reply and context_id is not null
    group by context_id
),

replied as (
    select
        entry_points.*,
        case
            when not entry_points.is_seen_outbound then null
            -- A report may say that a button of this very message was pressed.
            when
                coalesce(quoted_replies.quoted_reply_at, entry_points.button_clicked_at)
                is not null
                then least(quoted_replies.quoted_reply_at, entry_points.button_clicked_at)
            when entry_points.is_nobody then null
            when
                entry_points.next_reply_at
                <= entry_points.message_at
                + interval ({{ var('response_window_hours') | int }}) hour
                and (
                    case
                        when entry_points.is_campaign_message
                            then entry_points.next_campaign_message_at
                        else entry_points.next_outbound_at
                    end is null
                    or entry_points.next_reply_at <= case
                        when entry_points.is_campaign_message
                            then entry_points.next_campaign_message_at
                        else entry_points.next_outbound_at
                    end
                )
                then entry_points.next_reply_at
        end as first_replied_at
    from entry_points
    left join quoted_replies
        on entry_points.is_seen_outbound and entry_points.record_id = quoted_replies.record_id
),

clicked as (
    select
        replied.*,
        clicked_messages.first_clicked_at
    from replied
    left join clicked_messages
        on
            replied.direction = 'outbound'
            and not replied.has_clock_anomaly
            and replied.record_id = clicked_messages.record_id
),

final as (
    select
        message_id,
        direction = 'outbound'
        and not is_nobody
        and not has_clock_anomaly
        and coalesce(last_inbound_at >= message_at - interval 24 hour, false)
            as is_in_service_window,
        direction = 'outbound'
        and not is_nobody
        and not has_clock_anomaly
        and coalesce(entry_point_opened_at >= message_at - interval 72 hour, false)
            as is_in_free_entry_point,
        first_clicked_at,
        first_replied_at,
        case when direction = 'outbound' then least(read_at, first_clicked_at, first_replied_at) end
            as inferred_read_at
    from clicked
)

select * from final
