-- What happens in Chatwoot, where two of the numbers are answered: conversations are opened by the
-- customer, assigned, handed over by the bot, resolved by agents, bots or the clock, and opened
-- again. It is drawn from chats as they are meant: what a longer period adds changes nothing before.

-- Chatwoot knows people by number, and drops reactions and types it hasn't heard of.
create table inbox_inbound as
select
    i.in_id, i.contact_no, i.channel_no, i.occurred_at, i.phone, i.wamid, i.shape, i.body,
    if(i.batch_id >= 100000000000000, i.batch_id // 10, i.batch_id) as chat_id,
    if(i.batch_id >= 100000000000000, i.batch_id % 10, 0) as turn,
from inbound as i
where is_in_inbox(i.channel_no) and not i.is_hidden
    and i.shape not in ('reaction', 'system', 'hologram');

create table inbox_turns as
select t.*
from turn_plan as t
inner join inbox_inbound as i on i.in_id = t.turn_id * 10;

-- What was refused has no id by which it could be found in both; after its window Chatwoot sends
-- nothing, and of what failed it mostly knows nothing either: another program tried.
create table inbox_replies as
select a.id, a.contact_no, a.channel_no, a.occurred_at, a.sender_type, a.chat_id, a.message_type,
    if(a.sender_type = 'agent', agent_no(a.channel_no, a.chat_id), null) as agent_no,
from answered as a
inner join inbox_turns as t on t.turn_id = a.id
where a.kind = 'answer' and a.request_error_code is null and a.forced_code is null
    and (a.failed_code is null or r('in_inbox', a.id, 10) = 0);

-- Step 1: when somebody or something means to resolve -----------------------------------------
create table intended_closes as
with last_turns as (
    select
        t.*,
        greatest(inbound_at + to_seconds(extra_seconds), if(is_answered, reply_at, null)) as ends_at,
        chat_id * 10 + 9 as close_id,
    from turn_plan as t
    where turn = turns - 1 and is_in_inbox(channel_no)
        and exists (select 1 from inbox_inbound as i where i.in_id = t.turn_id * 10)
),

ends as (
    select
        close_id, contact_no, channel_no, chat_id, ends_at,
        case when not is_answered then 'customer' when is_bot_turn then 'bot' else 'agent' end
            as last_word,
    from last_turns
    union all
    -- A STOP and the like: nobody answers.
    select in_id * 10 + 9, contact_no, channel_no, in_id, occurred_at, 'customer'
    from inbox_inbound
    where chat_id < 50000000000000
),

chosen as (
    select
        *,
        case
            when last_word = 'agent' then case
                when r('close', close_id, 100) < 86 then 'agent'
                when r('close', close_id, 100) < 94 then 'inactivity' end
            when last_word = 'bot' then case
                when r('close', close_id, 100) < 70 then 'automation'
                when r('close', close_id, 100) < 92 then 'inactivity' end
            when r('close', close_id, 100) < 25 then 'agent'
            when r('close', close_id, 100) < 80 then 'inactivity'
        end as closed_by,
    from ends
),

timed as (
    select
        *,
        sec(ends_at) + to_milliseconds(120) + to_seconds(case closed_by
            when 'agent' then 60 + cast(pow2(u('close_at', close_id)) * 8400 as bigint)
            when 'automation' then 300 + r('close_at', close_id, 600)
            -- Chatwoot looks every hour for what had no message for two days.
            else 172800 + r('close_at', close_id, 3600)
        end) as close_at,
    from chosen
    where closed_by is not null
),

moments as (
    select contact_no, occurred_at from inbox_inbound
    union
    select contact_no, occurred_at from inbox_replies
)

-- Who means to resolve when the customer writes again leaves it open.
select t.close_id, t.contact_no, t.channel_no, t.chat_id, t.close_at, t.closed_by,
from timed as t
asof left join moments as m on m.contact_no = t.contact_no and m.occurred_at > t.ends_at
where m.occurred_at is null or m.occurred_at > t.close_at
union all
-- Too early: the customer goes on, and opens it again.
select
    t.chat_id * 10 + 4 + t.turn, t.contact_no, t.channel_no, t.chat_id,
    sec(t.reply_at) + to_milliseconds(4120 + 1000 * r('early_at', t.turn_id, 20)),
    'agent',
from inbox_turns as t
inner join inbox_replies as a on a.id = t.turn_id
where t.turn < t.turns - 1 and not t.is_bot_turn and r('early', t.turn_id, 100) < 22;

-- Step 2: cycles, from an inbound message to the resolution after it ---------------------------
create table inbox_cycles as
with marks as (
    select contact_no, channel_no, chat_id, occurred_at, in_id as mark_id, 'open' as kind,
        cast(null as varchar) as closed_by,
    from inbox_inbound
    union all
    select contact_no, channel_no, chat_id, close_at, close_id, 'close', closed_by
    from intended_closes
),

turned as (
    select
        *,
        lag(kind, 1, 'close') over (partition by contact_no order by occurred_at, mark_id)
            as kind_before,
    from marks
),

numbered as (
    select
        *,
        row_number() over (partition by contact_no, kind order by occurred_at, mark_id) as thread_cycle,
    from turned
    where kind <> kind_before
),

cycles as (
    select
        o.contact_no, o.channel_no, o.thread_cycle, o.chat_id as first_chat_id,
        o.occurred_at as opened_at, c.occurred_at as closed_at, c.closed_by, c.mark_id as close_id,
        c.chat_id as closing_chat_id, i.is_single,
        if(i.is_single, 1, o.thread_cycle) as first_cycle,
    from numbered as o
    inner join inboxes as i using (channel_no)
    left join numbered as c
        on c.contact_no = o.contact_no and c.thread_cycle = o.thread_cycle and c.kind = 'close'
    where o.kind = 'open'
),

begun as (
    select *, min(opened_at) over (partition by contact_no, first_cycle) as begun_at,
    from cycles
)

select
    * exclude (first_cycle, begun_at),
    dense_rank() over (order by begun_at, contact_no) as conversation_no,
    thread_cycle - first_cycle + 1 as cycle_number,
from begun;

-- Step 3: what else happens in them ------------------------------------------------------------
create table inbox_answers as
select a.*, c.conversation_no, c.thread_cycle, c.closed_at, c.closed_by, c.close_id,
from inbox_replies as a
asof inner join inbox_cycles as c
    on c.contact_no = a.contact_no and c.opened_at <= a.occurred_at;

-- The bot hands over when the customer asks for somebody.
create table inbox_handoffs as
select
    t.chat_id, t.contact_no, c.conversation_no, c.thread_cycle,
    t.inbound_at + to_milliseconds(1300) as handed_off_at,
    row_number() over (partition by c.conversation_no order by t.inbound_at) as handoff_no,
from inbox_turns as t
asof inner join inbox_cycles as c
    on c.contact_no = t.contact_no and c.opened_at <= t.inbound_at
where t.has_bot and t.turn = 1 and not t.is_bot_turn;

-- Who is to answer a chat; nobody is assigned again who has it already.
create table inbox_assignments as
with wanted as (
    select
        a.chat_id, a.contact_no, a.conversation_no, a.thread_cycle, a.agent_no, t.turn_id,
        t.inbound_at + to_seconds(t.extra_seconds + 8 + r('assign_at', t.turn_id, 30))
            + to_milliseconds(450) as assigned_at,
        -- Chatwoot's own distribution leaves no notice.
        ['self', 'self', 'self', 'self', 'self', 'lead', 'lead', 'lead', 'round_robin',
            'round_robin'][r('assign', a.chat_id, 10) + 1] as assigned_by,
    from inbox_answers as a
    inner join inbox_turns as t on t.turn_id = a.id
    where a.sender_type = 'agent'
    qualify row_number() over (partition by a.chat_id order by a.occurred_at) = 1
),

followed as (
    select
        *,
        lag(agent_no) over (partition by conversation_no order by assigned_at, turn_id) as agent_before,
    from wanted
)

select * exclude (agent_before)
from followed
where agent_no is distinct from agent_before;

-- Step 4: satisfaction is asked for when an agent resolves within the window, of nobody twice in ten
-- days. The question is a message like any other.
create macro survey_text(id) as
    'Please rate this conversation, https://example.com/survey/responses/' || lower(hex_text('survey', id, 12));

create table surveys_planned as
with candidates as (
    select
        c.contact_no, c.channel_no, c.conversation_no, c.thread_cycle, c.close_id, c.closed_at,
        c.closing_chat_id as chat_id, max_by(a.agent_no, a.occurred_at) as agent_no,
    from inbox_cycles as c
    inner join inbox_answers as a using (conversation_no, thread_cycle)
    where c.closed_by = 'agent' and a.sender_type = 'agent'
    group by all
),

spaced as (
    select *, lag(closed_at) over (partition by contact_no order by closed_at) as asked_before,
    from candidates
    where r('survey', close_id, 100) < 80
)

select
    s.close_id as id, s.contact_no, s.channel_no, s.conversation_no, s.thread_cycle, s.chat_id,
    s.agent_no, coalesce(t.is_ctwa, false) as is_ctwa,
    s.closed_at + to_milliseconds(1000 + r('survey_at', s.close_id, 900)) as occurred_at,
from spaced as s
left join chats as t using (chat_id)
asof inner join inbox_inbound as i
    on i.contact_no = s.contact_no and i.occurred_at <= s.closed_at
where (s.asked_before is null or s.asked_before < s.closed_at - interval 10 day)
    and i.occurred_at > s.closed_at - interval 23 hour;

create table survey_messages as
select
    id, 'survey' as kind, contact_no, channel_no, occurred_at, cast(null as varchar) as campaign_id,
    cast(null as varchar) as variant, cast(null as varchar) as template_name,
    cast(null as varchar) as template_language,
    if(is_ctwa, 'referral_conversion', 'service') as category, 'text' as message_type,
    'api' as sender_type, cast(null as varchar) as agent_id, cast(null as varchar) as bot_id,
    cast(null as varchar) as flow_id, cast(null as bigint) as flow_step, chat_id,
    is_ctwa as is_free_entry_point, cast(null as integer) as forced_code,
from surveys_planned
where occurred_at < end_at();

create table surveyed as from outcome('survey_messages');
