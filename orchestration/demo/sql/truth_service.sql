-- The truth of conversations, from what was drawn: SEMANTICS 5 to 11 and 16 for what a platform tells.
-- Conversations that have to be inferred from the logs of the other numbers are in none of it.

-- Step 1: cycles and the messages in them ----------------------------------------------------------
create table service_cycles as
select
    'chatwoot' as source, c.conversation_no, c.cycle_number, h.phone_number_id as channel_id,
    c.contact_no, p.is_internal, c.opened_at, 'contact' as opened_by,
    if(c.closed_at < exported_until(), c.closed_at, null) as closed_at,
    if(c.closed_at < exported_until(), c.closed_by, null) as closed_by,
    if(c.closed_at < exported_until() and c.closed_by = 'agent',
        'chatwoot:' || agent_no(c.channel_no, c.closing_chat_id), null) as closing_agent_id,
    list_min(string_split(nullif(s.labels, ''), ',')) as category,
    f.handed_off_at, c.thread_cycle, c.channel_no,
from inbox_cycles as c
inner join channels as h using (channel_no)
inner join contacts as p using (contact_no)
inner join (
    select conversation_no, arg_max(labels, n) as labels from inbox_states group by conversation_no
) as s using (conversation_no)
-- Told once in a conversation.
left join inbox_handoffs as f
    on f.conversation_no = c.conversation_no and f.thread_cycle = c.thread_cycle
    and f.handoff_no = 1 and f.handed_off_at < exported_until()
where c.opened_at < exported_until()
union all
select
    'respond.io', conversation_no, 1, respond_channel(), contact_no, false, opened_at, opened_by,
    closed_at,
    -- Nobody is named where a workflow closes.
    if(closed_by = 'agent', 'agent', null),
    if(closed_by = 'agent', 'respond.io:' || agent_id, null),
    if(closed_at is null, null, category), null, null, null
from respond_conversations;

create table service_messages as
with filed as (
    select
        i.conversation_no, c.cycle_number, m.direction, m.sender_type, m.agent_id, m.message_type,
        m.campaign_id, m.message_at, m.failed_at,
    from inbox_items as i
    inner join inbox_cycles as c using (conversation_no, thread_cycle)
    inner join truth.messages as m on m.wamid = i.wamid
    where i.wamid is not null
),

-- What only the logs know, while a conversation of the thread is open.
overheard as (
    select
        c.conversation_no, c.cycle_number, m.direction, m.sender_type, m.agent_id, m.message_type,
        m.campaign_id, m.message_at, m.failed_at,
    from truth.messages as m
    anti join inbox_items as i on i.wamid = m.wamid
    inner join service_cycles as c
        on c.contact_no = m.contact_no and c.channel_id = m.phone_number_id
        and c.opened_at <= m.message_at and m.message_at < coalesce(c.closed_at, end_at() + interval 1 year)
    where c.source = 'chatwoot'
)

select 'chatwoot' as source, * from filed
union all
select 'chatwoot', * from overheard
union all
select
    'respond.io', conversation_no, 1, direction, sender_type,
    if(agent_id is null, null, 'respond.io:' || agent_id), 'text', null, sent_at, null
from respond_messages;

create table service_answers as
select
    *,
    direction = 'inbound' and message_type not in ('system', 'reaction') as is_customers,
    direction = 'outbound' and failed_at is null and campaign_id is null and sender_type <> 'campaign'
        as is_answer,
from service_messages;

-- Step 2: what became of each cycle ----------------------------------------------------------------
create table truth.conversations as
-- How far the inboxes have told: the logs go on for longer.
with clock as (
    select max(told_at) as watermark_at
    from (
        select greatest(max(opened_at), max(closed_at)) as told_at from service_cycles
        union all
        select max(occurred_at) from inbox_items where kind in ('note', 'assigned', 'resolved', 'reopened')
        union all
        select max(ends_at) from inbox_events where name like 'conversation%'
    )
),

first_times as (
    select
        c.source, c.conversation_no, c.cycle_number,
        min(m.message_at) filter (where m.is_customers) as first_inbound_at,
        max(m.message_at) filter (where m.is_customers) as last_inbound_at,
        min(m.message_at) filter (where m.is_answer and m.sender_type = 'agent') as first_human_at,
        min(m.message_at) filter (where m.is_answer and m.sender_type = 'bot') as bot_started_at,
        max(m.message_at) filter (where m.is_answer) as last_answer_at,
        count(*) filter (where m.direction = 'inbound' and m.message_type <> 'system')
            as messages_received,
        count(*) filter (where m.direction = 'outbound' and m.failed_at is null) as messages_sent,
        count(*) filter (where m.is_answer and m.sender_type = 'agent') as messages_sent_by_agents,
        count(*) filter (where m.is_answer and m.sender_type = 'bot') as messages_sent_by_bots,
    from service_cycles as c
    left join service_answers as m using (source, conversation_no, cycle_number)
    group by all
),

waited as (
    select
        c.*, t.* exclude (source, conversation_no, cycle_number),
        if(t.bot_started_at < coalesce(t.first_human_at, end_at() + interval 1 year),
            greatest(c.handed_off_at, t.first_inbound_at), t.first_inbound_at) as waits_from,
        least(c.closed_at, t.last_inbound_at + interval 24 hour) as judged_at,
        lag(c.closed_at) over chain as closed_before,
        lead(c.opened_at) over chain as opened_after,
    from service_cycles as c
    inner join first_times as t using (source, conversation_no, cycle_number)
    window chain as (partition by c.source, c.conversation_no order by c.cycle_number)
),

answered as (
    select
        w.source, w.conversation_no, w.cycle_number,
        min(m.message_at) filter (
            where m.sender_type = 'agent' and m.message_at >= w.waits_from and w.opened_by <> 'agent'
        ) as first_response_at,
        min_by(m.agent_id, m.message_at) filter (
            where m.sender_type = 'agent' and m.message_at >= w.waits_from and w.opened_by <> 'agent'
        ) as first_responder_agent_id,
        min(m.message_at) filter (where m.message_at >= w.first_inbound_at) as first_any_response_at,
        bool_or(m.sender_type in ('agent', 'bot') and m.message_at between w.last_inbound_at and w.judged_at)
            as is_answered,
        bool_or(m.sender_type = 'agent' and m.message_at between w.handed_off_at and w.judged_at)
            as is_taken_over,
    from waited as w
    inner join service_answers as m using (source, conversation_no, cycle_number)
    where m.is_answer
    group by all
),

judged as (
    select
        w.*, a.first_response_at, a.first_responder_agent_id, a.first_any_response_at,
        coalesce(w.handed_off_at <= w.judged_at and not coalesce(a.is_taken_over, false), false)
            as is_left_in_queue,
        not coalesce(a.is_answered, false) as is_left_alone,
        coalesce(w.opened_after <= w.closed_at + interval 72 hour, false) as was_reopened,
        coalesce(w.closed_before + interval 72 hour >= w.opened_at, false) as is_reopening,
    from waited as w
    left join answered as a using (source, conversation_no, cycle_number)
),

ruled as (
    select judged.*, clock.watermark_at,
        first_inbound_at is not null and (is_left_in_queue or is_left_alone) as is_without_answer,
        closed_at is not null or watermark_at > judged_at as is_over,
    from judged
    cross join clock
)

select
    source, conversation_no, cycle_number, channel_id, contact_no, is_internal, opened_at, opened_by,
    closed_at, closed_by, coalesce(closing_agent_id, 'none') as closing_agent_id, category,
    first_inbound_at, first_response_at, first_any_response_at, bot_started_at, handed_off_at,
    coalesce(first_responder_agent_id, 'none') as first_responder_agent_id,
    messages_received, messages_sent, messages_sent_by_agents, messages_sent_by_bots,
    date_diff('millisecond', waits_from, first_response_at) / 1000.0 as first_response_seconds,
    date_diff('millisecond', opened_at, closed_at) / 1000.0 as resolution_seconds,
    is_reopening, was_reopened,
    closed_at is not null and first_inbound_at is not null and messages_sent_by_agents = 1
        and not was_reopened as is_one_touch,
    -- NULL: whether an answer comes in time isn't known yet.
    case when not is_without_answer then false when is_over then true end as is_abandoned,
    case
        when not (is_without_answer and is_over) then null
        when is_left_in_queue then 'queue_abandon'
        when bot_started_at is not null and handed_off_at is null and messages_sent_by_agents = 0
            then 'bot_dropoff'
        else 'no_response'
    end as abandonment_reason,
    case
        when bot_started_at is null then null
        when handed_off_at is not null or messages_sent_by_agents > 0 then 'handed_off'
        -- Nobody closed it, and for a day nobody has said a word.
        when closed_at is null
            and watermark_at > greatest(bot_started_at, last_inbound_at, last_answer_at) + interval 24 hour
            then 'dropped_off'
        when closed_at is null or watermark_at < closed_at + interval 24 hour then 'open'
        when closed_by = 'inactivity' or last_inbound_at > last_answer_at
            or opened_after <= closed_at + interval 24 hour then 'dropped_off'
        else 'completed'
    end as bot_outcome,
from ruled
order by source, conversation_no, cycle_number;

create table truth.respond_messages as
select
    conversation_no, respond_channel() as channel_id, contact_no, direction, sender_type,
    if(agent_id is null, null, 'respond.io:' || agent_id) as agent_id, bot_id, sent_at,
    is_id_missing as is_conversation_missing,
from respond_messages
order by sent_at, message_no;

-- What is told beside the messages, and by whom.
create table truth.conversation_events as
select
    i.conversation_no, c.cycle_number, i.occurred_at,
    case i.kind when 'note' then 'comment' else i.kind end as event_type,
    case
        when i.kind = 'note' then 'chatwoot:' || i.agent_no
        when i.kind = 'resolved' then 'chatwoot:' || i.agent_no
        when i.kind = 'assigned' then
            'chatwoot:' || if(i.content like '%self-assigned%', i.agent_no, 1)
    end as actor_agent_id,
    if(i.kind = 'assigned', 'chatwoot:' || i.agent_no, null) as assignee_agent_id,
from inbox_items as i
inner join inbox_cycles as c using (conversation_no, thread_cycle)
where i.kind in ('note', 'assigned', 'resolved', 'reopened')
union all
select h.conversation_no, c.cycle_number, h.handed_off_at, 'handoff', null, null
from inbox_handoffs as h
inner join inbox_cycles as c using (conversation_no, thread_cycle)
where h.handoff_no = 1 and h.handed_off_at < exported_until()
order by conversation_no, occurred_at;

-- A turn is what a customer writes in one go; who answers it first.
create table truth.responses as
with ordered as (
    select
        *,
        row_number() over cycle as position,
        is_customers and coalesce(lag(is_customers) over cycle, false) = false as is_start,
    from service_answers
    where is_customers or is_answer
    window cycle as (
        partition by source, conversation_no, cycle_number order by message_at, direction
    )
),

numbered as (
    select
        *,
        sum(is_start::integer) over (
            partition by source, conversation_no, cycle_number order by position
        ) as turn_number,
    from ordered
)

select
    source, conversation_no, cycle_number, turn_number,
    min(message_at) filter (where is_customers) as started_at,
    min(message_at) filter (where is_answer) as first_reply_at,
    min(message_at) filter (where is_answer and sender_type = 'agent') as first_human_reply_at,
    count(*) filter (where is_customers) as messages_received,
from numbered
where turn_number > 0
group by all
order by source, conversation_no, cycle_number, turn_number;

create table truth.agents as
select 'chatwoot:' || no as agent_id, agent_name(no) as agent_name, false as is_bot,
from (select unnest([1, 3, 4, 5, 6]) as no)
union all
select 'chatwoot:bot-' || bot_no, bot_name, true from inboxes
union all
select 'respond.io:usr-' || no, agent_name(no - 5), false from (select unnest([12, 13]) as no)
order by agent_id;

-- Step 3: what was asked and answered ----------------------------------------------------------------
create table truth.survey_responses as
select
    'chatwoot' as source, 'csat' as survey_type, s.contact_no, p.is_internal, s.conversation_no,
    c.cycle_number, h.phone_number_id as channel_id, s.occurred_at as sent_at, a.answered_at,
    a.rating as score, 5 as scale_max,
    m.delivered_at is not null as is_delivered,
from surveys_planned as s
inner join inbox_items as i on i.ref = s.id and i.kind = 'survey'
inner join truth.messages as m on m.wamid = i.wamid
inner join inbox_cycles as c
    on c.conversation_no = s.conversation_no and c.thread_cycle = s.thread_cycle
inner join channels as h on h.channel_no = s.channel_no
inner join contacts as p on p.contact_no = s.contact_no
left join survey_answers as a on a.id = s.id
union all
select
    'respond.io', 'csat', contact_no, false, no, 1, respond_channel(), sent_at, answered_at,
    if(answered_at is null, null, score), 5, true
from respond_ratings
union all
select 'generic', 'ces', contact_no, false, null, null, null, sent_at, answered_at,
    if(answered_at is null, null, score), 7, true
from effort_answers
union all
select
    if(is_typeform, 'typeform', 'delighted'), 'nps', contact_no, false, null, null, null, null,
    answered_at, score, 10, true
from nps_answers
where not is_partial
order by source, survey_type, coalesce(answered_at, sent_at), contact_no;

-- The latest answer of a person in the month; one that is taken back within a week isn't counted.
create table truth.kpi_nps_months as
with kept as (
    select
        *,
        lead(answered_at) over (partition by contact_no order by answered_at) as next_at,
    from truth.survey_responses
    where survey_type = 'nps'
),

latest as (
    select *
    from kept
    where next_at is null or next_at > answered_at + interval 7 day
    qualify row_number() over (
        partition by contact_no, date_trunc('month', answered_at) order by answered_at desc
    ) = 1
)

select
    date_trunc('month', answered_at)::date as month_on,
    count(*) as responses,
    count(*) filter (where score >= 9) as promoters,
    count(*) filter (where score between 7 and 8) as passives,
    count(*) filter (where score <= 6) as detractors,
from latest
group by all
order by month_on;

create table truth.kpi_csat_months as
with moments as (
    select channel_id, date_trunc('month', sent_at)::date as month_on, 'sent' as kind, answered_at, score
    from truth.survey_responses
    where survey_type = 'csat' and not is_internal and is_delivered
    union all
    select channel_id, date_trunc('month', answered_at)::date, 'answered', answered_at, score
    from truth.survey_responses
    where survey_type = 'csat' and not is_internal and answered_at is not null
)

select
    month_on, channel_id,
    count(*) filter (where kind = 'sent') as surveys_sent,
    count(answered_at) filter (where kind = 'sent') as surveys_sent_answered,
    count(*) filter (where kind = 'answered') as responses,
    count(*) filter (where kind = 'answered' and score >= 4) as responses_satisfied,
from moments
group by all
order by month_on, channel_id;
