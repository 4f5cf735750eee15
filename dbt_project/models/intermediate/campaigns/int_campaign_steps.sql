-- Which step of a flow a message was: only the send log knows. Of two lines about one message the
-- newer counts. A view: few messages have a step, and one model reads it.
{{ config(materialized='view') }}

with

sends as (
    select
        load_id,
        record_id,
        is_composed_id,
        attempted_at,
        flow_step
    from {{ ref('stg_whatsapp__sends') }}
    where flow_step is not null
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

identifiers as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'message'
),

newest as (
    select
        sends.record_id,
        sends.is_composed_id,
        sends.flow_step
    from sends
    inner join load_precedence on sends.load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by sends.record_id
            order by sends.attempted_at desc, load_precedence.precedence desc, sends.flow_step desc
        ) = 1
),

final as (
    select
        case
            when newest.is_composed_id then identifiers.identifier_hash
            else {{ message_id("'outbound'", 'newest.record_id') }}
        end as message_id,
        newest.flow_step
    from newest
    left join identifiers on newest.is_composed_id and newest.record_id = identifiers.value
)

select * from final
