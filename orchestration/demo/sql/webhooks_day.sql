-- The webhook bodies that arrive on the_day(), one a row of the temporary table `bodies`.
-- A message's statuses come from the last three days' rows or from `late`: no scan of history.

create or replace temp table live as
select * from outbound
where occurred_at >= the_day() - interval 2 day and occurred_at < the_day() + interval 1 day
union all
select * from late
where occurred_at < the_day() - interval 2 day and last_arrival >= the_day();

create or replace temp table statuses as
with told as (
    select id, 'sent' as status, sent_time as occurred_at, sent_arrival as arrival, true as has_price, 1 as n
    from live
    union all
    select id, 'delivered', delivered_time, delivered_arrival, true, 2 from live
    union all
    select id, 'delivered', delivered_time + to_seconds(40 + r('second', id, 600)),
        delivered_again_arrival, false, 3 from live
    union all
    -- Where delivered is missing or late, the price comes with the read.
    select id, 'read', read_time, read_arrival,
        delivered_arrival is null or delivered_arrival > read_arrival, 4 from live
    union all
    select id, 'played', played_time, played_arrival,
        delivered_arrival is null or delivered_arrival > played_arrival, 5 from live
    union all
    select id, 'failed', failed_time, failed_arrival, false, 6 from live
    union all
    -- One status nobody has heard of.
    select id, 'held_for_review', sent_time, sec(occurred_at) + interval 2 second, false, 7 from live
    where id = (select id from odd_status) and sent_time is not null
)

select
    t.id * 10 + t.n as item_id,
    m.channel_no,
    t.arrival,
    m.id,
    m.is_hidden,
    if(m.is_hidden, contact_json(m.profile_name, m.phone, m.bsuid, true, m.occurred_at), null)
        as contact_json,
    '{"id":"' || m.wamid || '","status":"' || t.status || '","timestamp":'
    || if(m.channel_no = 3 and r('number', t.id * 10 + t.n, 10) = 0, epoch(t.occurred_at)::bigint::varchar,
        '"' || epoch(t.occurred_at)::bigint || '"')
    || case
        when not m.is_hidden then ',"recipient_id":"' || m.phone || '"'
        when r('empty', m.contact_no, 3) = 0 then ',"recipient_id":""'
        else ''
    end
    || if(m.is_hidden or m.is_linked
        or (m.occurred_at >= timestamp '2026-04-01' and r('both_ids', m.contact_no, 4) = 0),
        ',"recipient_user_id":"' || m.bsuid || '"', '')
    || case
        when t.n = 1 and m.occurred_at < timestamp '2025-07-01' then
            ',"conversation":{"id":"' || lower(hex_text('conv', m.id, 32))
            || '","expiration_timestamp":"' || (epoch(t.occurred_at)::bigint + 86400)
            || '","origin":{"type":"' || m.category || '"}}'
        when t.n = 1 and m.pricing_type = 'free_entry_point' then
            ',"conversation":{"id":"' || lower(hex_text('conv', m.id, 32))
            || '","expiration_timestamp":"' || (epoch(t.occurred_at)::bigint + 259200)
            || '","origin":{"type":"referral_conversion"}}'
        else ''
    end
    || case
        when not t.has_price then ''
        when m.occurred_at < timestamp '2025-07-01' then
            ',"pricing":{"billable":true,"pricing_model":"CBP","category":"' || m.category || '"}'
        else
            ',"pricing":{"billable":' || if(m.pricing_type = 'regular', 'true', 'false')
            || ',"pricing_model":"PMP","type":"' || m.pricing_type || '","category":"'
            -- Meta spells it with a hyphen here, with an underscore elsewhere.
            || if(r('hyphen', m.id, 2) = 0, replace(m.category, '_international', '-international'),
                m.category) || '"}'
    end
    || if(t.status = 'failed', ',"errors":' || e.errors_json, '')
    || '}' as item,
from told as t
inner join live as m using (id)
left join error_texts as e on e.code = m.failed_code
where t.arrival >= the_day() and t.arrival < the_day() + interval 1 day and t.occurred_at is not null;

create or replace temp table items as
select
    s.channel_no,
    'messages' as field,
    'statuses' as part,
    -- Half of the ten-minute buckets are told in batches, the others one by one.
    if(
        r('batch', epoch(s.arrival)::bigint // 600 * 10 + s.channel_no, 2) = 0 and not s.is_hidden,
        'B' || epoch(s.arrival)::bigint // 600 || '-' || r('sub', s.id, batch_parts()),
        'S' || s.item_id
    ) as change_key,
    s.arrival,
    hash(s.item_id) as shuffle,
    s.contact_json,
    s.item,
from statuses as s
union all
select
    i.channel_no,
    'messages',
    'messages',
    if(r('together', batch_id, 3) = 0, 'T' || epoch(arrival)::bigint // 600 || '-' || batch_id,
        'I' || in_id),
    arrival,
    in_id,
    contact_json(profile_name, phone, bsuid, is_hidden, occurred_at),
    '{'
    -- from is empty or absent for people with a username.
    || case
        when not is_hidden then '"from":"' || phone || '",'
        when r('empty', contact_no, 3) = 0 then '"from":"",'
        else ''
    end
    || if(occurred_at >= timestamp '2026-04-01', '"from_user_id":"' || bsuid || '",', '')
    || '"id":"' || wamid || '","timestamp":'
    || if(i.channel_no = 3 and r('number', in_id, 10) = 0, epoch(occurred_at)::bigint::varchar,
        '"' || epoch(occurred_at)::bigint || '"')
    || if(context_wamid is not null and shape <> 'reaction',
        ',"context":{"from":"' || c.display_phone_number || '","id":"' || context_wamid || '"}', '')
    || if(has_referral,
        ',"referral":{"source_url":"https://fb.me/demo' || r('ad', in_id, 3)
        || '","source_id":"12020000000000000' || r('ad', in_id, 3)
        || '","source_type":"ad","headline":"Chat with us","body":"New season","media_type":"image"'
        -- Ads placed in Status carry no click id.
        || if(r('clid', in_id, 4) = 0, '', ',"ctwa_clid":"' || hex_text('clid', in_id, 24) || '"')
        || '}', '')
    || ',"type":"' || if(shape in ('button_reply', 'list_reply'), 'interactive', shape) || '",'
    || case shape
        when 'text' then '"text":{"body":' || to_json(body) || '}'
        when 'image' then '"image":{"mime_type":"image/jpeg","sha256":"'
            || hex_text('sha', in_id, 32) || '","id":"' || (300000000000000 + r('m', in_id, 10000000000)) || '"}'
        when 'audio' then '"audio":{"mime_type":"audio/ogg; codecs=opus","sha256":"'
            || hex_text('sha', in_id, 32) || '","id":"' || (400000000000000 + r('m', in_id, 10000000000))
            || '","voice":true}'
        when 'location' then '"location":{"latitude":' || (r('lat', in_id, 90000) / 1000.0)
            || ',"longitude":' || (r('lon', in_id, 90000) / 1000.0) || ',"name":"Demo Square"}'
        when 'order' then '"order":{"catalog_id":"500000000000001","text":"","product_items":[{"product_retailer_id":"SKU-'
            || (100 + r('sku', in_id, 40)) || '","quantity":' || (1 + r('qty', in_id, 3))
            || ',"item_price":' || (500 + r('price', in_id, 9000)) / 100.0 || ',"currency":"EUR"}]}'
        when 'button' then if(stop_event is null,
            '"button":{"payload":"MORE_INFO","text":"' || case i.language when 'de' then 'Mehr dazu'
                when 'pt' then 'Saber mais' when 'es' then 'Saber más' else 'Tell me more' end
                || '"}',
            '"button":{"payload":"Stop promotions","text":"Stop promotions"}')
        when 'button_reply' then '"interactive":{"type":"button_reply","button_reply":{"id":"'
            || pick(['orders', 'products', 'agent'], 'choice', in_id) || '","title":"'
            || pick(['Orders', 'Products', 'Talk to us'], 'choice', in_id) || '"}}'
        when 'list_reply' then '"interactive":{"type":"list_reply","list_reply":{"id":"'
            || pick(['size', 'returns', 'shops'], 'choice', in_id) || '","title":"'
            || pick(['Sizes', 'Returns', 'Shops'], 'choice', in_id) || '","description":"Help"}}'
        when 'reaction' then '"reaction":{"message_id":"' || context_wamid || '","emoji":"'
            || pick(['👍', '❤️', '😂'], 'emoji', in_id) || '"}'
        when 'system' then '"system":{"body":"' || profile_name || ' changed from ' || phone
            || ' to 4915009999007","wa_id":"4915009999007","type":"user_changed_number"}'
        else '"' || shape || '":{"id":"1"}'
    end || '}',
from inbound as i
inner join channels as c using (channel_no)
where arrival >= the_day() and arrival < the_day() + interval 1 day
union all
select
    p.channel_no,
    'user_preferences',
    'user_preferences',
    'P' || p.preference_id,
    p.occurred_at + interval 2 second,
    0,
    contact_json(c.profile_name, phone_at(c.contact_no, c.wa_id, c.wa_id_new, p.occurred_at), c.bsuid,
        is_hidden(c.identity_kind, c.link_at, p.occurred_at), p.occurred_at),
    '{' || if(is_hidden(c.identity_kind, c.link_at, p.occurred_at), '',
        '"wa_id":"' || phone_at(c.contact_no, c.wa_id, c.wa_id_new, p.occurred_at) || '",')
    || if(p.occurred_at >= timestamp '2026-04-01', '"user_id":"' || c.bsuid || '",', '')
    || '"detail":"User requested to ' || p.preference
    || ' marketing messages","category":"marketing_messages","value":"' || p.preference
    || '","timestamp":' || epoch(p.occurred_at)::bigint || '}',
from preferences as p
inner join contacts as c using (contact_no)
where p.occurred_at + interval 2 second >= the_day() and p.occurred_at + interval 2 second < the_day() + interval 1 day
union all
-- Messages an agent typed in the app; some numbers also echo what the API sent.
select
    m.channel_no,
    'smb_message_echoes',
    'message_echoes',
    'E' || m.id,
    m.occurred_at + to_milliseconds(500 + r('echo_heard', m.id, 2000)),
    m.id,
    null,
    '{"from":"' || c.display_phone_number || '",'
    || if(m.is_hidden, '"to_user_id":"' || m.bsuid || '"', '"to":"' || m.phone || '"')
    || ',"id":"' || m.wamid || '","timestamp":"' || epoch(sec(m.occurred_at))::bigint || '","type":"'
    || m.message_type || '",'
    || case m.message_type when 'text' then '"text":{"body":"Gern geschehen! Noch etwas?"}'
        else '"' || m.message_type || '":{"id":"' || (600000000000000 + m.id % 1000000) || '"}' end
    || '}',
from live as m
inner join channels as c using (channel_no)
where m.wamid is not null
    and (m.kind = 'echo' or (m.sender_type = 'agent' and m.channel_no = 1
        and m.message_type = 'text' and r('echo_double', m.id, 100) < 8))
    and m.occurred_at + to_milliseconds(500 + r('echo_heard', m.id, 2000)) >= the_day()
    and m.occurred_at + to_milliseconds(500 + r('echo_heard', m.id, 2000)) < the_day() + interval 1 day
union all
select channel_no, field, 'event', 'A' || event_no, occurred_at, event_no, null, value
from account_events
where occurred_at >= the_day() and occurred_at < the_day() + interval 1 day;

-- Most changes hold one item and most bodies one change: only the others are grouped, because
-- an ordered aggregate of every row costs several times the rest of the day.
create or replace temp table changes as
select channel_no, field, part, change_key, arrival, contact_json, item as items
from items
where change_key[1] not in ('B', 'T')
union all
select
    channel_no,
    field,
    part,
    change_key,
    max(arrival),
    min(contact_json),
    string_agg(item, ',' order by shuffle, item),
from items
where change_key[1] in ('B', 'T')
group by channel_no, field, part, change_key;

create or replace temp table bodies as
with keyed as (
    select
        c.*,
        -- Now and then an hour's updates of several numbers share one body.
        not h.is_wrapped and r('joint', epoch(c.arrival)::bigint // 3600, 6) = 0 as is_joint,
        c.channel_no || c.field || c.part || c.change_key as own_key,
        h.waba_id,
        h.is_wrapped,
        '{"value":'
        || if(part = 'event', items,
            '{"messaging_product":"whatsapp","metadata":{"display_phone_number":"'
            || h.display_phone_number || '","phone_number_id":"' || h.phone_number_id || '"}'
            || coalesce(',"contacts":[' || contact_json || ']', '')
            || ',"' || part || '":[' || items || ']}')
        || ',"field":"' || field || '"}' as change,
    from changes as c
    inner join channels as h using (channel_no)
),

joint_entries as (
    select
        'J' || epoch(arrival)::bigint // 3600 || '-' || r('joint_sub', own_key, joint_parts())
            as env_key,
        waba_id,
        max(arrival) as arrival,
        entry_json(
            waba_id, bool_and(field <> 'messages'), max(arrival),
            string_agg(change, ',' order by arrival, own_key)
        ) as entry,
    from keyed
    where is_joint
    group by env_key, waba_id
)

select
    own_key as env_key,
    is_wrapped,
    arrival,
    body_json(entry_json(waba_id, field <> 'messages', arrival, change)) as body,
from keyed
where not is_joint
union all
select
    env_key,
    false,
    max(arrival),
    body_json(string_agg(entry, ',' order by waba_id)),
from joint_entries
group by env_key
union all
-- What the dashboard's Test button sends.
select 'dashboard-test', false, the_day() + interval 11 hour,
    '{"object":"whatsapp_business_account","entry":[{"id":"0","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"16505551111","phone_number_id":"123456123"},"contacts":[{"profile":{"name":"test user name"},"wa_id":"16315551181"}],"messages":[{"from":"16315551181","id":"ABGGFlA5Fpa","timestamp":"1504902988","type":"text","text":{"body":"this is a text message"}}]}}]}]}'
where the_day() = start_at() + interval 12 day;

-- Meta delivers at least once: some bodies come again, minutes or days later, byte for byte.
insert into redelivered
select
    arrival + if(r('again', env_key, 2) = 0, to_minutes(5 + r('again_in', env_key, 55)),
        to_hours(20 + r('again_in', env_key, 60))),
    env_key,
    body,
from bodies
where r('redeliver', env_key, 50) = 0;

create or replace temp view webhook_lines as
select
    if(is_wrapped, '{"received_at":"' || iso(arrival) || '","body":' || body || '}', body) as line,
    arrival,
    env_key,
from (
    select env_key, is_wrapped, arrival, body from bodies
    union all
    select env_key, env_key[1] = '2', arrival, line from redelivered
    where arrival >= the_day() and arrival < the_day() + interval 1 day
);
