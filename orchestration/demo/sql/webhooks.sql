-- Run once, before the days: what the envelopes are made of.

create table late as
select * from outbound
where last_arrival >= date_trunc('day', occurred_at) + interval 3 day;

create table odd_status as
select min(id) as id from outbound
where kind = 'broadcast' and occurred_at >= start_at() + interval 5 day
    and occurred_at < start_at() + interval 6 day;

-- Errors as a status carries them.
create table error_texts as
select
    code,
    '[{"code":' || code || ',"title":' || to_json(title) || ',"message":' || to_json(title)
    || ',"error_data":{"details":' || to_json(details)
    || '},"href":"https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"}]'
        as errors_json,
from errors;

create macro contact_json(profile_name, phone, bsuid, is_hidden, t) as
    '{"profile":{"name":' || to_json(profile_name) || '}'
    || case when is_hidden then '' else ',"wa_id":"' || phone || '"' end
    || case when t >= timestamp '2026-04-01' then ',"user_id":"' || bsuid || '"' else '' end
    || '}';

create macro entry_json(waba_id, has_time, t, changes_text) as
    '{"id":"' || waba_id || '"' || if(has_time, ',"time":' || epoch(t)::bigint, '')
    || ',"changes":[' || changes_text || ']}';
create macro body_json(entries_text) as
    '{"object":"whatsapp_business_account","entry":[' || entries_text || ']}';

-- Account and template events: (day, seconds, channel, field, value).
create table account_events as
select
    row_number() over () as event_no,
    start_at() + to_days(day_no) + to_seconds(second_no) as occurred_at,
    channel_no,
    field,
    replace(replace(value, '''', '"'), '<phone>', display_phone_number) as value,
from (values
    (1, 30000, 1, 'message_template_status_update', '{''event'':''APPROVED'',''message_template_id'':900000000000300,''message_template_name'':''loyalty_points_b'',''message_template_language'':''de'',''reason'':''NONE'',''message_template_category'':''MARKETING''}'),
    (6, 41000, 2, 'message_template_status_update', '{''event'':''REJECTED'',''message_template_id'':900000000009900,''message_template_name'':''flash_sale'',''message_template_language'':''pt_BR'',''reason'':''INVALID_FORMAT'',''message_template_category'':''MARKETING''}'),
    (11, 52000, 1, 'message_template_quality_update', '{''previous_quality_score'':''GREEN'',''new_quality_score'':''YELLOW'',''message_template_id'':900000000001300,''message_template_name'':''seasonal_offer'',''message_template_language'':''de''}'),
    (15, 20000, 3, 'template_category_update', '{''message_template_id'':900000000000900,''message_template_name'':''payment_reminder'',''message_template_language'':''en_US'',''previous_category'':''UTILITY'',''new_category'':''MARKETING'',''correct_category'':''MARKETING''}'),
    (19, 61000, 1, 'phone_number_quality_update', '{''display_phone_number'':''<phone>'',''event'':''ONBOARDING'',''current_limit'':''TIER_10K''}'),
    (33, 61000, 2, 'phone_number_quality_update', '{''display_phone_number'':''<phone>'',''event'':''UPGRADE'',''current_limit'':''TIER_100K''}'),
    (24, 10000, 2, 'account_update', '{''event'':''VOLUME_BASED_PRICING_TIER_UPDATE'',''volume_tier_info'':{''tier_update_time'':1743451903,''pricing_category'':''UTILITY'',''tier'':''0:10000'',''effective_month'':''2026-09'',''region'':''Brazil''}}'),
    (26, 44000, 3, 'account_update', '{''event'':''VERIFIED_ACCOUNT'',''phone_number'':''<phone>''}'),
    (29, 15000, 1, 'payment_rainbow_update', '{''event'':''SOMETHING_NEW'',''shade'':7}')
) as t (day_no, second_no, channel_no, field, value)
inner join channels using (channel_no)
order by 2, 3;

create table redelivered (arrival timestamp, env_key varchar, line varchar);
