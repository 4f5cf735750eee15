-- The second inbox and the surveys as lines of CSV.

insert into export_heads values
    ('mapped/respond.io/conversations', 'Conversation ID,Contact ID,Contact Phone,Channel ID,DateTime Conversation Started,Opened By Source,DateTime Conversation Resolved,Closed By,Conversation Category,Assignee'),
    ('mapped/respond.io/messages', 'Date & Time,Sender ID,Sender Type,Workflow ID,Contact ID,Contact Phone,Message ID,Conversation ID,Content Type,Message Type,Content,Channel ID'),
    ('mapped/respond.io/agents', 'User ID,Name,Team ID,Team'),
    ('mapped/respond.io/survey_responses', 'Response ID,Contact Phone,Conversation ID,Sent,Rated,Rating,User ID'),
    ('surveys/typeform', '#,How likely are you to recommend us to a friend?,What is the reason for your answer?,phone,Response Type,Start Date (UTC),Stage Date (UTC),Submit Date (UTC),Network ID,Tags'),
    ('surveys/delighted', 'Response ID,Time,Survey type,Score,Comment,Email,Permalink,Locale,Device Type'),
    ('generic/survey_responses', 'response_id,survey_type,phone,answered_at,sent_at,score,scale_max,comment,topic');

-- The workspace's clock is India's.
create macro respond_time(t) as coalesce(strftime(t + to_minutes(330), '%Y-%m-%d %H:%M:%S'), '');
create macro respond_id(no) as 'rc' || (no - 80000000000000);
create macro typed_time(t) as strftime(t, '%Y-%m-%d %H:%M:%S');

insert into export_lines
select
    'mapped/respond.io/conversations', n, lpad(conversation_no::varchar, 16, '0'),
    respond_id(conversation_no) || ',' || (700000 + contact_no) || ',+' || dialled || ','
    || respond_channel() || ',' || respond_time(opened_at) || ',' || if(opened_by = 'agent', 'user', opened_by)
    || ',' || respond_time(if(closed_at < export_ends(n), closed_at, null)) || ','
    || if(closed_by = 'agent' and closed_at < export_ends(n), agent_id, '') || ','
    || if(closed_at < export_ends(n), cell(category), '') || ',' || if(is_handled, agent_id, '')
from (
    select *, unnest(list_distinct(list_filter([export_of(opened_at), export_of(closed_at)],
        lambda x: x is not null))) as n
    from respond_conversations
)
union all
select
    'mapped/respond.io/messages', export_of(sent_at), iso(sent_at) || lpad(message_no::varchar, 20, '0'),
    respond_time(sent_at) || ',' || cell(agent_id) || ','
    || case sender_type when 'agent' then 'user' when 'bot' then 'workflow' else 'contact' end || ','
    || cell(bot_id) || ',' || (700000 + contact_no) || ',+' || dialled || ',rm' || message_no || ','
    || if(is_id_missing, '', respond_id(conversation_no)) || ',text,'
    || if(direction = 'inbound', 'incoming', 'outgoing') || ','
    || if(direction = 'inbound', 'Is this still available?', 'Yes it is!') || ',' || respond_channel()
from respond_messages
union all
select 'mapped/respond.io/agents', 0, no::varchar, 'usr-' || no || ',' || agent_name(no - 5) || ',t1,India'
from (select unnest([12, 13]) as no)
union all
select
    'mapped/respond.io/survey_responses', n, lpad(no::varchar, 16, '0'),
    'rr' || no || ',+' || dialled || ',' || respond_id(no) || ',' || respond_time(sent_at) || ','
    || respond_time(if(answered_at < export_ends(n), answered_at, null)) || ','
    || if(answered_at < export_ends(n), score::varchar, '') || ',' || agent_id
from (
    select *, unnest(list_distinct(list_filter([export_of(sent_at), export_of(answered_at)],
        lambda x: x is not null))) as n
    from respond_ratings
)
union all
select
    'surveys/typeform', export_of(a.answered_at), iso(a.answered_at) || a.no,
    lower(hex_text('typeform', a.no, 20)) || ',' || if(a.is_partial, '', a.score::varchar) || ','
    || quoted(a.comment) || ',''+' || p.dialled || ',' || if(a.is_partial, 'partial', 'completed') || ','
    || typed_time(a.answered_at - interval 90 second) || ',' || if(a.is_partial, typed_time(a.answered_at), '')
    || ',' || if(a.is_partial, '', typed_time(a.answered_at)) || ',' || md5('net' || a.no)[1:10] || ','
from nps_answers as a
inner join steady_people as p using (contact_no)
where a.is_typeform
union all
select
    'surveys/delighted', export_of(a.answered_at), iso(a.answered_at) || a.no,
    (30000000 + a.no) || ',' || typed_time(a.answered_at) || ',NPS,' || a.score || ',' || quoted(a.comment)
    || ',' || p.email || ',https://example.com/d/' || a.no || ',en,mobile'
from nps_answers as a
inner join steady_people as p using (contact_no)
where not a.is_typeform
union all
select
    'generic/survey_responses', n, lpad(a.no::varchar, 16, '0'),
    'ces-' || a.no || ',ces,' || phone_cell(p.dialled, a.no) || ','
    || plain_time(if(a.answered_at < export_ends(n), a.answered_at, null)) || ',' || plain_time(a.sent_at)
    || ',' || if(a.answered_at < export_ends(n), a.score::varchar, '') || ',7,,' || a.topic
from (
    select *, unnest(list_distinct(list_filter([export_of(sent_at), export_of(answered_at)],
        lambda x: x is not null))) as n
    from effort_answers
) as a
inner join steady_people as p using (contact_no);
