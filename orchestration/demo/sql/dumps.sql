-- Chatwoot's tables as they are at the end of each export: rows of what happened until then.

-- Step 1: messages, private notes and notices of what happened, in the order of their ids -----------
create table inbox_items as
-- What Chatwoot says failed; a failure that is taken back isn't one.
with failures as (
    select id, failed_code is not null and delivered_time is null as is_failed from outbound
),

told as (
    select
        c.conversation_no, c.thread_cycle, i.contact_no, i.channel_no, i.occurred_at, 'inbound' as kind,
        i.in_id as ref, 'Contact' as sender_type, i.contact_no + 1 as sender_no, i.wamid,
        if(i.shape in ('text', 'button', 'button_reply', 'list_reply'), i.body, null) as content,
        cast(null as bigint) as agent_no,
    from inbox_inbound as i
    asof inner join inbox_cycles as c
        on c.contact_no = i.contact_no and c.opened_at <= i.occurred_at
    union all
    select
        a.conversation_no, a.thread_cycle, a.contact_no, a.channel_no, a.occurred_at, a.sender_type,
        a.id, if(a.agent_no is null, 'AgentBot', 'User'), coalesce(a.agent_no, b.bot_no), m.wamid,
        case when a.message_type = 'interactive' then 'How can we help?'
            when a.message_type = 'text' then 'Sure, let me check.' end, a.agent_no
    from inbox_answers as a
    inner join outbound as m using (id)
    inner join inboxes as b on b.channel_no = a.channel_no
    union all
    select
        s.conversation_no, s.thread_cycle, s.contact_no, s.channel_no, s.occurred_at, 'survey', s.id,
        null, null, m.wamid, survey_text(s.id), s.agent_no
    from surveys_planned as s
    inner join outbound as m using (id)
    where m.wamid is not null
    union all
    select
        conversation_no, thread_cycle, contact_no, channel_no, occurred_at - to_milliseconds(15000),
        'note', id, 'User', agent_no, null, 'The parcel left yesterday, tell them.', agent_no
    from inbox_answers
    where sender_type = 'agent' and r('note', id, 100) < 18
    union all
    select
        conversation_no, thread_cycle, contact_no, null, assigned_at, 'assigned', turn_id, null, null,
        null, if(assigned_by = 'self', agent_name(agent_no) || ' self-assigned this conversation',
            'Assigned to ' || agent_name(agent_no) || ' by ' || agent_name(1)), agent_no
    from inbox_assignments
    where assigned_by <> 'round_robin'
    union all
    -- Words that look like an agent's assignment and are a team's, or a label.
    select h.conversation_no, h.thread_cycle, h.contact_no, null, h.handed_off_at + interval 2 second,
        'team', h.chat_id, null, null, null,
        'Assigned to ' || b.team_name || ' by ' || agent_name(1), null
    from inbox_handoffs as h
    inner join chats using (chat_id)
    inner join inboxes as b on b.channel_no = chats.channel_no
    where r('team', h.chat_id, 100) < 40
    union all
    select conversation_no, thread_cycle, contact_no, null, assigned_at + to_milliseconds(900), 'label',
        turn_id, null, null, null, agent_name(agent_no) || ' added returns', null
    from inbox_assignments
    where r('label_added', turn_id, 100) < 25
    union all
    select
        c.conversation_no, c.thread_cycle, c.contact_no, null, c.closed_at + to_milliseconds(10),
        'resolved', c.close_id, null, null, null,
        'Conversation was marked resolved by ' || case c.closed_by
            when 'agent' then agent_name(agent_no(c.channel_no, c.closing_chat_id))
            when 'automation' then b.bot_name
            else 'system due to 2 days of inactivity'
        end,
        if(c.closed_by = 'agent', agent_no(c.channel_no, c.closing_chat_id), null)
    from inbox_cycles as c
    inner join inboxes as b on b.channel_no = c.channel_no
    where c.closed_at is not null
    union all
    -- Where a bot answers, what is opened again waits for it without a word.
    select c.conversation_no, c.thread_cycle, c.contact_no, null, c.opened_at + to_milliseconds(210),
        'reopened', c.first_chat_id, null, null, null,
        'System reopened the conversation due to a new incoming message.', null
    from inbox_cycles as c
    left join chats as h on h.chat_id = c.first_chat_id
    where c.cycle_number > 1 and not coalesce(h.has_bot, false)
)

select
    told.*,
    coalesce(f.is_failed, false) as is_failed,
    row_number() over (order by occurred_at, kind, ref) as item_no,
from told
left join failures as f on f.id = told.ref and told.kind in ('agent', 'bot', 'survey')
where occurred_at < exported_until();

-- Step 2: what Chatwoot's reports are made of -----------------------------------------------------
create table inbox_events as
with begun as (
    select conversation_no, min(opened_at) as begun_at from inbox_cycles group by conversation_no
),

resolved as (
    select c.conversation_no, c.thread_cycle, c.closed_at, b.begun_at, s.agent_no,
    from inbox_cycles as c
    inner join begun as b using (conversation_no)
    asof left join inbox_assignments as s
        on s.conversation_no = c.conversation_no and s.assigned_at <= c.closed_at
    where c.closed_at is not null
),

-- Opened again, or handed over by the bot: for Chatwoot the same thing.
opened as (
    select conversation_no, opened_at + to_milliseconds(200) as occurred_at
    from inbox_cycles
    left join chats as h on h.chat_id = first_chat_id
    where cycle_number > 1 and not coalesce(h.has_bot, false)
    union all
    select conversation_no, handed_off_at + to_milliseconds(40) from inbox_handoffs
),

answered_first as (
    select conversation_no, min(occurred_at) as occurred_at, min_by(agent_no, occurred_at) as agent_no,
    from inbox_answers
    where sender_type = 'agent'
    group by conversation_no
),

unaided as (
    select r.*
    from resolved as r
    left join answered_first as a using (conversation_no)
    left join inbox_handoffs as h on h.conversation_no = r.conversation_no and h.handoff_no = 1
    where coalesce(a.occurred_at > r.closed_at, true) and coalesce(h.handed_off_at > r.closed_at, true)
),

waits as (
    select
        *,
        min(occurred_at) filter (where kind = 'inbound') over (partition by conversation_no, replies)
            as waiting_since,
    from (
        select
            *,
            count(*) filter (where kind <> 'inbound') over (
                partition by conversation_no order by item_no
                rows between unbounded preceding and 1 preceding
            ) as replies,
        from inbox_items
        where kind in ('inbound', 'agent', 'bot')
    )
),

drawn as (
    select 'conversation_resolved' as name, conversation_no, agent_no, begun_at as starts_at,
        closed_at as ends_at,
    from resolved
    union all
    -- Also where the customer only went away: a known fault of Chatwoot's.
    select 'conversation_bot_resolved', conversation_no, agent_no, begun_at, closed_at from unaided
    union all
    -- Once in a conversation, however often it is handed over.
    select 'conversation_bot_handoff', h.conversation_no, null, b.begun_at, h.handed_off_at
    from inbox_handoffs as h
    inner join begun as b using (conversation_no)
    where h.handoff_no = 1
    union all
    select 'conversation_opened', o.conversation_no, null, coalesce(r.closed_at, o.occurred_at),
        o.occurred_at
    from opened as o
    asof left join resolved as r
        on r.conversation_no = o.conversation_no and r.closed_at <= o.occurred_at
    union all
    select 'first_response', a.conversation_no, a.agent_no,
        coalesce(o.occurred_at, b.begun_at), a.occurred_at
    from answered_first as a
    inner join begun as b using (conversation_no)
    asof left join opened as o
        on o.conversation_no = a.conversation_no and o.occurred_at <= a.occurred_at
    union all
    select 'reply_time', w.conversation_no, w.agent_no, w.waiting_since, w.occurred_at
    from waits as w
    inner join answered_first as a using (conversation_no)
    where w.kind = 'agent' and w.waiting_since is not null and w.occurred_at > a.occurred_at
)

select
    *,
    epoch(sec(ends_at))::bigint - epoch(sec(starts_at))::bigint as seconds,
    row_number() over (order by ends_at, name, conversation_no) as event_no,
from drawn
where ends_at < exported_until();

-- Step 3: conversations, as often as something happened to them between two exports --------------
create table inbox_states as
with changed as (
    select conversation_no, export_of(occurred_at) as n, max(occurred_at) as changed_at,
    from inbox_items
    group by all
),

begun as (
    select conversation_no, contact_no, channel_no, opened_at as begun_at, first_chat_id
    from inbox_cycles
    where cycle_number = 1
),

first_replies as (
    select conversation_no, min(occurred_at) as replied_at
    from inbox_items
    where kind = 'agent'
    group by conversation_no
)

select
    b.*,
    g.n,
    g.changed_at,
    a.agent_no,
    if(f.replied_at < export_ends(g.n), f.replied_at, null) as first_reply_at,
    case
        when c.closed_at < export_ends(g.n) then 1
        when t.has_bot and h.handed_off_at is null then 2
        else 0
    end as status,
    pick(['orders', 'returns,orders', '', 'sizes', 'vip,sizes', 'orders'], 'cw_label', b.first_chat_id)
        as labels,
from changed as g
inner join begun as b using (conversation_no)
left join first_replies as f using (conversation_no)
asof inner join inbox_cycles as c
    on c.conversation_no = g.conversation_no and c.opened_at < export_ends(g.n)
left join chats as t on t.chat_id = c.first_chat_id
asof left join inbox_assignments as a
    on a.conversation_no = g.conversation_no and a.assigned_at < export_ends(g.n)
left join (
    select conversation_no, thread_cycle, min(handed_off_at) as handed_off_at
    from inbox_handoffs
    group by all
) as h
    on h.conversation_no = c.conversation_no and h.thread_cycle = c.thread_cycle
    and h.handed_off_at < export_ends(g.n);

-- Step 4: people and their answers -----------------------------------------------------------------
create table inbox_people as
select
    c.contact_no, c.channel_no, c.profile_name, i.phone, c.country_code, c.begun_at,
    -- Told by some, and only by those whom nothing else could mix up.
    if(p.contact_no is not null and r('cw_email', c.contact_no, 100) < 30, p.email, null) as email,
    if(p.contact_no is not null and r('cw_crm', c.contact_no, 100) < 20, p.external_id, null) as external_id,
from (
    select t.contact_no, t.channel_no, p.profile_name, p.country_code, min(t.opened_at) as begun_at,
    from inbox_cycles as t
    inner join contacts as p using (contact_no)
    where t.opened_at < exported_until()
    group by all
) as c
inner join (
    select contact_no, min(phone) as phone from inbox_inbound group by contact_no
) as i using (contact_no)
left join steady_people as p on p.contact_no = c.contact_no and p.identity_kind = 'phone';

create table survey_answers as
select
    s.id, s.contact_no, s.channel_no, s.conversation_no, s.thread_cycle, s.agent_no,
    s.occurred_at as asked_at,
    sec(m.delivered_time) + to_milliseconds(300) + to_seconds(40 + cast(pow2(u('rated_at', s.id)) * 28800 as bigint))
        as answered_at,
    [5, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 2, 2, 1, 1][r('rating', s.id, 20) + 1] as rating,
    case when r('comment', s.id, 100) < 35 then pick([
        'Quick and kind, thank you!', 'Delivery took too long', 'The size was wrong again',
        'Solved, but I had to ask twice', 'Muy amable', 'Ótimo atendimento'
    ], 'comment_text', s.id) end as comment,
from surveys_planned as s
inner join outbound as m using (id)
where m.delivered_time is not null and r('rates', s.id, 100) < 58;

delete from survey_answers where answered_at >= exported_until();
