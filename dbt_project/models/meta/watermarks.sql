with

message_clocks as (
    select
        subject,
        source,
        -- Other systems have messages too: inside, the stream carries its system's name.
        replace(stream, 'chatwoot_', '') as stream,
        watermark_at
    from {{ ref('int_stream_clocks') }}
    where watermark_at is not null
),

order_clocks as (
    select
        source,
        stream,
        watermark_at
    from {{ ref('int_order_clocks') }}
),

conversation_clocks as (
    select
        source,
        stream,
        watermark_at
    from {{ ref('int_conversation_clocks') }}
),

final as (
    select
        subject,
        source,
        stream,
        watermark_at
    from message_clocks
    union all
    select
        'orders' as subject,
        source,
        stream,
        watermark_at
    from order_clocks
    union all
    select
        'conversations' as subject,
        source,
        stream,
        watermark_at
    from conversation_clocks
)

select * from final
