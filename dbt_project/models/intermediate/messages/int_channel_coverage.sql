-- One row per channel that carries messages: what its exports can tell of a message. A report that
-- never names a reply, a click or an opt-out doesn't know of them: its campaigns have none that
-- could be counted, which is not the same as none.
with

webhook_channels as (
    select distinct phone_number_id as native_channel_id
    from {{ ref('int_whatsapp_statuses__folded') }}
    union
    select distinct phone_number_id as native_channel_id
    from {{ ref('int_whatsapp_messages__folded') }}
),

reports as (
    select
        native_channel_id,
        bool_or(direction = 'inbound' or button_clicked_at is not null) as has_replies,
        bool_or(read_at is not null) as has_reads,
        bool_or(link_clicked_at is not null) as has_clicks,
        bool_or(opted_out_at is not null or error_code = '131050') as has_opt_outs
    from {{ ref('int_message_reports') }}
    group by native_channel_id
),

-- Consent without a channel is consent on all of them.
consent_channels as (
    select distinct native_channel_id
    from {{ ref('stg_consent__events') }}
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

final as (
    select
        channels.channel_id,
        bool_or(
            webhook_channels.native_channel_id is not null
            or coalesce(reports.has_replies, false)
        ) as has_replies,
        bool_or(
            webhook_channels.native_channel_id is not null
            or coalesce(reports.has_reads, false)
        ) as has_reads,
        bool_or(coalesce(reports.has_clicks, false)) as has_reported_clicks,
        bool_or(
            webhook_channels.native_channel_id is not null
            or coalesce(reports.has_opt_outs, false)
            or consent_channels.native_channel_id is not null
            or exists (
                select 1
                from consent_channels as any_channel
                where any_channel.native_channel_id is null
            )
        ) as has_opt_outs
    from channels
    left join webhook_channels
        on channels.native_channel_id = webhook_channels.native_channel_id
    left join reports on channels.native_channel_id = reports.native_channel_id
    left join consent_channels
        on channels.native_channel_id = consent_channels.native_channel_id
    group by channels.channel_id
)

select * from final
