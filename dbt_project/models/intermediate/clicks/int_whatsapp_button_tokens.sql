-- State: what may tell a recipient's link from another's, by the load that brought it. Clicks come
-- days after their send, and the JSON of millions of sends is read once.
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ forget_removed_loads() }}"
    )
}}

with

button_urls as (
    select
        load_id,
        record_id,
        parameter
    from {{ ref('stg_whatsapp__button_urls') }}
    {% if is_incremental() %}
        where load_id > {{ folded_load_id() }}
    {% endif %}
),

tokens as (
    select
        load_id,
        record_id,
        {{ link_tokens('parameter') }} as token
    from button_urls
),

final as (
    select distinct
        load_id,
        record_id,
        url_decode(token) as token
    from tokens
    where token <> ''
)

select * from final
