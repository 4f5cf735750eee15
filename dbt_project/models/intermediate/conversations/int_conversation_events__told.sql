-- One row per thing that a platform says happened to a conversation. Chatwoot's reporting events
-- tell of closings, reopenings and handoffs; of assignments, and of who closed, only its notices
-- do (activities), in its users' language: what isn't understood is left out.
with

reporting_events as (
    select
        event_key,
        conversation_key,
        name,
        agent_id,
        coalesce(event_end_at, created_at) as occurred_at,
        is_implausible or {{ is_before_1971('event_end_at') }} as is_implausible
    from {{ ref('stg_chatwoot__reporting_events') }}
    where
        name in (
            'conversation_resolved',
            'conversation_bot_resolved',
            'conversation_opened',
            'conversation_bot_handoff'
        )
    qualify
        row_number() over (
            partition by event_key
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

chatwoot_notices as (
    select
        record_id,
        conversation_key,
        is_private,
        agent_id,
        bot_id,
        sender_type,
        created_at as occurred_at,
        is_implausible,
        activity_text
    from {{ ref('stg_chatwoot__messages') }}
    where is_private or message_kind = 'activity'
    qualify
        row_number() over (
            partition by record_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

logged_events as (
    select
        source,
        event_key,
        conversation_key,
        event_type,
        occurred_at,
        is_implausible,
        actor_type,
        actor_agent_id,
        assignee_agent_id,
        bot_id
    from {{ ref('stg_generic__conversation_events') }}
    qualify
        row_number() over (
            partition by source, event_key order by precedence desc, row_number desc
        ) = 1
),

identifiers as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'message'
),

named_agents as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'agent'
),

-- Notices name people as they are shown; a name that two agents share names nobody.
agent_names as (
    select
        agent_name,
        min(agent_id) as agent_id
    from (
        select
            lower(trim(full_name)) as agent_name,
            agent_id
        from {{ ref('stg_chatwoot__users') }}
        union
        select
            lower(trim(agent_name)) as agent_name,
            agent_id
        from {{ ref('stg_chatwoot__users') }}
    ) as all_names
    where agent_name is not null
    group by agent_name
    having count(distinct agent_id) = 1
),

bot_names as (
    select distinct lower(trim(bot_name)) as bot_name
    from {{ ref('stg_chatwoot__agent_bots') }}
    where bot_name is not null
),

understood as (
    select
        record_id,
        conversation_key,
        occurred_at,
        is_implausible,
        regexp_full_match(activity_text, {{ activity_closed_by_timer() }}) as is_closed_by_timer,
        case
            when regexp_full_match(activity_text, {{ activity_closed_by_timer() }}) then 'closed'
            when regexp_full_match(activity_text, {{ activity_closed_by_contact() }}) then 'closed'
            when regexp_full_match(activity_text, {{ activity_closed() }}) then 'closed'
            when
                regexp_full_match(activity_text, {{ activity_reopened_by_message() }})
                then 'reopened'
            when regexp_full_match(activity_text, {{ activity_reopened() }}) then 'reopened'
            when regexp_full_match(activity_text, {{ activity_self_assigned() }}) then 'assigned'
            when regexp_full_match(activity_text, {{ activity_assigned() }}) then 'assigned'
            when regexp_full_match(activity_text, {{ activity_unassigned() }}) then 'unassigned'
        end as event_type,
        case
            when regexp_full_match(activity_text, {{ activity_closed_by_timer() }}) then null
            when regexp_full_match(activity_text, {{ activity_closed_by_contact() }}) then null
            when regexp_full_match(activity_text, {{ activity_closed() }})
                then {{ activity_name(activity_closed(), [1, 2, 3, 4]) }}
            when regexp_full_match(activity_text, {{ activity_reopened() }})
                then {{ activity_name(activity_reopened(), [1, 2, 3, 4]) }}
            when regexp_full_match(activity_text, {{ activity_self_assigned() }})
                then {{ activity_name(activity_self_assigned(), [1, 2, 3, 4]) }}
            when regexp_full_match(activity_text, {{ activity_assigned() }})
                then {{ activity_name(activity_assigned(), [2, 4, 6, 8]) }}
            when regexp_full_match(activity_text, {{ activity_unassigned() }})
                then {{ activity_name(activity_unassigned(), [1, 2, 3, 4]) }}
        end as actor_name,
        case
            when regexp_full_match(activity_text, {{ activity_self_assigned() }})
                then {{ activity_name(activity_self_assigned(), [1, 2, 3, 4]) }}
            when regexp_full_match(activity_text, {{ activity_assigned() }})
                then {{ activity_name(activity_assigned(), [1, 3, 5, 7]) }}
        end as assignee_name
    from chatwoot_notices
    where activity_text is not null
),

activities as (
    select
        understood.record_id,
        understood.conversation_key,
        understood.occurred_at,
        understood.is_implausible,
        understood.event_type,
        case
            when understood.is_closed_by_timer then 'automation'
            when understood.actor_name is null then null
            when actors.agent_id is not null then 'agent'
            when
                bot_names.bot_name is not null
                or lower(understood.actor_name) in ('system', 'automation system', 'captain')
                then 'automation'
            else 'agent'
        end as actor_type,
        case
            when actors.agent_id is not null then 'chatwoot:' || actors.agent_id
            when
                understood.actor_name is not null
                and bot_names.bot_name is null
                and lower(understood.actor_name) not in ('system', 'automation system', 'captain')
                then 'unknown'
        end as actor_agent_id,
        'chatwoot:' || assignees.agent_id as assignee_agent_id,
        understood.is_closed_by_timer
    from understood
    left join agent_names as actors on lower(understood.actor_name) = actors.agent_name
    left join agent_names as assignees on lower(understood.assignee_name) = assignees.agent_name
    left join bot_names on lower(understood.actor_name) = bot_names.bot_name
    where
        understood.event_type is not null
        -- A team to which a conversation is given is nobody who could answer.
        and not (understood.event_type = 'assigned' and assignees.agent_id is null)
),

resolutions as (
    select
        event_key,
        conversation_key,
        occurred_at,
        is_implausible,
        agent_id
    from reporting_events
    where name = 'conversation_resolved'
),

bot_resolutions as (
    select
        event_key,
        conversation_key,
        occurred_at,
        is_implausible,
        agent_id
    from reporting_events
    where name = 'conversation_bot_resolved'
),

-- One closing by a bot is two reporting events, this and the general one.
bot_closings as (
    select
        resolutions.event_key,
        bot_resolutions.event_key as bot_event_key
    from resolutions
    inner join bot_resolutions
        on
            resolutions.conversation_key = bot_resolutions.conversation_key
            and resolutions.occurred_at
            between bot_resolutions.occurred_at - interval 1 minute
            and bot_resolutions.occurred_at + interval 1 minute
),

chatwoot_closings as (
    select
        *,
        event_key in (select bot_closings.event_key from bot_closings) as is_by_bot
    from resolutions
    union all
    select
        *,
        true as is_by_bot
    from bot_resolutions
    where event_key not in (select bot_closings.bot_event_key from bot_closings)
),

-- Who closed says the notice beside it; without one, Chatwoot counts it to the assigned agent.
closings_with_notices as (
    select
        chatwoot_closings.*,
        activities.record_id is not null as has_notice,
        activities.actor_type,
        activities.actor_agent_id,
        coalesce(activities.is_closed_by_timer, false) as is_closed_by_timer
    from chatwoot_closings
    left join activities
        on
            chatwoot_closings.conversation_key = activities.conversation_key
            and activities.event_type = 'closed'
            and activities.occurred_at
            between chatwoot_closings.occurred_at - interval 1 minute
            and chatwoot_closings.occurred_at + interval 1 minute
    qualify
        row_number() over (
            partition by chatwoot_closings.event_key
            order by
                abs(epoch(activities.occurred_at - chatwoot_closings.occurred_at)),
                activities.record_id
        ) = 1
),

-- Until when reporting events tell, those beside them included.
closed_by_events as (
    select
        conversation_key,
        max(occurred_at) + interval 1 minute as told_until_at
    from chatwoot_closings
    group by conversation_key
),

reopened_by_events as (
    select
        conversation_key,
        max(occurred_at) + interval 1 minute as told_until_at
    from reporting_events
    where name = 'conversation_opened'
    group by conversation_key
),

-- What was never closed can't be reopened: Chatwoot reports the first opening alike.
first_closings as (
    select
        conversation_key,
        min(occurred_at) as closed_at
    from (
        select
            conversation_key,
            occurred_at,
            is_implausible
        from chatwoot_closings
        union all
        select
            conversation_key,
            occurred_at,
            is_implausible
        from activities
        where event_type = 'closed'
    ) as all_closings
    where not is_implausible
    group by conversation_key
),

chatwoot_events as (
    select
        event_key,
        conversation_key,
        'reporting_events' as stream,
        'closed' as event_type,
        occurred_at,
        is_implausible,
        case
            when is_closed_by_timer or is_by_bot then 'automation'
            when has_notice then actor_type
            when agent_id is not null then 'agent'
        end as actor_type,
        case
            when is_closed_by_timer or is_by_bot then null
            when has_notice then actor_agent_id
            else 'chatwoot:' || agent_id
        end as actor_agent_id,
        cast(null as varchar) as assignee_agent_id,
        cast(null as varchar) as bot_id,
        is_closed_by_timer
    from closings_with_notices
    union all
    select
        reporting_events.event_key,
        reporting_events.conversation_key,
        'reporting_events' as stream,
        case
            when reporting_events.name = 'conversation_bot_handoff' then 'handoff'
            when reporting_events.occurred_at >= first_closings.closed_at then 'reopened'
            else 'opened'
        end as event_type,
        reporting_events.occurred_at,
        reporting_events.is_implausible,
        case reporting_events.name when 'conversation_bot_handoff' then 'bot' end as actor_type,
        cast(null as varchar) as actor_agent_id,
        cast(null as varchar) as assignee_agent_id,
        cast(null as varchar) as bot_id,
        false as is_closed_by_timer
    from reporting_events
    left join first_closings
        on reporting_events.conversation_key = first_closings.conversation_key
    where reporting_events.name in ('conversation_opened', 'conversation_bot_handoff')
    union all
    -- A notice of a closing counts after the last that reporting events tell; so with reopenings.
    select
        activities.record_id as event_key,
        activities.conversation_key,
        'messages' as stream,
        activities.event_type,
        activities.occurred_at,
        activities.is_implausible,
        activities.actor_type,
        activities.actor_agent_id,
        activities.assignee_agent_id,
        cast(null as varchar) as bot_id,
        activities.is_closed_by_timer
    from activities
    left join closed_by_events
        on activities.conversation_key = closed_by_events.conversation_key
    left join reopened_by_events
        on activities.conversation_key = reopened_by_events.conversation_key
    where
        activities.occurred_at > coalesce(
            case activities.event_type
                when 'closed' then closed_by_events.told_until_at
                when 'reopened' then reopened_by_events.told_until_at
            end,
            timestamp '-infinity'
        )
    union all
    select
        record_id as event_key,
        conversation_key,
        'messages' as stream,
        'comment' as event_type,
        occurred_at,
        is_implausible,
        sender_type as actor_type,
        'chatwoot:' || agent_id as actor_agent_id,
        cast(null as varchar) as assignee_agent_id,
        bot_id,
        false as is_closed_by_timer
    from chatwoot_notices
    where is_private and activity_text is null
),

all_events as (
    select
        'chatwoot' as source,
        *
    from chatwoot_events
    union all
    select
        logged_events.source,
        logged_events.event_key,
        logged_events.conversation_key,
        'conversation_events' as stream,
        case
            when
                logged_events.event_type in (
                    'opened',
                    'closed',
                    'reopened',
                    'assigned',
                    'unassigned',
                    'bot_started',
                    'handoff',
                    'comment'
                )
                then logged_events.event_type
            else 'other'
        end as event_type,
        logged_events.occurred_at,
        logged_events.is_implausible,
        coalesce(
            logged_events.actor_type,
            case when logged_events.actor_agent_id is not null then 'agent' end
        ) as actor_type,
        logged_events.source
        || ':'
        || coalesce(actors.identifier_hash, logged_events.actor_agent_id) as actor_agent_id,
        logged_events.source
        || ':'
        || coalesce(assignees.identifier_hash, logged_events.assignee_agent_id)
            as assignee_agent_id,
        coalesce(bots.identifier_hash, logged_events.bot_id) as bot_id,
        false as is_closed_by_timer
    from logged_events
    left join named_agents as actors on logged_events.actor_agent_id = actors.value
    left join named_agents as assignees on logged_events.assignee_agent_id = assignees.value
    left join named_agents as bots on logged_events.bot_id = bots.value
),

final as (
    select
        {{ conversation_event_id('all_events.source', 'identifiers.identifier_hash') }}
            as event_id,
        all_events.source,
        all_events.stream,
        all_events.conversation_key,
        all_events.event_type,
        all_events.occurred_at,
        all_events.is_implausible,
        -- In one second a platform's own numbers tell what came first, where it has any.
        try_cast(regexp_extract(all_events.event_key, '\|([0-9]{1,18})$', 1) as bigint)
            as event_number,
        all_events.actor_type,
        all_events.actor_agent_id,
        all_events.assignee_agent_id,
        all_events.bot_id,
        all_events.is_closed_by_timer,
        case
            when all_events.event_type not in ('assigned', 'unassigned') then null
            when all_events.stream = 'messages' then 'activity'
            else 'log'
        end as assignment_source
    from all_events
    inner join identifiers on all_events.event_key = identifiers.value
)

select * from final
