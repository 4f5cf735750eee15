-- The truth, from what was drawn (never from the rendered exports): the meaning of SEMANTICS
-- section 1, as far as our webhooks had heard of it when the exports end.

create schema truth;

create table truth.contacts as
select
    contact_no, country_code, market, identity_kind, '+' || dialled as dialled, wa_id, wa_id_new,
    phone_canonical, bsuid, link_at, email, has_receipts_off, is_internal,
from contacts
order by contact_no;

create table truth.messages as
with heard_by_end as (
    select
        m.*,
        if(sent_arrival < end_at(), sent_time, null) as told_sent,
        least(
            if(delivered_arrival < end_at(), delivered_time, null),
            if(delivered_again_arrival < end_at(),
                delivered_time + to_seconds(40 + r('second', id, 600)), null)
        ) as told_delivered,
        least(
            if(read_arrival < end_at(), read_time, null),
            if(played_arrival < end_at(), played_time, null)
        ) as told_read,
        if(failed_arrival < end_at(), failed_time, null) as told_failed,
        -- Chatwoot says of its messages when they were sent, and whether they failed.
        if(not i.is_failed, m.occurred_at, null) as inbox_sent,
        if(i.is_failed, m.occurred_at, null) as inbox_failed,
        if(i.sender_type = 'User', 'chatwoot:' || i.sender_no, null) as inbox_agent_id,
        if(i.sender_type = 'AgentBot', 'chatwoot:bot-' || i.sender_no, null) as inbox_bot_id,
    from outbound as m
    left join inbox_items as i on i.ref = m.id and i.kind in ('agent', 'bot', 'survey')
),

folded as (
    select
        *,
        if(kind = 'echo', null, occurred_at) as attempted_at,
        least(told_sent, told_delivered, told_read, inbox_sent) as sent_at,
        least(told_sent, told_delivered, told_read) is not null as is_priced,
        least(told_delivered, told_read) as delivered_at,
        told_read as read_at,
        case
            when request_error_code is not null then occurred_at
            when least(told_delivered, told_read) is null then least(told_failed, inbox_failed)
        end as failed_at,
    from heard_by_end
),

outbound_truth as (
    select
        wamid,
        'outbound' as direction,
        phone_number_id,
        contact_no,
        if(is_hidden, null, phone) as contact_phone,
        if(is_hidden or is_linked, bsuid, null) as contact_bsuid,
        sender_type,
        coalesce('whatsapp:' || agent_id, inbox_agent_id) as agent_id,
        coalesce(bot_id, inbox_bot_id) as bot_id,
        campaign_id,
        variant,
        template_name,
        template_language,
        message_type,
        coalesce(least(attempted_at, sent_at, failed_at), occurred_at) as message_at,
        attempted_at,
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        if(failed_at is null, null, coalesce(request_error_code, failed_code)) as error_code,
        category,
        if(is_priced, pricing_type, null) as pricing_type,
        if(is_priced, pricing_type = 'regular', null) as is_billable,
        market,
        cast(null as varchar) as context_wamid,
        false as is_stop_word,
        is_in_service_window,
        delivered_at is not null and told_delivered is null as is_delivered_implied,
        delivered_at is not null and coalesce(told_failed, inbox_failed) is not null
            as is_failed_overridden,
        kind = 'echo' as is_echo,
        is_internal,
    from folded
    inner join channels using (channel_no)
),

inbound_truth as (
    select
        i.wamid,
        'inbound' as direction,
        phone_number_id,
        contact_no,
        if(i.is_hidden, null, i.phone) as contact_phone,
        if(i.occurred_at >= timestamp '2026-04-01', i.bsuid, null) as contact_bsuid,
        'contact' as sender_type,
        case
            when shape in ('button_reply', 'list_reply') then 'interactive'
            else shape
        end as message_type,
        i.occurred_at as message_at,
        contacts.market,
        context_wamid,
        coalesce(stop_event = 'opt_out', false) as is_stop_word,
        i.is_internal,
    from inbound as i
    inner join channels using (channel_no)
    inner join contacts using (contact_no)
    where i.arrival < end_at()
        or i.in_id in (select ref from inbox_items where kind = 'inbound')
)

select * from outbound_truth
union all by name
select * from inbound_truth;

-- Prices: the card in force on the send date, the tier by the order of the month's messages.
create table truth.message_costs as
with delivered as (
    select
        m.wamid,
        m.phone_number_id,
        m.market,
        m.pricing_type,
        m.message_at,
        m.is_internal,
        c.category,
        c.rate_category,
        cast(m.message_at as date) as message_on,
        date_trunc('month', m.message_at)::date as month_on,
    from truth.messages as m
    inner join (
        select distinct category, rate_category from read_csv(seed_file('message_categories'))
    ) as c using (category)
    where m.direction = 'outbound' and m.delivered_at is not null and not m.is_internal
),

placed as (
    select
        *,
        row_number() over (
            partition by month_on, phone_number_id, category order by message_at, wamid
        ) as number_position,
    from delivered
),

-- Only messages of type regular have a price, and the tiers count those alone.
regular as (
    select
        *,
        row_number() over (
            partition by month_on, market, rate_category order by message_at, wamid
        ) as market_position,
    from placed
    where pricing_type = 'regular'
),

card as (
    select * from read_csv(seed_file('rate_card'), columns = {
        'effective_from': 'date', 'market': 'varchar', 'category': 'varchar',
        'tier_lower': 'bigint', 'tier_upper': 'bigint', 'currency_code': 'varchar',
        'rate': 'decimal(18,6)'
    })
),

card_versions as (
    select distinct effective_from, market, category from card
),

in_force as (
    select r.*, v.effective_from
    from regular as r
    asof left join card_versions as v
        on v.market = r.market and v.category = r.rate_category
        and v.effective_from <= r.message_on
),

rates as (
    select rated_on, from_currency, rate
    from read_csv(seed_file('fx_rates'), columns = {
        'rated_on': 'date', 'from_currency': 'varchar', 'to_currency': 'varchar',
        'rate': 'decimal(18,8)'
    })
    where to_currency = 'EUR'
),

rated as (
    select
        i.*,
        k.currency_code,
        if(
            i.category = 'service' and i.message_on >= date '2026-10-01'
            and i.number_position <= 1000,
            0, k.rate
        ) as price,
    from in_force as i
    left join card as k
        on k.market = i.market and k.category = i.rate_category
        and k.effective_from = i.effective_from
        and i.market_position - 1 >= k.tier_lower
        and (k.tier_upper is null or i.market_position - 1 < k.tier_upper)
)

select
    r.wamid,
    r.month_on,
    r.phone_number_id,
    r.market,
    r.category,
    r.rate_category,
    r.market_position,
    r.number_position,
    r.price as price_usd,
    cast(r.price * f.rate as decimal(18,6)) as cost_amount,
from rated as r
asof left join rates as f
    on f.from_currency = r.currency_code and f.rated_on <= r.message_on;

create table truth.kpi_messaging_months as
with outbound_months as (
    select
        date_trunc('month', message_at)::date as month_on,
        phone_number_id,
        count(*) as messages_attempted,
        count(sent_at) as messages_sent,
        count(delivered_at) as messages_delivered,
        count(read_at) as messages_read,
        count(failed_at) as messages_failed,
        count(*) filter (where delivered_at is null and failed_at is null) as messages_pending,
        count(failed_at) filter (where error_code in (131049, 130472)) as messages_capped,
    from truth.messages
    where direction = 'outbound' and not is_internal
    group by all
),

-- A number change is a note of the platform, nobody's message.
inbound_months as (
    select
        date_trunc('month', message_at)::date as month_on,
        phone_number_id,
        count(*) as messages_received,
    from truth.messages
    where direction = 'inbound' and not is_internal and message_type <> 'system'
    group by all
)

select
    month_on, phone_number_id,
    coalesce(messages_attempted, 0) as messages_attempted,
    coalesce(messages_sent, 0) as messages_sent,
    coalesce(messages_delivered, 0) as messages_delivered,
    coalesce(messages_read, 0) as messages_read,
    coalesce(messages_failed, 0) as messages_failed,
    coalesce(messages_pending, 0) as messages_pending,
    coalesce(messages_received, 0) as messages_received,
    coalesce(messages_capped, 0) as messages_capped,
from outbound_months
full join inbound_months using (month_on, phone_number_id)
order by month_on, phone_number_id;

create table truth.kpi_costs_months as
select
    date_trunc('month', m.message_at)::date as month_on,
    m.phone_number_id,
    count(*) filter (where m.is_billable) as messages_billable,
    count(*) filter (where not m.is_billable) as messages_free,
    coalesce(sum(c.cost_amount), 0)::decimal(18,6) as cost_amount,
from truth.messages as m
left join truth.message_costs as c using (wamid)
where m.direction = 'outbound' and m.delivered_at is not null and not m.is_internal
group by all
order by month_on, phone_number_id;

create table truth.active_contacts as
with active_days as (
    select distinct contact_no, cast(message_at as date) as day_on
    from truth.messages
    where direction = 'inbound' and not is_internal and message_type <> 'system'
),

reach as (
    select contact_no, day_on, cast(day_on + to_days(o::integer) as date) as active_on, o as days_ago
    from active_days, range(28) as t (o)
)

select
    d.d::date as active_on,
    count(distinct contact_no) filter (where days_ago = 0) as contacts_active_1d,
    count(distinct contact_no) filter (where days_ago < 7) as contacts_active_7d,
    count(distinct contact_no) as contacts_active_28d,
from days as d
left join reach on reach.active_on = d.d::date
where d.i < days_total()
group by all
order by active_on;

create table truth.preferences as
select phone_number_id, contact_no, occurred_at, preference
from preferences inner join channels using (channel_no)
order by occurred_at, contact_no;
