-- Chatwoot's tables as lines of CSV. Each export has the rows that came or changed in its days; the
-- newer export of a row counts.

create macro cw_time(t) as coalesce(strftime(t, '%Y-%m-%d %H:%M:%S.%f'), '');
create macro quoted(text) as if(text is null, '', '"' || replace(text, '"', '""') || '"');
create macro uuid_text(key) as
    md5(key)[1:8] || '-' || md5(key)[9:12] || '-4' || md5(key)[14:16] || '-a' || md5(key)[18:20] || '-'
    || md5(key)[21:32];

insert into export_heads values
    ('chatwoot/conversations', 'id,account_id,inbox_id,status,assignee_id,created_at,updated_at,contact_id,display_id,contact_last_seen_at,agent_last_seen_at,additional_attributes,contact_inbox_id,uuid,identifier,last_activity_at,team_id,campaign_id,snoozed_until,custom_attributes,assignee_last_seen_at,first_reply_created_at,priority,sla_policy_id,waiting_since,cached_label_list,assignee_agent_bot_id'),
    ('chatwoot/messages', 'id,content,account_id,inbox_id,conversation_id,message_type,created_at,updated_at,private,status,source_id,content_type,content_attributes,sender_type,sender_id,external_source_ids,additional_attributes,processed_message_content,sentiment'),
    ('chatwoot/reporting_events', 'id,name,value,account_id,inbox_id,user_id,conversation_id,created_at,updated_at,value_in_business_hours,event_start_time,event_end_time'),
    ('chatwoot/contacts', 'id,name,email,phone_number,account_id,created_at,updated_at,additional_attributes,identifier,custom_attributes,last_activity_at,contact_type,middle_name,last_name,location,country_code,blocked'),
    ('chatwoot/contact_inboxes', 'id,contact_id,inbox_id,source_id,created_at,updated_at,hmac_verified,pubsub_token'),
    ('chatwoot/csat_survey_responses', 'id,account_id,conversation_id,message_id,rating,feedback_message,contact_id,assigned_agent_id,created_at,updated_at'),
    ('chatwoot/inboxes', 'id,channel_id,account_id,name,created_at,updated_at,channel_type,enable_auto_assignment,greeting_enabled,greeting_message,email_address,working_hours_enabled,out_of_office_message,timezone,enable_email_collect,csat_survey_enabled,allow_messages_after_resolved,auto_assignment_config,lock_to_single_conversation'),
    ('chatwoot/users', 'id,provider,uid,name,display_name,email,created_at,updated_at,availability,custom_attributes,type,message_signature'),
    ('chatwoot/teams', 'id,name,description,allow_auto_assign,account_id,created_at,updated_at'),
    ('chatwoot/agent_bots', 'id,name,description,outgoing_url,created_at,updated_at,account_id,bot_type,bot_config');

insert into export_lines
select
    'chatwoot/conversations', s.n, lpad(s.conversation_no::varchar, 12, '0'),
    s.conversation_no || ',1,' || b.inbox_id || ',' || s.status || ',' || cell(s.agent_no::varchar) || ','
    || cw_time(s.begun_at) || ',' || cw_time(s.changed_at) || ',' || (s.contact_no + 1) || ','
    || s.conversation_no || ',,,{},' || ((s.contact_no + 1) * 100 + b.inbox_id) || ','
    || uuid_text('cw' || s.conversation_no) || ',,' || cw_time(s.changed_at) || ',' || b.team_no
    || ',,,{},,' || cw_time(s.first_reply_at) || ',,,,' || if(s.labels like '%,%', '"' || s.labels || '"', s.labels)
    || ','
from inbox_states as s
inner join inboxes as b using (channel_no)
union all
select
    'chatwoot/messages', export_of(m.occurred_at), lpad(m.item_no::varchar, 12, '0'),
    m.item_no || ',' || quoted(m.content) || ',1,' || b.inbox_id || ',' || m.conversation_no || ','
    || case m.kind when 'inbound' then 0 when 'survey' then 3
        when 'agent' then 1 when 'bot' then 1 when 'note' then 1 else 2 end
    || ',' || cw_time(m.occurred_at) || ',' || cw_time(m.occurred_at + to_milliseconds(400)) || ','
    || if(m.kind = 'note', 't', 'f') || ','
    -- Sent, delivered, read, failed, as far as was known then.
    || case
        when m.is_failed then 3
        when o.read_time < export_ends(export_of(m.occurred_at)) then 2
        when o.delivered_time < export_ends(export_of(m.occurred_at)) then 1
        else 0
    end
    || ',' || cell(m.wamid) || ',' || if(m.kind = 'survey', 9, 0) || ','
    || if(m.is_failed,
        quoted('{"external_error":"' || o.failed_code || ': ' || e.title || '"}'), '{}')
    || ',' || cell(m.sender_type) || ',' || cell(m.sender_no::varchar) || ',{},{},,'
from inbox_items as m
inner join (select distinct conversation_no, channel_no from inbox_cycles) as c using (conversation_no)
inner join inboxes as b on b.channel_no = c.channel_no
left join outbound as o on o.id = m.ref and m.kind in ('agent', 'bot', 'survey')
left join errors as e on e.code = o.failed_code
union all
select
    'chatwoot/reporting_events', export_of(v.ends_at), lpad(v.event_no::varchar, 12, '0'),
    v.event_no || ',' || v.name || ',' || v.seconds || '.0,1,' || b.inbox_id || ','
    || cell(v.agent_no::varchar) || ',' || v.conversation_no || ','
    || cw_time(v.ends_at + to_milliseconds(80)) || ',' || cw_time(v.ends_at + to_milliseconds(80))
    -- No hours are configured there: Chatwoot says 0.
    || ',0.0,' || cw_time(v.starts_at) || ',' || cw_time(v.ends_at)
from inbox_events as v
inner join (select distinct conversation_no, channel_no from inbox_cycles) as c using (conversation_no)
inner join inboxes as b on b.channel_no = c.channel_no
union all
select
    'chatwoot/contacts', export_of(begun_at), lpad(contact_no::varchar, 12, '0'),
    (contact_no + 1) || ',' || quoted(profile_name) || ',' || cell(email) || ',+' || phone || ',1,'
    || cw_time(begun_at) || ',' || cw_time(begun_at) || ',{},' || cell(external_id) || ',{},'
    || cw_time(begun_at) || ',1,,,,' || country_code || ',f'
from inbox_people
union all
select
    'chatwoot/contact_inboxes', export_of(p.begun_at), lpad(p.contact_no::varchar, 12, '0'),
    ((p.contact_no + 1) * 100 + b.inbox_id) || ',' || (p.contact_no + 1) || ',' || b.inbox_id || ','
    || p.phone || ',' || cw_time(p.begun_at) || ',' || cw_time(p.begun_at) || ',f,'
    || md5('pubsub' || p.contact_no)[1:24]
from inbox_people as p
inner join inboxes as b using (channel_no)
union all
select
    'chatwoot/csat_survey_responses', export_of(a.answered_at), lpad(a.id::varchar, 20, '0'),
    row_number() over (order by a.answered_at, a.id) || ',1,' || a.conversation_no || ',' || m.item_no
    || ',' || a.rating || ',' || quoted(a.comment) || ',' || (a.contact_no + 1) || ','
    || cell(a.agent_no::varchar) || ',' || cw_time(a.answered_at) || ',' || cw_time(a.answered_at)
from survey_answers as a
inner join inbox_items as m on m.ref = a.id and m.kind = 'survey'
union all
-- What is set up once stands in the first export.
select
    'chatwoot/inboxes', 0, inbox_id::varchar,
    inbox_id || ',' || channel_no || ',1,' || inbox_name || ',' || cw_time(start_at() - interval 90 day) || ','
    || cw_time(start_at() - interval 30 day) || ',Channel::Whatsapp,t,f,,,f,,UTC,f,t,t,{},'
    || if(is_single, 't', 'f')
from inboxes
union all
select
    'chatwoot/users', 0, no::varchar,
    no || ',email,agent' || no || '@example.com,' || agent_name(no) || ',,agent' || no || '@example.com,'
    || cw_time(start_at() - interval 90 day) || ',' || cw_time(start_at() - interval 30 day)
    || ',0,{},,'
from (select unnest([1, 3, 4, 5, 6]) as no)
union all
select
    'chatwoot/teams', 0, team_no::varchar,
    team_no || ',' || team_name || ',,t,1,' || cw_time(start_at() - interval 90 day) || ','
    || cw_time(start_at() - interval 30 day)
from inboxes
union all
select
    'chatwoot/agent_bots', 0, bot_no::varchar,
    bot_no || ',' || bot_name || ',,https://example.com/bot,' || cw_time(start_at() - interval 90 day) || ','
    || cw_time(start_at() - interval 30 day) || ',1,0,{}'
from inboxes;
