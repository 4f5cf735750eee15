-- What a campaign may aim at: orders, leads, answers to a flow, and the goals that other systems
-- tell. A goal told twice is one. Orders that don't count earn nobody anything.
with

orders as (
    select
        order_id,
        contact_id,
        ordered_at
    from {{ ref('int_orders') }}
    where is_valid and not has_clock_anomaly and not is_internal
),

leads as (
    select
        lead_id,
        contact_id,
        created_at,
        qualified_at
    from {{ ref('int_leads') }}
    where not has_clock_anomaly and not is_internal
),

form_answers as (
    select record_id
    from {{ ref('int_whatsapp_messages__folded') }}
    where direction = 'inbound' and is_form_answer
),

inbound_messages as (
    select
        message_id,
        contact_id,
        message_at
    from {{ ref('fct_messages') }}
    where direction = 'inbound' and message_type = 'interactive' and not has_clock_anomaly
),

told as (
    select distinct
        phone,
        name_kind,
        name_value,
        value,
        occurred_at
    from {{ ref('stg_contacts__events') }}
    where event = 'goal' and value is not null and not is_implausible
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

goals as (
    select distinct
        {{ message_contact('phones', 'person_names') }} as contact_id,
        'event:' || told.value as goal,
        told.occurred_at
    from told
    left join persons as phones
        on phones.kind = 'phone' and told.phone = phones.value
    left join persons as person_names
        on told.name_kind = person_names.kind and told.name_value = person_names.value
),

final as (
    -- Also of nobody: a coupon or a link may still tell the campaign.
    select
        'order' as goal,
        order_id as event_key,
        contact_id,
        ordered_at as occurred_at,
        cast(null as timestamp) as qualified_at
    from orders
    union all
    select
        'lead' as goal,
        lead_id as event_key,
        contact_id,
        created_at as occurred_at,
        qualified_at
    from leads
    where contact_id not in ('none', 'unknown')
    union all
    select
        'form' as goal,
        inbound_messages.message_id as event_key,
        inbound_messages.contact_id,
        inbound_messages.message_at as occurred_at,
        cast(null as timestamp) as qualified_at
    from form_answers
    inner join inbound_messages
        on {{ message_id("'inbound'", 'form_answers.record_id') }} = inbound_messages.message_id
    where inbound_messages.contact_id not in ('none', 'unknown')
    union all
    select
        goal,
        concat_ws('|', goal, contact_id, occurred_at) as event_key,
        contact_id,
        occurred_at,
        cast(null as timestamp) as qualified_at
    from goals
    where
        contact_id is not null
        and contact_id not in (select internal_contacts.contact_id from internal_contacts)
)

select * from final
