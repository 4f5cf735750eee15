-- Who was assigned to which arm of which campaign. Of two lines about one person the newer export's
-- counts, in one file the lower one (SOURCES 2). A drip or flow assigns people again: there each
-- time of assignment stands.
with

audience as (
    select
        campaign_id,
        variant,
        phone,
        name_kind,
        name_value,
        assigned_at,
        is_control,
        planned_share,
        skipped_reason,
        precedence,
        row_number
    from {{ ref('stg_campaigns__audience') }}
    where not {{ is_before_1971('assigned_at') }}
),

registry as (
    select
        campaign_id,
        campaign_type
    from {{ ref('stg_campaigns__registry') }}
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

resolved as (
    select
        audience.campaign_id,
        {{ message_contact('phones', 'person_names') }} as contact_id,
        -- A control arm without a name has one all the same: it isn't the arm that got messages.
        case
            when audience.is_control and audience.variant = 'none' then 'control'
            else audience.variant
        end as variant,
        audience.assigned_at,
        audience.is_control,
        audience.planned_share,
        audience.skipped_reason,
        audience.precedence,
        audience.row_number,
        coalesce(registry.campaign_type in ('drip', 'flow'), false) as is_reentered
    from audience
    left join registry on audience.campaign_id = registry.campaign_id
    left join persons as phones
        on phones.kind = 'phone' and audience.phone = phones.value
    left join persons as person_names
        on audience.name_kind = person_names.kind and audience.name_value = person_names.value
),

final as (
    select
        campaign_id,
        contact_id,
        variant,
        assigned_at,
        is_control,
        planned_share,
        skipped_reason,
        is_reentered
    from resolved
    where
        contact_id is not null
        and contact_id not in (select internal_contacts.contact_id from internal_contacts)
    qualify
        row_number() over (
            partition by
                campaign_id,
                contact_id,
                case when is_reentered then assigned_at end
            order by precedence desc, row_number desc
        ) = 1
)

select * from final
