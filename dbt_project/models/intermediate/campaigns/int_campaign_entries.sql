-- The entries of people into campaigns: by a message, an assignment, or both. An assignment belongs
-- to the entry of the message that follows it within flow_reentry_days, else to the one running,
-- and is an entry of its own where there is neither (a control arm, somebody skipped).
with

messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        message_group,
        is_reentered,
        variant,
        message_at
    from {{ ref('int_campaign_messages') }}
),

assignments as (
    select
        campaign_id,
        contact_id,
        variant,
        assigned_at,
        is_control,
        planned_share,
        skipped_reason,
        is_reentered
    from {{ ref('int_campaign_assignments') }}
),

messaged as (
    select
        campaign_id,
        contact_id,
        message_group,
        is_reentered,
        min(message_at) as first_message_at,
        max(message_at) as last_message_at,
        -- Two arms' messages to one person are a mistake of the sender: one arm, always the same.
        min(nullif(variant, 'none')) as variant
    from messages
    group by campaign_id, contact_id, message_group, is_reentered
),

flow_traces as (
    select
        campaign_id,
        contact_id,
        message_at as trace_at,
        message_at,
        message_group,
        1 as trace_order,
        cast(null as timestamp) as assigned_at
    from messages
    where is_reentered
    union all
    select
        campaign_id,
        contact_id,
        assigned_at as trace_at,
        null as message_at,
        null as message_group,
        0 as trace_order,
        assigned_at
    from assignments
    where is_reentered
),

neighbours as (
    select
        campaign_id,
        contact_id,
        assigned_at,
        max(message_at) over earlier as previous_message_at,
        max(message_group) over earlier as previous_group,
        min(message_at) over later as next_message_at,
        min(message_group) over later as next_group
    from flow_traces
    window
        earlier as (
            partition by campaign_id, contact_id
            order by trace_at, trace_order
            rows between unbounded preceding and current row
        ),
        later as (
            partition by campaign_id, contact_id
            order by trace_at, trace_order
            rows between current row and unbounded following
        )
),

placed as (
    select
        campaign_id,
        contact_id,
        assigned_at,
        case
            when
                next_message_at
                <= assigned_at + interval ({{ var('flow_reentry_days') | int }}) day
                then next_group
            when
                previous_message_at
                >= assigned_at - interval ({{ var('flow_reentry_days') | int }}) day
                then previous_group
        end as message_group
    from neighbours
    where assigned_at is not null
),

alone as (
    select
        campaign_id,
        contact_id,
        assigned_at,
        lag(assigned_at) over (
            partition by campaign_id, contact_id order by assigned_at
        ) as previous_assigned_at
    from placed
    where message_group is null
),

-- Counted below zero: groups of messages are counted upwards.
alone_grouped as (
    select
        campaign_id,
        contact_id,
        assigned_at,
        -1 - count(*) filter (
            where assigned_at
            > previous_assigned_at + interval ({{ var('flow_reentry_days') | int }}) day
        ) over (
            partition by campaign_id, contact_id
            order by assigned_at
            rows between unbounded preceding and current row
        ) as entry_group
    from alone
),

flow_groups as (
    select
        campaign_id,
        contact_id,
        assigned_at,
        message_group as entry_group
    from placed
    where message_group is not null
    union all
    select * from alone_grouped
),

assigned as (
    select
        assignments.campaign_id,
        assignments.contact_id,
        coalesce(flow_groups.entry_group, 0) as entry_group,
        assignments.variant,
        assignments.assigned_at,
        assignments.is_control,
        assignments.planned_share,
        assignments.skipped_reason
    from assignments
    left join flow_groups
        on
            assignments.is_reentered
            and assignments.campaign_id = flow_groups.campaign_id
            and assignments.contact_id = flow_groups.contact_id
            and assignments.assigned_at = flow_groups.assigned_at
    -- The assignment that led to the entry, not one that was repeated while it ran.
    qualify
        row_number() over (
            partition by
                assignments.campaign_id,
                assignments.contact_id,
                coalesce(flow_groups.entry_group, 0)
            order by assignments.assigned_at
        ) = 1
),

entries as (
    select
        coalesce(messaged.campaign_id, assigned.campaign_id) as campaign_id,
        coalesce(messaged.contact_id, assigned.contact_id) as contact_id,
        messaged.message_group,
        -- A control arm that got a message by mistake stays the control: it was assigned so.
        coalesce(nullif(assigned.variant, 'none'), messaged.variant, 'none') as variant,
        coalesce(messaged.first_message_at, assigned.assigned_at) as entered_at,
        messaged.last_message_at,
        coalesce(assigned.is_control, false) as is_control,
        assigned.assigned_at,
        assigned.planned_share,
        assigned.skipped_reason
    from messaged
    full outer join assigned
        on
            messaged.campaign_id = assigned.campaign_id
            and messaged.contact_id = assigned.contact_id
            and messaged.message_group = assigned.entry_group
),

final as (
    select
        campaign_id,
        contact_id,
        row_number() over (
            partition by campaign_id, contact_id order by entered_at, message_group
        ) as entry_number,
        message_group,
        variant,
        entered_at,
        {{ reporting_date('entered_at') }} as entered_on,
        last_message_at,
        is_control,
        assigned_at,
        planned_share,
        skipped_reason
    from entries
)

select * from final
