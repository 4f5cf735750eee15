-- Links and who or what opened them. A link is the URL button of a message; a broadcast without
-- one has a single link that everybody shares.

create macro link_token(id) as lower(hex_text('url', id, 10));

create table links as
select
    m.id,
    m.kind,
    m.wamid,
    m.contact_no,
    m.campaign_id,
    m.variant,
    c.design,
    c.utm_campaign,
    m.occurred_at,
    m.sent_time,
    m.delivered_time,
    m.read_time,
    m.is_internal,
    if(m.is_hidden, null, m.dialled) as dialled,
    if(m.is_hidden, m.bsuid, null) as bsuid,
    if(c.design = 'shared', 's/' || c.campaign_id, 'l/' || link_token(m.id)) as link_path,
from outbound as m
left join campaigns as c using (campaign_id)
left join templates as t on t.name = m.template_name and t.language = m.template_language
where m.wamid is not null
    and (c.design = 'shared' or (t.has_url_button and t.category <> 'authentication'));

-- The first time each link was opened by its person, whether or not that is in an export yet.
create table opened_links as
select
    *,
    coalesce(read_time, delivered_time) + to_milliseconds(
        6000 + cast(pow2(u('clicked_at', id)) * u('clicked_at', id) * 86400000 as bigint)
        -- Some find the message again when its week is over.
        + if(u('click_late', id) < 0.05, 691200000 + r('click_days', id, 345600000), 0)
    ) as first_at,
from links
where delivered_time is not null and not is_internal
    -- The other text of a test is clicked more.
    and u('click', id)
        < if(campaign_id is null, 0.15, if(design = 'test' and variant = 'B', 0.36, 0.26));

create table clicks as
with repeated as (
    select *, unnest(range(1 + cast(u('again', id) < 0.3 as int) + cast(u('again', id) < 0.08 as int)))
        as n
    from opened_links
),

browsers as (
    select [
        'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
        'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
    ] as names
),

drawn as (
    select
        id * 10 + n as click_no,
        id,
        first_at + to_seconds(n * (40 + r('again_at', id * 10 + n, 3000))) as clicked_at,
        true as is_human,
        'yes' as human,
        pick(browsers.names, 'browser', contact_no) as user_agent,
        contact_no as visitor,
    from repeated, browsers
    union all
    -- WhatsApp fetches a preview; the shortener takes one in two for a person.
    select
        id * 10 + 5, id, delivered_time + to_milliseconds(r('preview_at', id, 4000)), false,
        if(r('taken', id, 2) = 0, 'yes', 'no'), 'WhatsApp/2.23.20.0', 100000 + r('robot', id, 50),
    from links
    where delivered_time is not null and not is_internal and u('preview', id) < 0.12
    union all
    select
        id * 10 + 6, id, sent_time + to_milliseconds(2500 + r('facebook_at', id, 60000)), false,
        'no', 'facebookexternalhit/1.1', 100000 + r('robot', id, 50),
    from links
    where not is_internal and u('facebook', id) < 0.08
    union all
    -- Something on the way opens every link as soon as it is sent, and calls itself a browser.
    select
        id * 10 + 7, id, occurred_at + to_milliseconds(400 + r('scanned_at', id, 1400)), false,
        'yes', browsers.names[3], 100000 + r('robot', id, 50),
    from links, browsers
    where design is distinct from 'shared' and not is_internal and u('scanned', id) < 0.05
    union all
    -- A link that nobody registered: it stands in a profile elsewhere.
    select
        90000000000000 + i * 1000 + slot, null,
        d + to_milliseconds(r('elsewhere', i * 1000 + slot, 86400000)), true, 'yes',
        pick(browsers.names, 'browser', i * 1000 + slot), 200000 + i,
    from (
        select *, unnest(slots(i, least(20, greatest(0.15, contacts_total() / 1200.0)))) as slot
        from days
    ), browsers
)

select
    d.click_no,
    d.clicked_at,
    d.is_human,
    d.human,
    d.user_agent,
    '203.0.113.' || (1 + d.visitor % 250) as ip,
    coalesce(l.link_path, 'bio') as link_path,
    l.campaign_id,
    l.variant,
    if(l.design = 'shared', null, l.id) as id,
    if(l.design = 'shared', null, l.contact_no) as contact_no,
    if(l.design = 'shared', null, l.wamid) as wamid,
    case
        -- A few links are shared without their UTM.
        when l.id is null then 'instagram'
        when r('no_utm', l.id, 10) > 0 then 'whatsapp'
    end as utm_source,
    case when l.id is null then 'social' when r('no_utm', l.id, 10) > 0 then 'chat' end as utm_medium,
    case
        when l.id is null then 'bio'
        when r('no_utm', l.id, 10) > 0 then coalesce(l.utm_campaign, 'service')
    end as utm_campaign,
from drawn as d
left join links as l using (id)
where d.clicked_at < exported_until();
