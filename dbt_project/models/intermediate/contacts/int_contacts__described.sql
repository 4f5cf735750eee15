-- One row per contact of whom lists and events of other systems tell something: since when and from
-- where, on which campaign's list first, in which stage, when deleted. A deletion takes nothing
-- back: the first one stays, also where the contact is created anew (SEMANTICS 15).
with

contact_events as (
    select
        contact_id,
        event,
        occurred_at,
        nullif(source, 'unknown') as source,
        lifecycle_stage
    from {{ ref('int_contact_events') }}
    where origin = 'contacts' and not has_clock_anomaly and contact_id <> 'unknown'
),

listed_contacts as (
    select
        phone,
        name_kind,
        name_value,
        case when not is_implausible then created_at end as created_at,
        source,
        country_code
    from {{ ref('stg_generic__contacts') }}
),

audience as (
    select
        phone,
        name_kind,
        name_value,
        campaign_id,
        assigned_at
    from {{ ref('stg_campaigns__audience') }}
    where not {{ is_before_1971('assigned_at') }}
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

clocks as (
    select last_plausible_at
    from {{ ref('int_export_clocks') }}
    where stream = 'contacts'
),

named_contacts as (
    select
        {{ message_contact('phones', 'by_name') }} as contact_id,
        case
            when
                not coalesce(
                    listed_contacts.created_at > (select clocks.last_plausible_at from clocks),
                    false
                )
                then listed_contacts.created_at
        end as created_at,
        listed_contacts.source,
        case
            when regexp_full_match(listed_contacts.country_code, '[A-Z]{2}')
                then listed_contacts.country_code
        end as country_code
    from listed_contacts
    left join persons as phones
        on phones.kind = 'phone' and listed_contacts.phone = phones.value
    left join persons as by_name
        on listed_contacts.name_kind = by_name.kind and listed_contacts.name_value = by_name.value
),

assigned_contacts as (
    select
        {{ message_contact('phones', 'by_name') }} as contact_id,
        audience.campaign_id,
        audience.assigned_at
    from audience
    left join persons as phones
        on phones.kind = 'phone' and audience.phone = phones.value
    left join persons as by_name
        on audience.name_kind = by_name.kind and audience.name_value = by_name.value
),

-- An event says more of the beginning than a list that is exported again and again.
beginnings as (
    select
        contact_id,
        1 as origin_rank,
        occurred_at as described_at,
        source
    from contact_events
    where event = 'created'
    union all
    select
        contact_id,
        2 as origin_rank,
        created_at as described_at,
        source
    from named_contacts
    where source is not null
),

first_beginnings as (
    select
        contact_id,
        described_at,
        source
    from beginnings
    where source is not null and contact_id is not null
    qualify
        row_number() over (
            partition by contact_id
            order by origin_rank, described_at nulls last, source
        ) = 1
),

countries as (
    select
        contact_id,
        min(country_code) as country_code
    from named_contacts
    where contact_id is not null
    group by contact_id
),

first_assignments as (
    select
        contact_id,
        assigned_at,
        campaign_id
    from assigned_contacts
    where contact_id is not null
    qualify
        row_number() over (partition by contact_id order by assigned_at, campaign_id) = 1
),

latest_stages as (
    select
        contact_id,
        lifecycle_stage
    from contact_events
    where event = 'stage'
    qualify
        row_number() over (
            partition by contact_id order by occurred_at desc, lifecycle_stage asc
        ) = 1
),

deletions as (
    select
        contact_id,
        min(occurred_at) as deleted_at
    from contact_events
    where event = 'deleted'
    group by contact_id
),

described as (
    select contact_id from first_beginnings
    union
    select contact_id from countries
    union
    select contact_id from first_assignments
    union
    select contact_id from latest_stages
    union
    select contact_id from deletions
),

final as (
    select
        described.contact_id,
        first_beginnings.described_at,
        first_beginnings.source as described_source,
        countries.country_code,
        first_assignments.assigned_at,
        first_assignments.campaign_id as assigned_campaign_id,
        latest_stages.lifecycle_stage,
        deletions.deleted_at
    from described
    left join first_beginnings on described.contact_id = first_beginnings.contact_id
    left join countries on described.contact_id = countries.contact_id
    left join first_assignments on described.contact_id = first_assignments.contact_id
    left join latest_stages on described.contact_id = latest_stages.contact_id
    left join deletions on described.contact_id = deletions.contact_id
)

select * from final
