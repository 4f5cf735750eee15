-- A vendor's report of messages on a number of which we get no webhooks: every twenty days a
-- sendout to some of the same people. Its columns are Connectly's.

create table report_messages as
with sendouts as (
    select campaign_id, starts_at, campaign_no
    from campaigns
    where design = 'report'
),

drawn as (
    select
        s.campaign_id,
        s.starts_at,
        c.contact_no,
        c.dialled,
        c.deleted_at,
        c.contact_no * 1000 - s.campaign_no as no,
        s.starts_at + to_seconds(54000 + r('report_at', c.contact_no * 1000 - s.campaign_no, 900))
            as sent_at,
    from sendouts as s
    inner join steady_people as c
        on c.identity_kind = 'phone' and r('reported', c.contact_no * 1000 - s.campaign_no, 100) < 14
    where c.deleted_at is null or c.deleted_at > s.starts_at + interval 1 day
),

delivered as (
    select
        *,
        if(u('report_fail', no) < 0.06, pick([131026, 131049], 'report_code', no), null) as error_code,
        if(u('report_fail', no) < 0.09, null, sent_at + to_seconds(1 + r('report_delay', no, 600)))
            as delivered_time,
    from drawn
),

seen as (
    select
        *,
        if(u('report_read', no) < 0.7, delivered_time + to_seconds(5 + r('report_read_at', no, 40000)),
            null) as read_time,
    from delivered
),

answered as (
    select
        *,
        if(u('report_button', no) < 0.12, read_time + to_seconds(4 + r('report_button_at', no, 3000)),
            null) as button_at,
        if(u('report_link', no) < 0.25, read_time + to_seconds(4 + r('report_link_at', no, 3000)),
            null) as link_at,
        if(u('report_stop', no) < 0.03, read_time + to_seconds(60 + r('report_stop_at', no, 3000)),
            null) as stop_at,
    from seen
)

select
    campaign_id, starts_at, contact_no, dialled, no, '310200000000005' as channel_id,
    'sendout-' || strftime(starts_at, '%Y%m%d') as sendout_id, sent_at, error_code,
    if(delivered_time < known_until, delivered_time, null) as delivered_time,
    if(read_time < known_until, read_time, null) as read_time,
    if(button_at < known_until, button_at, null) as button_at,
    if(link_at < known_until, link_at, null) as link_at,
    if(stop_at < known_until, stop_at, null) as stop_at,
from (
    -- Reported once, with what is known when the export is made.
    select
        *,
        export_ends(export_of(starts_at)) as known_until,
    from answered
)
where sent_at < exported_until();

create table truth.report_messages as
select
    campaign_id, channel_id, sendout_id, contact_no, sent_at, delivered_time as delivered_at,
    read_time as read_at, error_code, button_at as button_clicked_at, link_at as link_clicked_at,
    stop_at as opted_out_at,
from report_messages
order by sent_at, contact_no;

create table truth.kpi_report_campaigns as
select
    campaign_id, channel_id, count(*) as recipients_attempted,
    count(*) filter (where error_code is null) as recipients_sent,
    count(delivered_at) as recipients_delivered,
    count(read_at) as recipients_read,
    count(link_clicked_at) as recipients_clicked,
    count(button_clicked_at) as recipients_replied,
    count(opted_out_at) as recipients_opted_out,
from truth.report_messages
group by all
order by campaign_id;

-- truth.active_contacts, where a message to the second inbox, a click on a link and a valid order
-- are activity too. Who only buys is in it as well, a number below zero.
create table truth.active_contacts_with_orders as
with active_days as (
    select distinct contact_no, cast(message_at as date) as day_on
    from truth.messages
    where direction = 'inbound' and not is_internal and message_type <> 'system'
    union
    select contact_no, cast(clicked_at as date)
    from clicks
    where is_human and contact_no is not null
    union
    select contact_no, cast(link_clicked_at as date)
    from truth.report_messages
    where link_clicked_at is not null
    union
    select contact_no, cast(sent_at as date)
    from respond_messages
    where direction = 'inbound'
    union
    select coalesce(contact_no, -buyer_no), cast(ordered_at as date)
    from truth.orders
    where is_valid
),

reach as (
    select contact_no, cast(day_on + to_days(o::integer) as date) as active_on, o as days_ago
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
