-- A second, smaller inbox: an Instagram shop that is answered in respond.io, whose exports come by
-- mapping. Of its messages there are no webhooks.

create macro respond_channel() as '218734';
-- Waiting for an agent is exponential, ten minutes on average, and never under half a minute.
create macro respond_wait(k) as 30 + cast(-ln(1 - u('respond_wait', k)) * 600 as bigint);

create table respond_turns as
with drawn as (
    select
        80000000000000 + i * 10000000 + slot as conversation_no,
        rotate(cast(floor(i * per_day() * 0.04) as bigint) + slot, contacts_total(), 23) as contact_no,
        d,
    from (select *, unnest(slots(i, per_day() * 0.04)) as slot from days)
),

begun as (
    select
        c.conversation_no, c.contact_no, p.dialled,
        -- Their hours are India's.
        sec(c.d + to_milliseconds(
            hour_curve()[r('respond_hour', c.conversation_no, 100) + 1] * 3600000
            + r('respond_at', c.conversation_no, 3600000)
        ) - to_minutes(330)) as opened_at,
        if(r('respond_by', c.conversation_no, 100) < 12, 'agent', 'contact') as opened_by,
        r('respond_bot', c.conversation_no, 100) < 30 as has_bot,
        [1, 1, 2, 3][r('respond_turns', c.conversation_no, 4) + 1] as turns,
        'usr-' || (12 + r('respond_agent', c.conversation_no, 3)) as agent_id,
    from drawn as c
    inner join steady_people as p using (contact_no)
    where p.identity_kind = 'phone' and p.deleted_at is null
),

paced as (
    select
        *,
        conversation_no * 10 + turn as turn_id,
        has_bot and opened_by = 'contact' and turn = 0 as is_bot_turn,
        turn < turns - 1 or r('respond_answer', conversation_no, 100) < 82 as is_answered,
        if(turn = 0 and opened_by = 'contact', 0, 60 + r('respond_gap', conversation_no * 10 + turn, 1700))
            as customer_gap,
    from (select *, unnest(range(turns)) as turn from begun)
),

delayed as (
    select *, if(is_bot_turn, 3, respond_wait(turn_id)) as reply_delay,
    from paced
),

clocked as (
    select
        *,
        opened_at + to_seconds(
            sum(customer_gap) over turns_before_and_this
            + coalesce(sum(reply_delay) over turns_before, 0)
        ) as inbound_at,
    from delayed
    window
        turns_before_and_this as (partition by conversation_no order by turn),
        turns_before as (
            partition by conversation_no order by turn rows between unbounded preceding and 1 preceding
        )
)

select *, if(is_answered, inbound_at + to_seconds(reply_delay), null) as reply_at,
from clocked;

create table respond_conversations as
with ends as (
    select
        conversation_no, contact_no, dialled, opened_at, opened_by, agent_id, has_bot,
        max(greatest(inbound_at, reply_at)) as ends_at,
        bool_or((is_answered and not is_bot_turn) or opened_by = 'agent') as is_handled,
    from respond_turns
    group by all
),

closed as (
    select
        *,
        case
            when r('respond_close', conversation_no, 100) < if(is_handled, 78, 20) then 'agent'
            -- A workflow closes what was quiet for a day.
            when r('respond_close', conversation_no, 100) < 92 then 'automation'
        end as closed_by,
    from ends
)

select
    *,
    ends_at + to_seconds(if(closed_by = 'agent', 300 + r('respond_close_at', conversation_no, 3600), 86400))
        as closed_at,
    nullif(pick(['Order', 'Return', '', 'Sizing'], 'respond_category', conversation_no), '') as category,
from closed;

update respond_conversations set closed_at = null where closed_by is null;

create table respond_messages as
with drawn as (
    select conversation_no, turn_id * 10 as message_no, contact_no, dialled, inbound_at as sent_at,
        'inbound' as direction, 'contact' as sender_type, cast(null as varchar) as agent_id,
        cast(null as varchar) as bot_id,
    from respond_turns
    union all
    select
        conversation_no, turn_id * 10 + 1, contact_no, dialled, reply_at, 'outbound',
        if(is_bot_turn, 'bot', 'agent'), if(is_bot_turn, null, agent_id),
        if(is_bot_turn, 'wf-welcome', null)
    from respond_turns
    where is_answered
    union all
    select conversation_no, conversation_no * 100 + 99, contact_no, dialled, opened_at, 'outbound',
        'agent', agent_id, null
    from respond_conversations
    where opened_by = 'agent'
)

-- Some rows don't say of which conversation they are; they lie within it.
select
    m.*,
    r('respond_lost', message_no, 100) < 12 and m.sent_at > c.opened_at
        and (c.closed_at is null or m.sent_at < c.closed_at) as is_id_missing,
from drawn as m
inner join respond_conversations as c using (conversation_no)
where m.sent_at < exported_until();

delete from respond_conversations where opened_at >= exported_until();
update respond_conversations set closed_at = null, closed_by = null where closed_at >= exported_until();
