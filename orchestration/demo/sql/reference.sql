-- The small files: templates, channels, staff, and an inbox export kept simple.

create macro cw_time(t) as strftime(t, '%Y-%m-%d %H:%M:%S.%f');

create table file_heads (name varchar, head varchar);
insert into file_heads values
    ('channels.csv', 'channel_id,name,channel_type,timezone,schedule_id'),
    ('internal_contacts.csv', 'phone'),
    ('conversations.csv', 'id,account_id,inbox_id,status,assignee_id,created_at,updated_at,contact_id,display_id,contact_last_seen_at,agent_last_seen_at,additional_attributes,contact_inbox_id,uuid,identifier,last_activity_at,team_id,campaign_id,snoozed_until,custom_attributes,assignee_last_seen_at,first_reply_created_at,priority,sla_policy_id,waiting_since,cached_label_list,assignee_agent_bot_id');

create table file_lines as
select
    'templates.jsonl' as name,
    template_id as position,
    '{"name":"' || name || '","language":"' || language || '","category":"' || upper(category)
    || '","status":"' || if(r('template', template_id, 20) = 0, 'PAUSED', 'APPROVED') || '","id":"'
    || template_id || '","parameter_format":"POSITIONAL","components":[{"type":"BODY","text":"'
    || if(category = 'authentication', '{{1}} is your code.', 'Hi {{1}}, news from the demo shop.') || '"}'
    || if(has_url_button, ',{"type":"BUTTONS","buttons":[{"type":"URL","text":"Open","url":"https://example.com/l/{{1}}"}]}', '')
    || '],"quality_score":{"score":"'
    || pick(['GREEN', 'GREEN', 'GREEN', 'YELLOW', 'UNKNOWN'], 'score', template_id) || '"}}' as line,
from templates
union all
select
    'channels.csv', channel_no,
    phone_number_id || ',' || name || ',whatsapp,' || timezone || ',default'
from channels
union all
-- Of this number there are a vendor's reports, no webhooks.
select 'channels.csv', 5, '310200000000005,Partner,whatsapp,Europe/Berlin,default'
union all
-- As the shipped mapping, and with the category, which the report lacks.
select 'mapping.yml', position, line
from (
    select unnest([
        'columns:', '  message_id: sendout_id', '  phone: customer_external_id',
        '  channel_id: business_id', '  campaign_id: campaign_name', '  sent_at: sent_at',
        '  delivered_at: delivered_at', '  read_at: read_at', '  error_code: error_code',
        '  opted_out_at: opt_out_at', '  button_clicked_at: {column: button_clicks, json: "$[*].ts"}',
        '  link_clicked_at: {column: link_clicks, json: "$[*].ts"}', 'constants:',
        '  direction: outbound', '  sender_type: campaign', '  message_type: template',
        '  category: marketing', 'ignore: [error_msg]'
    ]) as line, unnest(range(18)) as position
)
union all
select 'internal_contacts.csv', contact_no, '+' || dialled from contacts where is_internal;

create table conversation_lines as
select
    conversation_no,
    conversation_no || ',1,' || channel_no || ',' || r('cw_status', chat_id, 3) || ','
    || if(has_bot, '', (1 + r('cw_agent', chat_id, 6))::varchar) || ',' || cw_time(occurred_at) || ','
    || cw_time(occurred_at + interval 1 hour) || ',' || contact_no || ',' || conversation_no || ',,,{},'
    || (contact_no * 10 + channel_no) || ',' || md5('cw' || chat_id)[1:8] || '-' || md5('cw' || chat_id)[9:12]
    || '-4' || md5('cw' || chat_id)[14:16] || '-a' || md5('cw' || chat_id)[18:20] || '-' || md5('cw' || chat_id)[21:32]
    || ',,' || cw_time(occurred_at + interval 1 hour) || ',,,,{},,' || cw_time(occurred_at + interval 10 minute)
    || ',,,,' || pick(['orders', 'returns', '', 'sizes'], 'cw_label', chat_id) || ',' as line,
from (
    select *, row_number() over (order by occurred_at, chat_id) as conversation_no
    from chats
    where occurred_at >= start_at() and occurred_at < start_at() + interval 25 day
)
where conversation_no <= 2000;
