-- What the business means to send, what becomes of it, and what people answer.
-- Every row depends on (seed, its own key, the day counted from the start) alone, so one more day
-- adds rows and changes none.

create macro not_silent(channel, t) as channel <> 4 or t < silent_at();

-- One day more than wanted: a local morning in the east is still the day before in UTC.
create table days as
select cast(i as integer) as i, start_at() + to_days(cast(i as integer)) as d
from range(days_total() + 1) as t (i);

-- Step 1: campaigns, flows and API messages -------------------------------------------------
create table assigned as
with drawn as (
    -- A broadcast runs two weeks, every day but Sunday, each day to the next part of the audience.
    select
        10000000000000 + i * 10000000 + slot as id,
        'broadcast' as kind,
        i,
        d,
        rotate(cast(floor(i * per_day() * 0.50) as bigint) + slot, contacts_total(), 11)
            as contact_no,
        0 as step,
        36000000 + cast(u('at', 10000000000000 + i * 10000000 + slot) * 5400000 as bigint)
            as local_ms,
    from (select *, unnest(slots(i, per_day() * 0.50)) as slot from days where isodow(d) < 7)
    union all
    select
        20000000000000 + i * 10000000 + slot * 10 + step, 'drip', i, d,
        -- Now and then it isn't the next person but one who went through the flow before.
        rotate(
            cast(floor(i * per_day() * 0.045) as bigint) + slot
            - if(i >= 50 and r('enters_again', i * 10000000 + slot, 3) = 0,
                cast(ceil(per_day() * 0.045 * 45) as bigint), 0),
            contacts_total(), 5
        ), step,
        [0, 2, 5][step + 1] * 86400000 + 61200000
        + cast(u('at', 20000000000000 + i * 10000000 + slot * 10 + step) * 1800000 as bigint),
    from (
        select *, unnest(range(3)) as step
        from (select *, unnest(slots(i, per_day() * 0.045)) as slot from days)
    )
    union all
    select
        30000000000000 + i * 10000000 + slot, 'utility', i, d,
        r('utility_contact', 30000000000000 + i * 10000000 + slot, contacts_total()),
        r('utility_step', 30000000000000 + i * 10000000 + slot, 3),
        hour_curve()[r('hour', 30000000000000 + i * 10000000 + slot, 100) + 1] * 3600000
        + r('at', 30000000000000 + i * 10000000 + slot, 3600000),
    from (select *, unnest(slots(i, per_day() * 0.13)) as slot from days)
    union all
    select
        40000000000000 + i * 10000000 + slot, 'authentication', i, d,
        r('auth_contact', 40000000000000 + i * 10000000 + slot, contacts_total()), 0,
        hour_curve()[r('hour', 40000000000000 + i * 10000000 + slot, 100) + 1] * 3600000
        + r('at', 40000000000000 + i * 10000000 + slot, 3600000),
    from (select *, unnest(slots(i, per_day() * 0.05)) as slot from days)
),

timed as (
    select
        p.*,
        p.i // 14 as campaign_no,
        c.template_language,
        c.country_code,
        if(c.country_code = 'GB' and p.contact_no % 2 = 0 and p.d < silent_at(), 4, c.channel_no)
            as channel_no,
        p.d + to_milliseconds(p.local_ms) - to_minutes(c.utc_offset_minutes) as occurred_at,
        c.deleted_at,
        -- The draws of one person in one campaign.
        p.contact_no * 1000 + p.i // 14 as draw,
    from drawn as p
    inner join contacts as c using (contact_no)
    -- Nobody is without a phone number before usernames came.
    where (c.identity_kind = 'phone' or p.d >= timestamp '2026-06-02')
        and not (p.kind = 'authentication' and c.identity_kind <> 'phone')
),

named as (
    select
        *,
        kind = 'broadcast' and campaign_no % 4 = 2 and r('control', draw, 10) < 2 as is_control,
        if(kind = 'broadcast' and campaign_no % 2 = 0,
            if(r('variant', draw, 2) = 0, 'A', 'B'), null) as variant,
        -- The business sends nobody more than so much.
        kind = 'broadcast' and u('frequency_cap', draw) < 0.05 as is_capped,
        case kind
            when 'drip' then 'welcome_' || (step + 1)
            when 'utility' then ['order_confirmation', 'shipping_update', 'payment_reminder']
                [step + 1]
            when 'authentication' then 'verification_code'
        end as base_template,
    from timed
)

select
    n.id,
    n.kind,
    n.contact_no,
    n.channel_no,
    n.occurred_at,
    c.campaign_id,
    if(n.is_control, 'control', n.variant) as variant,
    coalesce(n.base_template, c.template_name) || if(n.variant = 'B', '_b', '') as template_name,
    template_language,
    case
        when kind in ('broadcast', 'drip') then 'marketing'
        when kind = 'utility' then 'utility'
        when country_code in ('IN', 'AR') then 'authentication_international'
        else 'authentication'
    end as category,
    'template' as message_type,
    if(kind in ('broadcast', 'drip'), 'campaign', 'api') as sender_type,
    cast(null as varchar) as agent_id,
    cast(null as varchar) as bot_id,
    if(kind = 'drip', 'welcome-flow', null) as flow_id,
    if(kind = 'drip', step + 1, null) as flow_step,
    cast(null as bigint) as chat_id,
    false as is_free_entry_point,
    cast(null as integer) as forced_code,
    n.i as day_no,
    n.d + to_seconds(3600 + r('assigned', n.id, 7200)) as assigned_at,
    n.is_control,
    case c.design
        when 'test' then 0.5
        when 'control' then if(n.is_control, 0.2, 0.4)
    end as planned_share,
    if(n.is_capped and not n.is_control, 'frequency_cap', null) as skipped_reason,
from named as n
left join campaigns as c
    on c.campaign_no = case n.kind when 'broadcast' then n.campaign_no when 'drip' then -1 end
where n.occurred_at >= start_at() and n.occurred_at < end_at()
    and not_silent(n.channel_no, n.occurred_at)
    and (n.deleted_at is null or n.occurred_at < n.deleted_at);

create table planned as
select * exclude (day_no, assigned_at, is_control, planned_share, skipped_reason)
from assigned
where not is_control and skipped_reason is null;

-- Step 2: what becomes of a message ---------------------------------------------------------
-- *_at are the times the network knows; *_arrival when our webhook hears of it (NULL: never).
create macro heard(t, purpose, id) as
    case
        when u(purpose || '_late', id) < 0.90 then t + to_milliseconds(300 + r(purpose, id, 2500))
        when u(purpose || '_late', id) < 0.992
            then t + to_milliseconds(cast(pow2(u(purpose, id)) * 1800000 as bigint) + 900)
        -- Meta retries for up to seven days.
        else t + to_milliseconds(3600000 + cast(u(purpose, id) * 600000000 as bigint))
    end;
create macro pow2(x) as x * x;

create macro outcome(src) as table
with coded as (
    select
        s.*,
        c.has_receipts_off,
        u('fail', s.id) as f,
        case
            when s.kind = 'echo' or u('request', s.id) >= 0.008 then null
            else pick(if(s.message_type = 'template', [131009, 132001, 130429], [131009, 130429]),
                'request_code', s.id)
        end as request_error_code,
    from query_table(src) as s
    inner join contacts as c using (contact_no)
),

failed as (
    select
        *,
        case
            when request_error_code is not null or kind = 'echo' then null
            when forced_code is not null then forced_code
            when f < 0.014 then 131026
            when category = 'marketing' and f < 0.030 then 131026
            when category = 'marketing' and f < 0.062 then 131049
            when category = 'marketing' and f < 0.068 then 130472
            when category = 'marketing' and f < 0.071 then 131053
            when message_type = 'template' and f > 0.998 then 132001
            when message_type = 'template' and f > 0.997 then 131042
            when message_type in ('image', 'audio') and f > 0.93 then 131053
        end as failed_code,
    from coded
),

sent as (
    select
        *,
        request_error_code is null
            and (failed_code is null or (failed_code <> 131047 and u('sent_first', id) < 0.6))
            as is_sent,
        -- An echo is the message itself: its time is the time it was sent.
        sec(occurred_at) + to_seconds(if(kind = 'echo', 0, 1 + r('sent', id, 3))) as sent_time,
        failed_code is not null and u('both', id) < 0.03 and forced_code is null as is_both,
    from failed
),

delivered as (
    select
        *,
        if(failed_code is not null, sent_time + to_seconds(1 + r('failed', id, 20)), null)
            as failed_time,
        case
            when request_error_code is not null then null
            when failed_code is not null and not is_both then null
            when failed_code is null and u('pending', id) < 0.03 then null
            when is_both then sent_time + to_seconds(60 + r('both_at', id, 3600))
            when u('delay', id) < 0.80 then sent_time + to_seconds(r('delay2', id, 20))
            when u('delay', id) < 0.978
                then sent_time + to_seconds(30 + cast(pow2(u('delay2', id)) * 21600 as bigint))
            -- The telephone was off, for up to 30 days.
            else sent_time
                + to_seconds(21600 + cast(pow2(pow2(u('delay2', id))) * 2548800 as bigint))
        end as delivered_time,
    from sent
),

seen as (
    select
        *,
        if(
            not has_receipts_off and u('read', id) < case category
                when 'marketing' then 0.70 when 'utility' then 0.82 when 'service' then 0.90
                else 0.55 end,
            delivered_time + to_seconds(case
                when category = 'service' then 4 + cast(pow2(u('read_at', id)) * 1500 as bigint)
                when u('read_slow', id) < 0.98
                    then 5 + cast(pow2(u('read_at', id)) * u('read_at', id) * 72000 as bigint)
                else 86400 + cast(u('read_at', id) * 1036800 as bigint) end),
            null
        ) as read_time,
    from delivered
),

told as (
    select
        *,
        if(message_type = 'audio' and read_time is not null,
            read_time + to_seconds(3 + r('played', id, 90)), null) as played_time,
        -- A status that is never told: sent now and then, delivered where a read proves it anyway.
        is_sent and (kind = 'echo' or u('sent_lost', id) >= 0.02) as tells_sent,
        delivered_time is not null and (read_time is null or u('delivered_lost', id) >= 0.03)
            as tells_delivered,
    from seen
)

select
    * exclude (f, has_receipts_off, is_sent, is_both, tells_sent, tells_delivered),
    if(tells_sent, heard(sent_time, 'hs', id), null) as sent_arrival,
    if(tells_delivered, heard(delivered_time, 'hd', id), null) as delivered_arrival,
    -- Where played is told, read is sometimes left out.
    if(read_time is not null and (played_time is null or u('read_lost', id) >= 0.2),
        heard(read_time, 'hr', id), null) as read_arrival,
    if(played_time is not null, heard(played_time, 'hp', id), null) as played_arrival,
    if(failed_time is not null, heard(failed_time, 'hf', id), null) as failed_arrival,
    -- A second device repeats delivered with a later time.
    if(tells_delivered and u('second_device', id) < 0.006,
        heard(delivered_time + to_seconds(40 + r('second', id, 600)), 'h2', id), null)
        as delivered_again_arrival,
from told;

create table campaign_messages as from outcome('planned');

-- Step 3: answers to campaigns, and the opt-outs among them ---------------------------------
create table replies as
select * exclude (deleted_at)
from (
    select
        id as origin_id,
        contact_no,
        channel_no,
        case
            when u('reply', id) < 0.070 then 'button'
            when u('reply', id) < 0.090 then 'text_context'
            when u('reply', id) < 0.100 then 'text'
            when u('reply', id) < 0.115 then 'reaction'
            when u('reply', id) < 0.125 then 'stop_text'
            when u('reply', id) < 0.130 then 'stop_button'
            when u('reply', id) < 0.138 then 'stop_preference'
        end as reply_type,
        coalesce(read_time, delivered_time)
        + to_seconds(8 + cast(pow2(u('reply_at', id)) * 28800 as bigint)) as occurred_at,
    from campaign_messages
    where category = 'marketing' and delivered_time is not null
)
inner join (select contact_no, deleted_at from contacts) using (contact_no)
where reply_type is not null and occurred_at < end_at() and not_silent(channel_no, occurred_at)
    and (deleted_at is null or occurred_at < deleted_at);

create table stops as
select
    contact_no,
    min(occurred_at) as occurred_at,
    min_by(origin_id, (occurred_at, origin_id)) as origin_id,
    min_by(channel_no, (occurred_at, origin_id)) as channel_no,
    min_by(reply_type, (occurred_at, origin_id)) as reply_type,
from replies
where reply_type like 'stop%'
group by contact_no;

alter table stops add column until_at timestamp;
update stops set until_at = occurred_at + to_seconds(432000 + r('until', origin_id, 1296000))
where (reply_type = 'stop_preference' and r('resume', origin_id, 10) < 5)
    or (reply_type = 'stop_text' and r('resume', origin_id, 10) < 3);
update stops set until_at = null
from contacts
where contacts.contact_no = stops.contact_no and contacts.deleted_at <= stops.until_at;

-- The business mostly respects a stop; where it doesn't, Meta mostly does (131050). A stop is said
-- to one number and counts for that number.
create table after_stop as
select p.id, u('suppress', p.id) < 0.6 as is_dropped
from planned as p
inner join stops as s using (contact_no, channel_no)
where p.category = 'marketing' and p.occurred_at > s.occurred_at and (s.until_at is null or p.occurred_at < s.until_at)
    and u('suppress', p.id) < 0.92;

create table refused as
select p.* replace (131050 as forced_code)
from planned as p inner join after_stop as a using (id)
where not a.is_dropped;

delete from campaign_messages where id in (select id from after_stop);
insert into campaign_messages select * from outcome('refused');
delete from replies where origin_id in (select id from after_stop);
update assigned set skipped_reason = 'opted_out'
where id in (select id from after_stop where is_dropped);

-- Step 4: chats: people who write, and the bot, agent or nobody who answers -----------------
create table chats as
select
    60000000000000 + i * 10000000 + slot as chat_id,
    c.contact_no,
    if(c.country_code = 'GB' and c.contact_no % 2 = 0 and h.d < silent_at(), 4, c.channel_no)
        as channel_no,
    sec(h.d + to_milliseconds(
        hour_curve()[r('hour', 60000000000000 + i * 10000000 + slot, 100) + 1] * 3600000
        + r('at', 60000000000000 + i * 10000000 + slot, 3600000)
    ) - to_minutes(c.utc_offset_minutes)) as occurred_at,
    [1, 2, 2, 3][r('turns', 60000000000000 + i * 10000000 + slot, 4) + 1] as turns,
    r('bot', 60000000000000 + i * 10000000 + slot, 100) < 55 as has_bot,
    r('ctwa', 60000000000000 + i * 10000000 + slot, 100) < 16 as is_ctwa,
    'organic' as origin_type,
    cast(null as bigint) as origin_id,
from (select *, unnest(slots(i, per_day() * 0.125)) as slot from days) as h
inner join contacts as c
    on c.contact_no = case
        -- One chat in a while is a colleague trying the number out.
        when h.slot = 0 and h.i % 29 = 4 then 1
        else r('chat_contact', 60000000000000 + h.i * 10000000 + h.slot, contacts_total())
    end
where (c.identity_kind = 'phone' or h.d >= timestamp '2026-06-02')
    and (c.deleted_at is null or h.d + interval 2 day < c.deleted_at)
    and not (isodow(h.d) = 7 and r('sunday', 60000000000000 + h.i * 10000000 + h.slot, 10) < 4)
union all
select
    70000000000000 + origin_id, contact_no, channel_no, occurred_at,
    1 + r('turns', 70000000000000 + origin_id, 2),
    r('bot', 70000000000000 + origin_id, 100) < 30,
    false,
    reply_type,
    origin_id,
from replies
where reply_type in ('button', 'text_context', 'text');

-- Turns as they are meant, also those after the period: when a chat is over mustn't depend on it.
create table turn_plan as
with numbered as (
    select *, unnest(range(turns)) as turn from chats
),

paced as (
    select
        *,
        chat_id * 10 + turn as turn_id,
        has_bot and (turn = 0 or r('handoff', chat_id, 100) >= 60) as is_bot_turn,
        r('answer', chat_id * 10 + turn, 100) >= if(turn = turns - 1, 12, 0)
            and not (origin_type <> 'organic' and r('answer_reply', chat_id, 100) < 35)
            as is_answered,
        if(r('extra', chat_id * 10 + turn, 100) < 25 and origin_type = 'organic',
            5 + r('extra_at', chat_id * 10 + turn, 35), 0) as extra_seconds,
    from numbered
),

delayed as (
    select
        *,
        case
            when is_bot_turn then 2 + r('bot_delay', turn_id, 4)
            when turn = turns - 1 and r('forgotten', turn_id, 100) < 4
                then 88000 + r('agent_delay', turn_id, 30000)
            else 45 + cast(pow2(u('agent_delay', turn_id)) * u('agent_delay', turn_id) * 9000
                as bigint)
        end as reply_delay,
        40 + cast(pow2(u('gap', turn_id)) * 1200 as bigint) as customer_gap,
    from paced
),

clocked as (
    select
        *,
        occurred_at + to_seconds(coalesce(sum(extra_seconds + reply_delay + customer_gap) over (
            partition by chat_id order by turn rows between unbounded preceding and 1 preceding
        ), 0)::bigint) as inbound_at,
    from delayed
)

select
    *,
    inbound_at + to_seconds(extra_seconds + reply_delay)
    + to_milliseconds(r('ms', turn_id, 1000)) as reply_at,
from clocked;

create table turns as
from turn_plan
where inbound_at >= start_at() and inbound_at < end_at() and not_silent(channel_no, inbound_at);

create table answers as
select
    -- Agents on the European number type some messages in the app: no send log row.
    turn_id as id,
    if(not is_bot_turn and channel_no = 1 and r('echo', turn_id, 100) < 14, 'echo', 'answer')
        as kind,
    contact_no,
    channel_no,
    if(not is_bot_turn and channel_no = 1 and r('echo', turn_id, 100) < 14, sec(reply_at), reply_at)
        as occurred_at,
    cast(null as varchar) as campaign_id,
    cast(null as varchar) as variant,
    cast(null as varchar) as template_name,
    cast(null as varchar) as template_language,
    if(is_ctwa, 'referral_conversion', 'service') as category,
    case
        when is_bot_turn and turn = 0 then 'interactive'
        when is_bot_turn or r('answer_type', turn_id, 100) < 90 then 'text'
        when r('answer_type', turn_id, 100) < 95 then 'image'
        else 'audio'
    end as message_type,
    if(is_bot_turn, 'bot', 'agent') as sender_type,
    -- Where people answer in Chatwoot, the log sees requests of one program and not who typed.
    if(is_bot_turn or is_in_inbox(channel_no)
        or (channel_no = 1 and r('echo', turn_id, 100) < 14), null,
        'agent-' || lpad(agent_no(channel_no, chat_id)::varchar, 2, '0')) as agent_id,
    if(is_bot_turn and not is_in_inbox(channel_no), 'bot-menu', null) as bot_id,
    cast(null as varchar) as flow_id,
    cast(null as bigint) as flow_step,
    chat_id,
    is_ctwa as is_free_entry_point,
    if(reply_delay + 1 >= 86400, 131047, null) as forced_code,
from turns
where is_answered and reply_at < end_at() and not_silent(channel_no, reply_at)
union all
-- Now and then a chat ends with an order, and its confirmation goes out in the open window.
select * from (
    select
        t.chat_id * 10 + 8, 'utility', t.contact_no, t.channel_no,
        t.reply_at + to_milliseconds(60000 + r('confirm_at', t.turn_id, 540000)) as confirmed_at,
        null, null, 'order_confirmation', c.template_language, 'utility', 'template', 'api',
        null, null, null, null, null, false, null,
    from turns as t
    inner join contacts as c using (contact_no)
    where t.turn = t.turns - 1 and t.turns >= 2 and t.is_answered
        and r('confirm', t.turn_id, 100) < 15
)
where confirmed_at < end_at() and not_silent(channel_no, confirmed_at);

create table answered as from outcome('answers');
