-- One row per channel that an export names: what its exports can tell of a message. A report that
-- never names a reply, a click or an opt-out doesn't know of them: its campaigns have none that
-- could be counted, which is not the same as none. Webhooks know all but clicks and campaigns.
with

webhook_channels as (
    select distinct phone_number_id as native_channel_id
    from {{ ref('int_whatsapp_statuses__folded') }}
    union
    select distinct phone_number_id as native_channel_id
    from {{ ref('int_whatsapp_messages__folded') }}
),

send_channels as (
    select distinct phone_number_id as native_channel_id
    from {{ ref('int_whatsapp_sends__folded') }}
),

reports as (
    select
        native_channel_id,
        bool_or(delivered_at is not null or read_at is not null) as has_deliveries,
        bool_or(
            failed_at is not null or delivered_at is not null or read_at is not null
        ) as has_failures,
        bool_or(read_at is not null) as has_reads,
        bool_or(direction = 'inbound') as has_received,
        bool_or(direction = 'inbound' or button_clicked_at is not null) as has_replies,
        bool_or(link_clicked_at is not null) as has_clicks,
        bool_or(opted_out_at is not null or error_code = '131050') as has_opt_outs,
        bool_or(price_amount is not null) as has_prices,
        bool_or(campaign_id is not null) as has_campaigns
    from {{ ref('int_message_reports') }}
    group by native_channel_id
),

told_by as (
    select
        native_channel_id,
        'whatsapp' as source
    from webhook_channels
    union
    select
        native_channel_id,
        'whatsapp' as source
    from send_channels
    union
    select distinct
        native_channel_id,
        source
    from {{ ref('int_message_reports') }}
),

sources as (
    select
        native_channel_id,
        string_agg(source, '|' order by source) as sources
    from told_by
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

sourced as (
    select
        channels.native_channel_id,
        channels.channel_id,
        sources.sources,
        webhook_channels.native_channel_id is not null as has_webhooks,
        send_channels.native_channel_id is not null as has_sends,
        consent_channels.native_channel_id is not null
        or exists (
            select 1
            from consent_channels as any_channel
            where any_channel.native_channel_id is null
        ) as has_consent
    from channels
    left join sources on channels.native_channel_id = sources.native_channel_id
    left join webhook_channels
        on channels.native_channel_id = webhook_channels.native_channel_id
    left join send_channels on channels.native_channel_id = send_channels.native_channel_id
    left join consent_channels
        on channels.native_channel_id = consent_channels.native_channel_id
),

final as (
    select
        sourced.channel_id,
        max(sourced.sources) as sources,
        bool_or(sourced.has_webhooks or coalesce(reports.has_deliveries, false))
            as has_deliveries,
        bool_or(sourced.has_webhooks or coalesce(reports.has_failures, false)) as has_failures,
        bool_or(sourced.has_webhooks or coalesce(reports.has_reads, false)) as has_reads,
        bool_or(sourced.has_webhooks or coalesce(reports.has_received, false)) as has_received,
        bool_or(sourced.has_webhooks or coalesce(reports.has_replies, false)) as has_replies,
        bool_or(coalesce(reports.has_clicks, false)) as has_reported_clicks,
        bool_or(
            sourced.has_webhooks
            or sourced.has_consent
            or coalesce(reports.has_opt_outs, false)
        ) as has_opt_outs,
        -- What webhooks tell is priced by the rate card.
        bool_or(sourced.has_webhooks or coalesce(reports.has_prices, false)) as has_prices,
        bool_or(sourced.has_sends or coalesce(reports.has_campaigns, false)) as has_campaigns
    from sourced
    left join reports on sourced.native_channel_id = reports.native_channel_id
    group by sourced.channel_id
)

select * from final
