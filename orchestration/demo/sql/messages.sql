-- The messages to people with everything the exports and the truth need.

create table outbound as
with both_kinds as (
    select * from campaign_messages
    union all by name
    select * from answered
    union all by name
    select * from surveyed
),

-- 24 hours from the last message of the person on this number, as the network sees it: what
-- a status says can't depend on when our webhook hears of the message.
windowed as (
    select m.*, coalesce(m.occurred_at <= i.occurred_at + interval 24 hour, false) as is_in_service_window
    from both_kinds as m
    asof left join (select distinct contact_no, channel_no, occurred_at from inbound) as i
        on i.contact_no = m.contact_no and i.channel_no = m.channel_no and i.occurred_at < m.occurred_at
),

priced as (
    select
        *,
        case
            when occurred_at < timestamp '2025-07-01' then null
            when is_free_entry_point then 'free_entry_point'
            -- What is typed in the app is free, whatever the date.
            when kind = 'echo' then 'free_customer_service'
            when category in ('service', 'referral_conversion')
                or (category = 'utility' and is_in_service_window)
                then if(occurred_at >= timestamp '2026-10-01', 'regular', 'free_customer_service')
            else 'regular'
        end as pricing_type,
    from windowed
)

select
    m.* exclude (forced_code, is_free_entry_point),
    -- First day on which anything of it arrives and last: lets a day find its rows quickly.
    greatest(sent_arrival, delivered_arrival, read_arrival, played_arrival, failed_arrival,
        delivered_again_arrival) as last_arrival,
    c.language,
    c.market,
    c.bsuid,
    c.is_internal,
    c.profile_name,
    is_hidden(c.identity_kind, c.link_at, m.occurred_at) as is_hidden,
    c.identity_kind = 'linked' and m.occurred_at >= c.link_at as is_linked,
    phone_at(m.contact_no, c.wa_id, c.wa_id_new, m.occurred_at) as phone,
    phone_at(m.contact_no, c.dialled, c.wa_id_new, m.occurred_at) as dialled,
    if(m.request_error_code is not null, null, wamid(
        if(is_hidden(c.identity_kind, c.link_at, m.occurred_at), c.bsuid[4:18],
            phone_at(m.contact_no, c.wa_id, c.wa_id_new, m.occurred_at)),
        '150200111812', hex_text('out', m.id, 18)
    )) as wamid,
from priced as m
inner join contacts as c using (contact_no)
order by m.occurred_at, m.id;

create table preferences as
select origin_id * 10 as preference_id, contact_no, channel_no, occurred_at, 'stop' as preference
from replies where reply_type = 'stop_preference'
union all
select origin_id * 10 + 1, contact_no, channel_no, until_at, 'resume'
from stops
where reply_type = 'stop_preference' and until_at < end_at() and not_silent(channel_no, until_at);
