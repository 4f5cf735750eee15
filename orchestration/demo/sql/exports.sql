-- What the systems without a log export every export_days() days: lines by stream and export.
-- An export holds what is new in its days and never changes, so one more day adds files at most.

create macro cell(text) as coalesce(text, '');
create macro plain_time(t) as coalesce(strftime(t, '%Y-%m-%dT%H:%M:%SZ'), '');
-- Phones as people type them into a shop.
create macro phone_cell(dialled, k) as
    coalesce(if(r('phone_cell', k, 10) < 7, '+', '') || dialled, '');

create table export_heads (stream varchar, head varchar);
insert into export_heads values
    ('campaigns/registry', 'campaign_id,campaign_name,campaign_type,goal,template_name,planned_at,software_fee_amount,incentive_amount,currency_code,utm_campaign,coupon_codes'),
    ('campaigns/audience', 'campaign_id,variant,phone,user_id,assigned_at,is_control,planned_share,skipped_reason'),
    ('consent/events', 'phone,user_id,email,channel_id,event,occurred_at,source'),
    ('contacts/events', 'phone,email,external_id,event,occurred_at,source,actor,value,amount,currency_code'),
    ('generic/contacts', 'phone,email,external_id,created_at,source,country_code,labels'),
    ('generic/leads', 'lead_id,phone,email,created_at,qualified_at,won_at,lost_at,source'),
    ('generic/costs', 'cost_id,cost_type,starts_on,ends_on,amount,currency_code,campaign_id,channel_id'),
    ('clicks/links', 'url,campaign_id,variant,phone,user_id,message_id,destination_url'),
    ('clicks/short_io', 'Short URL,Time,IP,User Agent,UTM Source,UTM Medium,UTM Campaign,Human'),
    ('mapped/connectly/message_reports', 'customer_external_id,business_id,campaign_name,sendout_id,sent_at,delivered_at,read_at,opt_out_at,error_code,error_msg,button_clicks,link_clicks'),
    ('ga4/sessions', 'date,session_source,session_medium,session_campaign,sessions,purchases,revenue');

create table export_lines as
select
    'campaigns/registry' as stream, cast(export_no as bigint) as export_no,
    iso(starts_at) || campaign_id as position,
    campaign_id || ',' || campaign_name || ',' || campaign_type || ',' || goal || ','
    || cell(template_name) || ',' || plain_time(planned_at) || ',' || cell(software_fee_amount) || ','
    || cell(incentive_amount) || ',' || currency_code || ',' || utm_campaign || ','
    || cell(coupon_codes) as line,
from campaigns
union all
select
    'campaigns/audience', day_no // export_days(), iso(a.assigned_at) || a.id,
    a.campaign_id || ',' || cell(a.variant) || ','
    || if(is_hidden(c.identity_kind, c.link_at, a.occurred_at), ',' || c.bsuid,
        phone_cell(phone_at(a.contact_no, c.dialled, c.wa_id_new, a.occurred_at), a.id) || ',')
    || ',' || plain_time(a.assigned_at) || ',' || a.is_control || ',' || cell(a.planned_share::varchar)
    || ',' || cell(a.skipped_reason)
from assigned as a
inner join contacts as c using (contact_no)
where a.kind = 'broadcast'
union all
select
    'consent/events', export_of(occurred_at), iso(occurred_at) || no,
    phone_cell(dialled, no) || ',' || cell(bsuid) || ',' || cell(email) || ',' || phone_number_id
    || ',' || event || ',' || plain_time(occurred_at) || ',' || source
from consent_events
inner join channels using (channel_no)
union all
select
    'contacts/events', export_of(occurred_at), iso(occurred_at) || no,
    phone_cell(dialled, no) || ',' || cell(email) || ',' || external_id || ',' || event || ','
    || plain_time(occurred_at) || ',' || source || ',' || cell(actor) || ',' || cell(value) || ','
    || cell(amount) || ',' || if(amount is null, '', 'EUR')
from contact_events
union all
select
    'generic/contacts', export_of(trace_at), iso(trace_at) || contact_no,
    phone_cell(dialled, contact_no) || ',' || if(r('list_email', contact_no, 3) > 0, email, '') || ','
    || if(r('list_crm', contact_no, 2) = 0, external_id, '') || ',' || plain_time(trace_at)
    || ',newsletter_import,' || country_code || ','
    || pick(['newsletter', 'newsletter|sale', ''], 'list_label', contact_no)
from steady_people
where identity_kind = 'phone' and r('list', contact_no, 100) < 25
    and (deleted_at is null or trace_at < deleted_at)
union all
-- A lead's row is exported again with each stage it reaches: the newer file counts.
select
    'generic/leads', n, iso(created_at) || contact_no,
    lead_no || ',' || phone_cell(dialled, contact_no) || ','
    || if(r('lead_email', contact_no, 2) = 0, email, '') || ',' || plain_time(created_at) || ','
    || plain_time(if(qualified_at < export_ends(n), qualified_at, null)) || ','
    || plain_time(if(won_at < export_ends(n), won_at, null)) || ','
    || plain_time(if(lost_at < export_ends(n), lost_at, null)) || ',' || source
from (
    select *, unnest(list_distinct(list_filter([
        export_of(created_at), export_of(qualified_at), export_of(won_at), export_of(lost_at)
    ], lambda x: x is not null))) as n
    from leads
    where source_system = 'generic'
)
union all
select
    'generic/costs', export_of(first_on), cost_type || iso(first_on) || scope,
    cost_type || '-' || strftime(first_on, '%Y-%m') || scope || ',' || cost_type || ','
    || strftime(first_on, '%Y-%m-%d') || ',' || strftime(last_day(first_on), '%Y-%m-%d') || ','
    || amount || ',' || currency_code || ',,' || channel_id
from (
    select first_on, t.*
    from (select distinct date_trunc('month', d)::timestamp as first_on from days where i < days_total())
    cross join (
        select 'software' as cost_type, '' as scope, '299.00' as amount, 'EUR' as currency_code, '' as channel_id
        union all
        select 'labour', '-' || phone_number_id[-1:], (800 + 150 * channel_no)::varchar || '.00',
            if(channel_no = 3, 'USD', 'EUR'), phone_number_id
        from channels where channel_no < 4
    ) as t
)
union all
-- Where the registry says nothing of incentives, the books do.
select
    'generic/costs', export_of(starts_at), 'incentive' || iso(starts_at),
    'incentive-' || campaign_id || ',incentive,' || strftime(starts_at, '%Y-%m-%d') || ','
    || strftime(starts_at + interval 13 day, '%Y-%m-%d') || ',35.00,EUR,' || campaign_id || ','
from campaigns
where design = 'plain'
union all
select
    'clicks/links', export_of(l.occurred_at), iso(l.occurred_at) || l.id,
    'https://example.com/' || link_path || ',' || l.campaign_id || ',' || cell(l.variant) || ','
    || if(l.design = 'test', phone_cell(l.dialled, l.id) || ',' || cell(l.bsuid) || ',',
        ',,' || l.wamid)
    || ',https://example.com/shop?utm_source=whatsapp&utm_medium=chat&utm_campaign=' || l.utm_campaign
from links as l
-- The links of the others are known from the send log alone.
where l.design in ('test', 'control')
union all
select
    'clicks/links', export_of(starts_at), iso(starts_at) || campaign_id,
    'https://example.com/s/' || campaign_id || ',' || campaign_id || ',,,,,'
    || 'https://example.com/loyalty?utm_source=whatsapp&utm_medium=chat&utm_campaign=' || utm_campaign
from campaigns
where design = 'shared'
union all
select
    'clicks/short_io', export_of(clicked_at), iso(clicked_at) || click_no,
    'https://example.com/' || link_path || ',' || iso(clicked_at) || ',' || ip || ',"' || user_agent
    || '",' || cell(utm_source) || ',' || cell(utm_medium) || ',' || cell(utm_campaign) || ',' || human
from clicks
union all
-- Analytics sees some clicks as no session, and the shop's other visitors.
select
    'ga4/sessions', export_of(day_at), iso(day_at) || source || medium || campaign,
    strftime(day_at, '%Y-%m-%d') || ',' || source || ',' || medium || ',' || campaign || ','
    || sessions || ',' || purchases || ',' || cents_text(purchases * (2900 + r('basket', epoch(day_at)::bigint + sessions, 4000)))
from (
    select
        date_trunc('day', clicked_at)::timestamp as day_at, utm_source as source, utm_medium as medium,
        utm_campaign as campaign, count(*) as sessions,
        count(*) filter (where r('bought', click_no, 12) = 0) as purchases,
    from clicks
    where is_human and utm_source is not null and r('blocked', click_no, 12) > 0
    group by all
    union all
    select d::timestamp, 'google', 'organic', '(organic)', 18 + r('organic', i, 20), r('organic_bought', i, 3)
    from days
    union all
    select d::timestamp, '(direct)', '(none)', '(direct)', 9 + r('direct', i, 12), r('direct_bought', i, 2)
    from days
);

-- A list of clicks as a cell of a CSV: JSON with its quotes doubled.
create macro clicks_cell(name, t, k) as
    if(t is null, '[]', '"[{""id"":""' || name || '-' || k || '"",""name"":""' || name
        || '"",""ts"":""' || plain_time(t) || '""}]"');

insert into export_lines
select
    'mapped/connectly/message_reports', export_of(starts_at), iso(sent_at) || no,
    '+' || dialled || ',' || channel_id || ',' || campaign_id || ',' || sendout_id || ','
    || plain_time(sent_at) || ',' || plain_time(delivered_time) || ',' || plain_time(read_time) || ','
    || plain_time(stop_at) || ',' || cell(error_code::varchar) || ',' || cell(title) || ','
    || clicks_cell('More', button_at, no) || ',' || clicks_cell('Shop', link_at, no)
from report_messages
left join errors on code = error_code;

-- Meta's own counts. An answer covers the days of its export and, again and better known, the
-- three before. A count is off by one now and then; on one day everything is.
create macro is_far_off(t) as t >= start_at() + interval 33 day and t < start_at() + interval 34 day;

create table analytics_lines as
with first_prices as (
    select * from read_csv(seed_file('rate_card'), columns = {
        'effective_from': 'date', 'market': 'varchar', 'category': 'varchar',
        'tier_lower': 'bigint', 'tier_upper': 'bigint', 'currency_code': 'varchar',
        'rate': 'decimal(18,6)'
    })
    where tier_lower = 0
),

categories as (
    select distinct category, rate_category from read_csv(seed_file('message_categories'))
),

told as (
    select
        m.*,
        channels.waba_id,
        c.country_code,
        categories.rate_category,
        t.template_id,
        date_trunc('day', coalesce(m.sent_time, m.occurred_at))::timestamp as day_at,
        unnest(list_distinct([export_of(m.occurred_at), export_of(m.occurred_at + interval 3 day)]))
            as n,
    from outbound as m
    inner join channels using (channel_no)
    inner join contacts as c using (contact_no)
    inner join categories on categories.category = m.category
    left join templates as t on t.name = m.template_name and t.language = m.template_language
    where m.request_error_code is null and not m.is_internal
        and m.occurred_at < exported_until()
),

priced as (
    select
        m.* exclude (n),
        m.n as export_no,
        m.sent_arrival is not null or m.delivered_time is not null as has_left,
        coalesce(m.delivered_time < export_ends(m.n), false) as is_there,
        coalesce(m.read_time < export_ends(m.n), false) as is_read,
        if(is_far_off(m.day_at), 3, 1) as weight,
        coalesce(if(m.pricing_type = 'regular' and m.rate_category <> 'service', p.rate, 0), 0)
            as price,
    from told as m
    asof left join first_prices as p
        on p.market = m.market and p.category = m.rate_category
        and p.effective_from <= m.day_at::date
),

opened as (
    select id, min(clicked_at) as clicked_at from clicks where is_human and id is not null group by id
),

pressed as (
    select origin_id as id, min(occurred_at) as pressed_at
    from replies where reply_type in ('button', 'stop_button') group by origin_id
),

template_days as (
    select
        p.export_no,
        p.waba_id,
        p.template_id,
        p.day_at,
        cast(sum(weight) filter (where has_left) as bigint) as sent,
        cast(sum(weight) filter (where is_there) as bigint) as delivered,
        count(*) filter (where is_read) as times_read,
        count(*) filter (where o.clicked_at < export_ends(p.export_no)) as opened,
        count(*) filter (where b.pressed_at < export_ends(p.export_no)) as pressed,
        coalesce(sum(price) filter (where is_there), 0) as spent,
    from priced as p
    left join opened as o using (id)
    left join pressed as b using (id)
    where p.template_id is not null
    group by all
),

template_points as (
    select
        export_no,
        waba_id,
        '{"template_id":"' || template_id || '","start":' || epoch(day_at)::bigint || ',"end":'
        || (epoch(day_at)::bigint + 86400) || ',"sent":' || coalesce(sent, 0) || ',"delivered":' || coalesce(delivered, 0)
        || ',"read":' || greatest(0, times_read
            - cast(r('off_by_one', template_id + epoch(day_at)::bigint, 25) = 0 as integer))
        || if(opened + pressed = 0, '', ',"clicked":[' || concat_ws(',',
            if(pressed > 0, '{"type":"quick_reply_button","button_content":"More","count":' || pressed || '}', null),
            if(opened > 0, '{"type":"unique_url_button","button_content":"Open","count":' || opened || '}', null)
        ) || ']')
        || ',"cost":[{"type":"amount_spent","value":' || cast(spent as decimal(18, 4)) || '}'
        || if(coalesce(delivered, 0) = 0, '', ',{"type":"cost_per_delivered","value":'
            || cast(spent / delivered as decimal(18, 4)) || '}')
        || ']}' as point,
        day_at,
        template_id,
    from template_days
),

pricing_days as (
    select
        export_no, waba_id, day_at, country_code, upper(pricing_type) as pricing_type,
        -- A conversation from an ad is billed as service.
        upper(if(category = 'referral_conversion', 'service', category)) as pricing_category,
        cast(sum(weight) as bigint) as volume,
        sum(price) as cost,
    from priced
    where is_there and pricing_type is not null
    group by all
),

pricing_points as (
    select
        *,
        '{"start":' || epoch(day_at)::bigint || ',"end":' || (epoch(day_at)::bigint + 86400)
        || ',"country":"' || country_code || '"' || if(pricing_type = 'REGULAR', ',"tier":"0:MAX"', '')
        || ',"pricing_type":"' || pricing_type || '","pricing_category":"' || pricing_category
        || '","volume":' || (volume + cast(r('pricing_off', hash(export_no, day_at, country_code, pricing_category) >> 2, 40) = 0 as integer))
        || ',"cost":' || cast(cost as decimal(18, 4)) || '}' as point,
    from pricing_days
)

select
    export_no, '1' || waba_id as position,
    -- The edge's own answer, and the field of the account.
    if(waba_id like '%1', '', '{"template_analytics":')
    || '{"data":[{"granularity":"DAILY","product_type":"cloud_api","data_points":['
    || string_agg(point, ',' order by day_at, template_id) || ']}]'
    || if(waba_id like '%1', ',"paging":{"cursors":{"before":"MAZDZD","after":"MAZDZD"}}}',
        '},"id":"' || waba_id || '"}') as line,
from template_points
group by export_no, waba_id
union all
select
    export_no, '2' || waba_id,
    '{"pricing_analytics":{"data":[{"data_points":['
    || string_agg(point, ',' order by day_at, country_code, pricing_type, pricing_category)
    || ']}]},"id":"' || waba_id || '"}',
from pricing_points
group by export_no, waba_id;
