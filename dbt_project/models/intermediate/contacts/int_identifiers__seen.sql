-- State: one row per identifier of a person with its first event, from every stream that names one.
{{
    config(
        materialized='incremental',
        unique_key='identifier_hash',
        incremental_strategy='merge',
        pre_hook="{{ forget_retired('identifiers', ['identifier_hash']) }}",
        merge_update_set_expressions=merge_columns(
            least=['first_event_at', 'implausible_event_at'],
            either=['is_seen_as_wa_id']
        )
    )
}}

with

sightings as (
    select
        load_id,
        kind,
        value,
        event_at,
        is_implausible,
        is_wa_id
    from {{ ref('int_identifiers__sightings') }}
),

identifiers as (
    select
        kind,
        value,
        identifier_type,
        identifier_value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
),

-- Grouped before the join: there are many sightings of few identifiers.
first_sightings as (
    select
        kind,
        value,
        min(event_at) filter (where not is_implausible) as first_event_at,
        min(event_at) filter (where is_implausible) as implausible_event_at,
        bool_or(is_wa_id) as is_seen_as_wa_id
    from sightings
    where {{ persons_to_fold(['(kind, value)']) }}
    group by kind, value
),

final as (
    select
        identifiers.identifier_hash,
        min(identifiers.identifier_type) as identifier_type,
        min(identifiers.identifier_value) as identifier_value,
        min(first_sightings.first_event_at) as first_event_at,
        min(first_sightings.implausible_event_at) as implausible_event_at,
        bool_or(first_sightings.is_seen_as_wa_id) as is_seen_as_wa_id
    from first_sightings
    inner join identifiers
        on
            first_sightings.kind = identifiers.kind
            and first_sightings.value = identifiers.value
    group by identifiers.identifier_hash
)

select * from final
