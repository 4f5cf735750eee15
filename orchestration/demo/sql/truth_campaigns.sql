-- The truth of campaigns, consent, clicks and leads, from what was drawn (never from the exports):
-- MARTS section 3, SEMANTICS 2. Colleagues are left out of all of it.

create table truth.campaigns as
select campaign_id, campaign_type, goal, design, starts_at, export_no * export_days() < date_diff(
    'day', start_at(), exported_until()) as is_registered
from campaigns
order by starts_at, campaign_id;

create table truth.clicks as
select
    click_no, clicked_at, is_human, campaign_id, variant, contact_no, wamid, utm_source, utm_medium,
    utm_campaign,
from clicks
order by clicked_at, click_no;

-- Signals of consent in order, and what each changed. An opt-out without a known opt-in is none
-- of the list's.
create table truth.consent_events as
with signals as (
    select contact_no, channel_no, event, occurred_at, source from consent_events
    union all
    select contact_no, channel_no, if(preference = 'stop', 'opt_out', 'opt_in'), occurred_at,
        'user_preferences'
    from preferences
    where occurred_at + interval 2 second < end_at()
    union all
    select contact_no, channel_no, stop_event, occurred_at, 'stop_word'
    from inbound
    where stop_event is not null and arrival < end_at()
    union all
    select contact_no, channel_no, 'opt_out', failed_time, 'error_131050'
    from outbound
    where failed_code = 131050 and failed_arrival < end_at()
),

in_order as (
    select
        s.*,
        lag(event) over (
            partition by contact_no, channel_no order by occurred_at, event, source
        ) as event_before,
    from signals as s
    where contact_no not in (select contact_no from contacts where is_internal)
)

select
    phone_number_id, contact_no, event, occurred_at, source,
    coalesce(event <> event_before, true) as is_state_change,
    event = 'opt_out' and event_before is null as is_unknown_before,
from in_order
inner join channels using (channel_no)
order by occurred_at, contact_no;

create table truth.kpi_consent_months as
with changes as (
    select
        date_trunc('month', occurred_at)::date as month_on,
        phone_number_id,
        count(*) filter (where event = 'opt_in') as opt_ins,
        count(*) filter (where event = 'opt_out' and not is_unknown_before) as opt_outs,
        count(*) filter (where is_unknown_before) as opt_outs_unknown,
    from truth.consent_events
    where is_state_change
    group by all
),

deletions as (
    select
        date_trunc('month', d.deleted_at)::date as month_on,
        d.phone_number_id,
        count(*) as contacts_deleted_opted_in,
    from (
        select c.contact_no, c.deleted_at, e.phone_number_id, max_by(e.event, e.occurred_at) as state
        from contacts as c
        inner join truth.consent_events as e
            on e.contact_no = c.contact_no and e.occurred_at <= c.deleted_at
        where c.deleted_at < exported_until()
        group by all
    ) as d
    where d.state = 'opt_in'
    group by all
),

months as (
    select distinct date_trunc('month', d)::date as month_on, phone_number_id
    from (
        select d from days where i < days_total()
        union all
        select occurred_at from truth.consent_events
    ), channels
)

select
    month_on, phone_number_id,
    coalesce(opt_ins, 0) as opt_ins,
    coalesce(opt_outs, 0) as opt_outs,
    coalesce(opt_outs_unknown, 0) as opt_outs_unknown,
    coalesce(contacts_deleted_opted_in, 0) as contacts_deleted_opted_in,
    cast(sum(coalesce(opt_ins, 0) - coalesce(opt_outs, 0) - coalesce(contacts_deleted_opted_in, 0))
        over (partition by phone_number_id order by month_on) as bigint) as opted_in_contacts,
from months
left join changes using (month_on, phone_number_id)
left join deletions using (month_on, phone_number_id)
order by month_on, phone_number_id;

create table truth.leads as
select source_system, lead_no, contact_no, source, created_at, qualified_at, won_at, lost_at
from leads
order by created_at, contact_no;

create table truth.leads_by_source as
select
    source_system, source, count(*) as leads, count(qualified_at) as qualified_leads,
    count(won_at) as leads_won, count(lost_at) as leads_lost,
from truth.leads
group by all
order by source_system, source;

-- What became of each campaign message: reply, click, opt-out.
create table truth.campaign_messages as
with messages as (
    select
        m.*,
        -- A flow begins anew for whoever comes back after 30 days.
        sum(cast(is_new_entry as integer)) over (
            partition by campaign_id, contact_no order by message_at, id
        ) as entry_number,
    from (
        select
            t.*,
            o.id,
            o.flow_step,
            lag(t.message_at) over entries is null
            or (o.flow_step is not null
                and t.message_at >= lag(t.message_at) over entries + interval 30 day) as is_new_entry,
        from truth.messages as t
        inner join outbound as o
            on o.contact_no = t.contact_no and o.occurred_at = t.attempted_at
            and o.campaign_id = t.campaign_id
        where t.direction = 'outbound' and not t.is_internal
        window entries as (
            partition by t.campaign_id, t.contact_no order by t.message_at, o.id
        )
    ) as m
),

-- What failed was never there to be answered.
seen as (
    select id, contact_no, phone_number_id, wamid, message_at from messages where failed_at is null
),

answers as (
    select contact_no, phone_number_id, message_at
    from truth.messages
    where direction = 'inbound' and message_type not in ('system', 'reaction') and not is_stop_word
),

followed as (
    select
        s.*,
        lead(message_at) over (
            partition by contact_no, phone_number_id order by message_at, id
        ) as next_message_at,
    from seen as s
),

-- A quoted answer that comes after the next campaign message is that one's, as any other.
replied as (
    select f.id, min(a.message_at) as replied_at
    from followed as f
    inner join answers as a
        on a.contact_no = f.contact_no and a.phone_number_id = f.phone_number_id
        and a.message_at > f.message_at and a.message_at <= f.message_at + interval 72 hour
        and (f.next_message_at is null or a.message_at <= f.next_message_at)
    group by f.id
),

clicked as (
    select m.id, min(c.clicked_at) as clicked_at
    from messages as m
    inner join clicks as c
        on c.id = m.id and c.is_human and c.clicked_at >= m.message_at
        and c.clicked_at <= m.message_at + interval 7 day
    group by m.id
),

opted_out as (
    select s.id, min(e.occurred_at) as opted_out_at
    from seen as s
    inner join truth.consent_events as e
        on e.contact_no = s.contact_no and e.phone_number_id = s.phone_number_id
        and e.event = 'opt_out' and e.is_state_change
        and e.occurred_at > s.message_at and e.occurred_at <= s.message_at + interval 72 hour
    group by s.id
)

select
    m.campaign_id, coalesce(m.variant, 'none') as variant, m.contact_no, m.entry_number,
    m.flow_step, m.id, m.wamid, m.phone_number_id, m.message_at, m.attempted_at, m.sent_at,
    m.delivered_at, m.read_at, m.failed_at, r.replied_at, c.clicked_at, o.opted_out_at,
from messages as m
left join replied as r using (id)
left join clicked as c using (id)
left join opted_out as o using (id)
order by m.message_at, m.id;

-- One row per campaign, person and entry, messaged or only assigned.
create table truth.campaign_recipients as
with messaged as (
    select
        campaign_id, contact_no, entry_number, min(variant) as variant, count(*) as messages_sent,
        min(message_at) as first_message_at, min(attempted_at) as attempted_at,
        min(sent_at) as sent_at, min(delivered_at) as delivered_at, min(read_at) as read_at,
        min(clicked_at) as clicked_at, min(replied_at) as replied_at,
        min(opted_out_at) as opted_out_at,
    from truth.campaign_messages
    group by all
),

audience as (
    select
        campaign_id, contact_no, 1 as entry_number, coalesce(variant, 'none') as variant,
        min(assigned_at) as assigned_at, bool_or(is_control) as is_control,
        max(skipped_reason) as skipped_reason, max(planned_share) as planned_share,
    from assigned
    inner join (select contact_no, is_internal from contacts) using (contact_no)
    where kind = 'broadcast' and not is_internal
        and start_at() + to_days(day_no) < exported_until()
    group by all
)

select
    campaign_id, contact_no, entry_number,
    coalesce(m.variant, a.variant) as variant,
    coalesce(a.is_control, false) as is_control,
    a.assigned_at, a.planned_share, a.skipped_reason,
    coalesce(m.messages_sent, 0) as messages_sent,
    m.first_message_at, m.attempted_at, m.sent_at, m.delivered_at, m.read_at, m.clicked_at,
    m.replied_at, m.opted_out_at,
from messaged as m
full join audience as a using (campaign_id, contact_no, entry_number)
order by campaign_id, contact_no, entry_number;

create table truth.kpi_campaigns as
with totals as (
    select campaign_id, coalesce(variant, 'none') as variant, count(*) as clicks_total
    from clicks
    where is_human and campaign_id is not null
    group by all
)

select
    r.campaign_id, r.variant, bool_or(r.is_control) as is_control,
    count(*) as recipients_targeted,
    count(r.skipped_reason) as recipients_skipped,
    count(r.attempted_at) as recipients_attempted,
    count(r.sent_at) as recipients_sent,
    count(r.delivered_at) as recipients_delivered,
    count(r.read_at) as recipients_read,
    -- A link that everybody shares says nothing of a person.
    if(c.design = 'shared' or bool_or(r.is_control), null, count(r.clicked_at)) as recipients_clicked,
    if(c.design = 'shared' or bool_or(r.is_control), null,
        count(r.clicked_at) filter (where r.delivered_at is not null)) as recipients_clicked_delivered,
    count(r.replied_at) as recipients_replied,
    count(r.replied_at) filter (where r.delivered_at is not null) as recipients_replied_delivered,
    count(r.opted_out_at) as recipients_opted_out,
    count(r.opted_out_at) filter (where r.delivered_at is not null)
        as recipients_opted_out_delivered,
    coalesce(max(t.clicks_total), 0) as clicks_total,
from truth.campaign_recipients as r
inner join campaigns as c using (campaign_id)
left join totals as t on t.campaign_id = r.campaign_id and t.variant = r.variant
group by r.campaign_id, r.variant, c.design
order by r.campaign_id, r.variant;

-- What Meta would say of a template on a day, did it know everything by the end.
create table truth.template_days as
select
    t.template_id, m.template_name, m.template_language, m.message_at::date as sent_on,
    count(m.sent_at) as messages_sent, count(m.delivered_at) as messages_delivered,
    count(m.read_at) as messages_read,
from truth.messages as m
inner join templates as t on t.name = m.template_name and t.language = m.template_language
where m.direction = 'outbound' and not m.is_internal
group by all
order by sent_on, template_id;
