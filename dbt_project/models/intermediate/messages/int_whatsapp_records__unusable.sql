-- State: records of the logs that no fact can take, and why. A row for each load and key, so that
-- a replaced file takes its own away again.
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ forget_removed_loads() }}"
    )
}}

with

unusable_records as (
    select
        load_id,
        reason,
        record_kind,
        record_id,
        record_type
    from {{ ref('stg_whatsapp__unusable_records') }}
    {% if is_incremental() %}
        where load_id > {{ folded_load_id() }}
    {% endif %}
),

final as (
    select
        load_id,
        reason,
        record_kind,
        record_id,
        record_type,
        cast(count(*) as bigint) as records
    from unusable_records
    group by all
)

select * from final
