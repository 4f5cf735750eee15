-- One row per lead: those that a system lists with an id, and those that follow from the events of
-- a contact. A `lead` event opens a lead unless one is open, `won` and `lost` close it; what comes
-- before the first still belongs to it, and without any `lead` event the others make one.
with

leads as (
    select
        load_id,
        precedence,
        row_number,
        lead_id,
        phone,
        name_kind,
        name_value,
        created_at,
        qualified_at,
        won_at,
        lost_at,
        lead_source
    from {{ ref('stg_generic__leads') }}
),

loads as (
    select
        load_id,
        source
    from {{ source('ledger', 'loads') }}
),

contact_events as (
    select
        origin,
        contact_id,
        event,
        occurred_at,
        source,
        has_clock_anomaly
    from {{ ref('int_contact_events') }}
    where event in ('lead', 'qualified', 'won', 'lost')
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

clocks as (
    select last_plausible_at
    from {{ ref('int_export_clocks') }}
    where stream = 'leads'
),

newest_leads as (
    select
        leads.*,
        loads.source as lead_system
    from leads
    inner join loads on leads.load_id = loads.load_id
    qualify
        row_number() over (
            partition by loads.source, leads.lead_id
            order by leads.precedence desc, leads.row_number desc
        ) = 1
),

listed_leads as (
    select
        newest_leads.lead_system || ':' || newest_leads.lead_id as lead_id,
        coalesce({{ message_contact('phones', 'by_name') }}, 'unknown') as contact_id,
        newest_leads.created_at,
        newest_leads.qualified_at,
        newest_leads.won_at,
        newest_leads.lost_at,
        coalesce(newest_leads.lead_source, 'unknown') as lead_source,
        coalesce(
            least(
                newest_leads.created_at,
                newest_leads.qualified_at,
                newest_leads.won_at,
                newest_leads.lost_at
            ) < timestamp '1971-01-01'
            or greatest(
                newest_leads.created_at,
                newest_leads.qualified_at,
                newest_leads.won_at,
                newest_leads.lost_at
            ) > (select clocks.last_plausible_at from clocks),
            false
        ) as has_clock_anomaly
    from newest_leads
    left join persons as phones
        on phones.kind = 'phone' and newest_leads.phone = phones.value
    left join persons as by_name
        on newest_leads.name_kind = by_name.kind and newest_leads.name_value = by_name.value
),

-- What nothing ties to a person is no part of anybody's sequence: each such event stands alone. So
-- does one whose clock is off: nobody can tell before or after which other it came.
sequenced as (
    select
        *,
        case
            when contact_id = 'unknown' or has_clock_anomaly
                then concat_ws('|', contact_id, origin, event, occurred_at, source)
            else contact_id
        end as sequence_key,
        case event when 'lead' then 1 when 'qualified' then 2 when 'won' then 3 else 4 end
            as event_rank
    from contact_events
),

counted as (
    select
        *,
        count(*) filter (where event in ('won', 'lost')) over (
            partition by sequence_key
            order by occurred_at, event_rank, source, origin
            rows between unbounded preceding and current row
        ) as closes_before,
        row_number() over (
            partition by sequence_key order by occurred_at, event_rank, source, origin
        ) as event_number
    from sequenced
),

lead_events as (
    select
        sequence_key,
        event_number,
        coalesce(
            closes_before > lag(closes_before) over (
                partition by sequence_key order by event_number
            ),
            true
        ) as is_opening
    from counted
    where event = 'lead'
),

numbered as (
    select
        counted.*,
        coalesce(lead_events.is_opening, false) as is_opening,
        greatest(
            count(*) filter (where lead_events.is_opening) over (
                partition by counted.sequence_key
                order by counted.event_number
                rows between unbounded preceding and current row
            ),
            1
        ) as lead_number
    from counted
    left join lead_events
        on
            counted.sequence_key = lead_events.sequence_key
            and counted.event_number = lead_events.event_number
),

told_leads as (
    select
        min(contact_id) as contact_id,
        sequence_key,
        lead_number,
        coalesce(
            min(origin) filter (where is_opening),
            min_by(origin, event_number)
        ) as lead_system,
        coalesce(min(occurred_at) filter (where event = 'lead'), min(occurred_at)) as created_at,
        min(occurred_at) filter (where event = 'qualified') as qualified_at,
        min(occurred_at) filter (where event = 'won') as won_at,
        min(occurred_at) filter (where event = 'lost') as lost_at,
        coalesce(
            min(source) filter (where is_opening),
            min_by(source, event_number)
        ) as lead_source,
        bool_or(has_clock_anomaly) as has_clock_anomaly
    from numbered
    group by sequence_key, lead_number
),

both_kinds as (
    select
        lead_id,
        contact_id,
        created_at,
        qualified_at,
        won_at,
        lost_at,
        lead_source,
        has_clock_anomaly
    from listed_leads
    union all
    select
        -- The key holds a contact_id, which is a keyed hash: nobody can guess it.
        lead_system || ':' || left(sha256(concat_ws('|', sequence_key, lead_number)), 32)
            as lead_id,
        contact_id,
        created_at,
        qualified_at,
        won_at,
        lost_at,
        lead_source,
        has_clock_anomaly
    from told_leads
),

final as (
    select
        lead_id,
        contact_id,
        created_at,
        qualified_at,
        won_at,
        lost_at,
        lead_source,
        has_clock_anomaly,
        contact_id in (select internal_contacts.contact_id from internal_contacts) as is_internal
    from both_kinds
)

select * from final
