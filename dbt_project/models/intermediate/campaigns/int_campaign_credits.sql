-- Goal events and the touch that each is credited to: the last one before it that is still valid.
-- Each kind of touch has its own window, so the last of each kind is found first, and only then the
-- latest of those that are open: an expired read must not hide a click (SEMANTICS 12). The first
-- touch of each kind in its window is found likewise. One event credits one touch; a lead that is
-- qualified later stays with the touch that won it.
with

goal_events as (
    select
        goal,
        case goal when 'order' then 'order' else 'other' end as event_kind,
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
        touched_at,
        campaign_id,
        message_id,
        ad_id
    from {{ ref('int_campaign_touches') }}
    where contact_id in (select goal_events.contact_id from goal_events)
),

order_notices as (
    select message_id
    from {{ ref('int_campaign_order_notices') }}
),

order_claims as (
    select
        order_id,
        touch_type,
        touched_at,
        campaign_id,
        message_id
    from {{ ref('int_campaign_order_claims') }}
),

-- Of touches of one second the smaller rank counts. A kind of touch is one more row here.
touch_types as (
    select
        named_touch_types.touch_type,
        named_touch_types.touch_rank,
        named_touch_types.open_for
    from (
        values
        ('click', 1, interval ({{ var('attribution_click_days') | int }}) day),
        ('button', 2, interval ({{ var('attribution_button_days') | int }}) day),
        ('reply', 3, interval ({{ var('attribution_reply_days') | int }}) day),
        ('utm', 4, interval ({{ var('attribution_utm_days') | int }}) day),
        ('ctwa', 5, interval ({{ var('attribution_ctwa_days') | int }}) day),
        ('read', 6, interval ({{ var('attribution_read_hours') | int }}) hour),
        ('coupon', 7, interval ({{ var('attribution_coupon_days') | int }}) day)
    ) as named_touch_types (touch_type, touch_rank, open_for)
),

event_contacts as (
    select distinct
        event_kind,
        contact_id
    from goal_events
),

-- What a message about an order led to may still be a lead, but no order.
open_touches as (
    select
        event_contacts.event_kind,
        touches.*
    from touches
    inner join event_contacts on touches.contact_id = event_contacts.contact_id
    where
        event_contacts.event_kind <> 'order'
        or touches.message_id not in (select order_notices.message_id from order_notices)
),

followed_touches as (
    select
        *,
        lag(campaign_id) over touches_before as previous_campaign_id,
        lag(touched_at) over touches_before as previous_touched_at
    from open_touches
    window
        touches_before as (
            partition by event_kind, contact_id, touch_type
            order by touched_at, message_id
        )
),

-- Each touch knows the last one before it of another campaign: two joins then tell all of a
-- window. Of one kind and second one touch stands, or a join would choose as it likes.
distinct_touches as (
    select
        event_kind,
        contact_id,
        touch_type,
        touched_at,
        campaign_id,
        message_id,
        ad_id,
        max(case when campaign_id <> previous_campaign_id then previous_touched_at end) over (
            partition by event_kind, contact_id, touch_type
            order by touched_at, message_id
            rows between unbounded preceding and current row
        ) as other_touched_at
    from followed_touches
    qualify
        row_number() over (
            partition by event_kind, contact_id, touch_type, touched_at
            order by message_id desc
        ) = 1
),

kinds_of_people as (
    select distinct
        event_kind,
        contact_id,
        touch_type
    from distinct_touches
),

open_events as (
    select
        goal_events.event_kind,
        goal_events.goal,
        goal_events.event_key,
        goal_events.contact_id,
        goal_events.occurred_at,
        touch_types.touch_type,
        touch_types.touch_rank,
        goal_events.occurred_at - touch_types.open_for as opens_at
    from goal_events
    inner join kinds_of_people
        on
            goal_events.event_kind = kinds_of_people.event_kind
            and goal_events.contact_id = kinds_of_people.contact_id
    inner join touch_types on kinds_of_people.touch_type = touch_types.touch_type
),

last_touches as (
    select
        open_events.goal,
        open_events.event_key,
        open_events.touch_type,
        open_events.touch_rank,
        open_events.opens_at,
        distinct_touches.touched_at,
        distinct_touches.campaign_id,
        distinct_touches.message_id,
        distinct_touches.ad_id,
        distinct_touches.other_touched_at
    from open_events
    asof join distinct_touches
        on
            open_events.event_kind = distinct_touches.event_kind
            and open_events.contact_id = distinct_touches.contact_id
            and open_events.touch_type = distinct_touches.touch_type
            and open_events.occurred_at >= distinct_touches.touched_at
    where distinct_touches.touched_at >= open_events.opens_at
),

first_touches as (
    select
        open_events.goal,
        open_events.event_key,
        open_events.touch_type,
        open_events.touch_rank,
        open_events.opens_at,
        distinct_touches.touched_at,
        distinct_touches.campaign_id,
        distinct_touches.message_id,
        distinct_touches.ad_id,
        distinct_touches.other_touched_at
    from open_events
    asof join distinct_touches
        on
            open_events.event_kind = distinct_touches.event_kind
            and open_events.contact_id = distinct_touches.contact_id
            and open_events.touch_type = distinct_touches.touch_type
            and open_events.opens_at <= distinct_touches.touched_at
    where distinct_touches.touched_at <= open_events.occurred_at
),

claims as (
    select
        goal_events.goal,
        goal_events.event_key,
        touch_types.touch_type,
        touch_types.touch_rank,
        goal_events.occurred_at - touch_types.open_for as opens_at,
        order_claims.touched_at,
        order_claims.campaign_id,
        order_claims.message_id,
        'none' as ad_id,
        cast(null as timestamp) as other_touched_at
    from order_claims
    inner join goal_events
        on goal_events.goal = 'order' and order_claims.order_id = goal_events.event_key
    inner join touch_types on order_claims.touch_type = touch_types.touch_type
    where
        order_claims.touched_at <= goal_events.occurred_at
        and order_claims.touched_at >= goal_events.occurred_at - touch_types.open_for
),

seen_touches as (
    select * from last_touches
    union all
    select * from first_touches
    union all
    select * from claims
    where touch_type <> 'coupon'
),

-- A coupon says something only of an order that nothing else tells of.
valid_touches as (
    select * from seen_touches
    union all
    select claims.*
    from claims
    anti join seen_touches
        on claims.goal = seen_touches.goal and claims.event_key = seen_touches.event_key
    where claims.touch_type = 'coupon'
),

ranked_touches as (
    select
        *,
        row_number() over latest_first as touch_place,
        first_value(campaign_id) over latest_first as credited_campaign_id,
        first_value(campaign_id) over (
            partition by goal, event_key order by touched_at asc, touch_rank asc, message_id desc
        ) as first_touch_campaign_id
    from valid_touches
    window
        latest_first as (
            partition by goal, event_key order by touched_at desc, touch_rank asc, message_id desc
        )
),

credited_touches as (
    select
        *,
        bool_or(
            campaign_id not in ('none', credited_campaign_id)
            or coalesce(other_touched_at >= opens_at, false)
        ) over (partition by goal, event_key) as is_assisted
    from ranked_touches
    qualify touch_place = 1
),

final as (
    select
        goal_events.goal,
        goal_events.event_key,
        goal_events.contact_id,
        goal_events.occurred_at,
        goal_events.qualified_at,
        credited_touches.touch_type,
        credited_touches.touched_at,
        credited_touches.campaign_id,
        credited_touches.message_id,
        credited_touches.ad_id,
        credited_touches.first_touch_campaign_id,
        credited_touches.is_assisted
    from credited_touches
    inner join goal_events
        on
            credited_touches.goal = goal_events.goal
            and credited_touches.event_key = goal_events.event_key
)

select * from final
