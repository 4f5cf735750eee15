-- One row per conversation of Chatwoot as its newest row describes it today: open or not, whose,
-- and how new the dump is that says so. Events go first; this tells what they miss.
with

conversations as (
    select
        load_id,
        precedence,
        row_number,
        conversation_key,
        status,
        assignee_agent_id,
        created_at,
        updated_at,
        last_activity_at,
        is_implausible
    from {{ ref('stg_chatwoot__conversations') }}
),

-- A dump is no older than the newest that stands in it.
dumps as (
    select
        load_id,
        max(greatest(created_at, updated_at, last_activity_at)) as dumped_at
    from conversations
    where not is_implausible
    group by load_id
),

newest as (
    select
        load_id,
        conversation_key,
        status,
        assignee_agent_id,
        updated_at
    from conversations
    qualify
        row_number() over (
            partition by conversation_key
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

final as (
    select
        newest.conversation_key,
        newest.status = 'resolved' as is_resolved,
        newest.status in ('open', 'pending', 'snoozed') as is_unresolved,
        'chatwoot:' || newest.assignee_agent_id as assignee_agent_id,
        newest.updated_at,
        dumps.dumped_at
    from newest
    left join dumps on newest.load_id = dumps.load_id
)

select * from final
