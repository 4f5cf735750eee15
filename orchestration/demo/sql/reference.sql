-- The small files: templates, channels, staff, opening hours, targets, topics.

create table file_heads (name varchar, head varchar);
insert into file_heads values
    ('channels.csv', 'channel_id,name,channel_type,timezone,schedule_id'),
    ('internal_contacts.csv', 'phone'),
    ('business_hours.csv', 'schedule_id,iso_day_of_week,opens_at,closes_at'),
    ('holidays.csv', 'schedule_id,holiday_on'),
    ('sla_targets.csv', 'channel_id,category,metric,target_seconds,clock'),
    ('feedback_topics.csv', 'topic,pattern');

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
    phone_number_id || ',' || name || ',whatsapp,' || timezone || ','
    -- Nobody said when the third number is answered.
    || case channel_no when 2 then 'latam' when 3 then '' else 'default' end
from channels
union all
-- Of this number there are a vendor's reports, no webhooks.
select 'channels.csv', 5, '310200000000005,Partner,whatsapp,Europe/Berlin,default'
union all
select 'channels.csv', 6, respond_channel() || ',Instagram shop,instagram,Asia/Kolkata,india'
union all
select 'business_hours.csv', row_number() over (order by schedule_id, iso_day, shift), schedule_id || ',' || iso_day || ',' || shift
from (
    select 'default' as schedule_id, unnest(range(1, 6)) as iso_day, '09:00,18:00' as shift
    union all
    select 'default', 6, '10:00,14:00'
    union all
    select 'latam', iso_day, unnest(['09:00,12:30', '13:30,19:00'])
    from (select unnest(range(1, 6)) as iso_day)
    union all
    -- Until an hour after midnight.
    select 'india', unnest(range(1, 7)), '15:00,01:00'
)
union all
select 'holidays.csv', epoch(start_at() + to_days(day_no))::bigint * 10 + no,
    schedule_id || ',' || strftime(start_at() + to_days(day_no), '%Y-%m-%d')
from (values
    (1, 'default', 56), (2, 'default', 5), (3, 'latam', 30), (4, 'latam', 65), (5, 'latam', 86),
    (6, 'india', 7), (7, 'india', 55)
) as t (no, schedule_id, day_no)
union all
select 'sla_targets.csv', no, line
from (values
    (1, '104200000000001,,first_response,1800,business'),
    (2, '104200000000002,,first_response,3600,calendar'),
    (3, respond_channel() || ',,first_response,900,business'),
    (4, ',returns,first_response,7200,calendar')
) as t (no, line)
union all
select 'feedback_topics.csv', no, line
from (values
    (1, 'delivery,deliver|shipping|envío|frete'), (2, 'price,expensive|price|caro'),
    (3, 'returns,return|refund'), (4, 'sizes,size'), (5, 'staff,people|kind|amable|atendimento')
) as t (no, line)
union all
select 'internal_contacts.csv', contact_no, '+' || dialled from contacts where is_internal;
