-- The goal events that a campaign gets: those of the last touch before them that is still valid.
-- Each kind of touch has its own window, and only then the latest counts: an expired read must not
-- hide a click that is still open (SEMANTICS 12). One event credits one touch. A lead that is
-- qualified later stays with the touch that won it.
with

goal_events as (
    select
        goal,
        event_key,
        contact_id,
        occurred_at,
        qualified_at
    from {{ ref('int_campaign_goal_events') }}
),

touches as (
    select
        contact_id,
        touch_type,
        touch_rank,
        touched_at,
        campaign_id,
        message_id
    from {{ ref('int_campaign_touches') }}
    where contact_id in (select goal_events.contact_id from goal_events)
),

last_valid_touches as (
    select
        goal_events.goal,
        goal_events.event_key,
        goal_events.contact_id,
        goal_events.occurred_at,
        goal_events.qualified_at,
        touches.touch_type,
        touches.touched_at,
        touches.campaign_id,
        touches.message_id
    from goal_events
    inner join touches
        on
            goal_events.contact_id = touches.contact_id
            and goal_events.occurred_at >= touches.touched_at
            and goal_events.occurred_at <= touches.touched_at + case touches.touch_type
                when 'click' then interval ({{ var('attribution_click_days') | int }}) day
                when 'button' then interval ({{ var('attribution_button_days') | int }}) day
                when 'reply' then interval ({{ var('attribution_reply_days') | int }}) day
                when 'read' then interval ({{ var('attribution_read_hours') | int }}) hour
            end
    qualify
        row_number() over (
            partition by goal_events.goal, goal_events.event_key
            order by
                touches.touched_at desc,
                touches.touch_rank asc,
                touches.message_id desc
        ) = 1
),

final as (
    select
        goal,
        event_key,
        contact_id,
        occurred_at as converted_at,
        touch_type,
        touched_at,
        campaign_id,
        message_id
    from last_valid_touches
    union all
    select
        'qualified' as goal,
        event_key,
        contact_id,
        qualified_at as converted_at,
        touch_type,
        touched_at,
        campaign_id,
        message_id
    from last_valid_touches
    where goal = 'lead' and qualified_at is not null
)

select * from final
