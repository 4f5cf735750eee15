-- What other systems know of the same people: consent, leads, goals, contact lists. Everything is
-- up to exported_until(): what happens later is in no export.
-- Only people who are known by one identifier for the whole time take part, so that the truth of a
-- person doesn't depend on how identifiers are linked.

create table steady_people as
select
    *,
    start_at() + to_seconds(r('trace', contact_no, 7776000)) as trace_at,
    'crm-' || (5000 + contact_no) as external_id,
from contacts
where not is_internal and contact_no > 7 and identity_kind in ('phone', 'bsuid');

create table consent_events as
with drawn as (
    -- Four in ten were opted in before the logs begin.
    select
        contact_no * 10 as no,
        contact_no,
        'opt_in' as event,
        if(r('consent_before', contact_no, 10) < 6,
            start_at() - to_seconds(3600 + r('consent_at', contact_no, 2505600)),
            start_at() + to_seconds(r('consent_at', contact_no, 7776000))) as occurred_at,
        case when identity_kind = 'bsuid' then 'chat_form'
            else pick(['shop_form', 'shop_form', 'checkout', 'qr_code'], 'consent_source', contact_no)
        end as source,
    from steady_people
    where r('consent', contact_no, 100) < if(identity_kind = 'bsuid', 50, 72)
),

followed as (
    select * from drawn
    union all
    -- Said twice: the state doesn't change.
    select no + 1, contact_no, 'opt_in', occurred_at + to_seconds(864000 + r('repeat_at', no, 1728000)),
        if(source = 'chat_form', source, 'checkout')
    from drawn
    where r('repeat', no, 100) < 15
    union all
    select no + 2, contact_no, 'opt_out', occurred_at + to_seconds(2678400 + r('leaves_at', no, 2592000)),
        if(source = 'chat_form', source, pick(['preference_centre', 'support'], 'leaves_by', no))
    from drawn
    where r('leaves', no, 100) < 9
    union all
    -- Came back.
    select no + 3, contact_no, 'opt_in', occurred_at + to_seconds(5529600 + r('returns_at', no, 864000)),
        if(source = 'chat_form', source, 'checkout')
    from drawn
    where r('leaves', no, 100) < 3
    union all
    -- An opt-out of somebody who never opted in.
    select contact_no * 10 + 4, contact_no, 'opt_out', trace_at, 'preference_centre'
    from steady_people
    where identity_kind = 'phone' and r('consent', contact_no, 100) >= 95
)

select
    f.no, f.contact_no, p.channel_no, f.event, sec(f.occurred_at) as occurred_at, f.source,
    if(p.identity_kind = 'phone', p.dialled, null) as dialled,
    if(p.identity_kind = 'bsuid', p.bsuid, null) as bsuid,
    if(f.source in ('checkout', 'preference_centre'), p.email, null) as email,
from followed as f
inner join steady_people as p using (contact_no)
where f.occurred_at < exported_until() and (p.deleted_at is null or f.occurred_at < p.deleted_at);

-- A lead is kept by one system: the CRM tells its stages as events, the form as dates of one row.
create table leads as
with drawn as (
    select
        contact_no,
        if(r('lead', contact_no, 100) < 18, 'contacts', 'generic') as source_system,
        'L-' || (10000 + contact_no) as lead_no,
        if(r('lead', contact_no, 100) < 18,
            pick(['web_form', 'web_form', 'whatsapp', 'trade_fair'], 'lead_source', contact_no),
            pick(['lead_form', 'lead_form', 'partner'], 'lead_source', contact_no)) as source,
        sec(start_at() + to_seconds(r('lead_at', contact_no, 7776000))) as lead_at,
        dialled,
        email,
        external_id,
        deleted_at,
    from steady_people
    where identity_kind = 'phone' and r('lead', contact_no, 100) < 32
),

staged as (
    select
        *,
        if(r('qualified', contact_no, 100) < 60,
            lead_at + to_seconds(7200 + r('qualified_at', contact_no, 777600)), null) as qualified,
        coalesce(deleted_at, exported_until()) as known_until,
    from drawn
),

closed as (
    select
        *,
        if(r('closed', contact_no, 100) < 50,
            qualified + to_seconds(86400 + r('closed_at', contact_no, 1209600)), null) as won,
        if(r('closed', contact_no, 100) >= 75,
            coalesce(qualified, lead_at) + to_seconds(172800 + r('closed_at', contact_no, 1209600)),
            null) as lost,
    from staged
)

select
    contact_no, source_system, lead_no, source, lead_at as created_at,
    if(qualified < known_until, qualified, null) as qualified_at,
    if(won < known_until, won, null) as won_at,
    if(lost < known_until, lost, null) as lost_at,
    dialled, email, external_id,
from closed
where lead_at < least(known_until, exported_until());

create table contact_events as
with stages as (
    unpivot (
        select
            contact_no, source, external_id, created_at as lead, qualified_at as qualified,
            won_at as won, lost_at as lost,
        from leads
        where source_system = 'contacts'
    )
    on lead, qualified, won, lost into name event value occurred_at
),

goals as (
    select
        m.id, m.contact_no, p.external_id, p.deleted_at,
        sec(m.delivered_time) + to_seconds(600 + r('goal_at', m.id, 259200)) as occurred_at,
    from outbound as m
    inner join campaigns as c using (campaign_id)
    inner join steady_people as p using (contact_no)
    where c.design = 'shared' and p.identity_kind = 'phone' and m.delivered_time is not null
        and u('goal', m.id) < 0.18
),

drawn as (
    select
        contact_no * 100 as no, contact_no, external_id, 'created' as event,
        sec(trace_at - interval 20 day) as occurred_at,
        pick(['web_form', 'import', 'shop', 'instagram'], 'created_source', contact_no) as source,
        cast(null as varchar) as actor, cast(null as varchar) as value,
        cast(null as varchar) as amount,
    from steady_people
    where identity_kind = 'phone' and r('crm', contact_no, 100) < 60
    union all
    -- The same person had been entered twice: the value names the other entry.
    select contact_no * 100 + 1, contact_no, external_id, 'merged', sec(trace_at - interval 12 day),
        'crm', 'agent-0' || (1 + contact_no % 6), external_id || '-old', null
    from steady_people
    where identity_kind = 'phone' and r('crm', contact_no, 100) < 5
    union all
    select contact_no * 100 + 2, contact_no, external_id, 'label', sec(trace_at), 'crm',
        'agent-0' || (1 + contact_no % 6), pick(['vip', 'wholesale', 'press'], 'label', contact_no), null
    from steady_people
    where identity_kind = 'phone' and r('labelled', contact_no, 100) < 8
    union all
    select
        contact_no * 100 + case event when 'lead' then 3 when 'qualified' then 4 when 'won' then 5
            else 6 end,
        contact_no, external_id, event, occurred_at,
        -- Where a lead came from stands on the lead alone.
        if(event = 'lead', source, 'crm'), null, null,
        if(event = 'won', cents_text(5000 + r('won', contact_no, 90000)), null)
    from stages
    union all
    select id * 100 + 7, contact_no, external_id, 'goal', occurred_at, 'shop', null,
        'loyalty_signup', null
    from goals
    union all
    select contact_no * 100 + 8, contact_no, external_id, 'deleted', deleted_at, 'crm', 'agent-01',
        null, null
    from steady_people
    where deleted_at is not null
)

select
    d.*,
    p.dialled,
    if(d.event = 'created' and r('crm_email', d.contact_no, 2) = 0, p.email, null) as email,
from drawn as d
inner join steady_people as p using (contact_no)
where d.occurred_at < exported_until()
    and (p.deleted_at is null or d.occurred_at <= p.deleted_at);
