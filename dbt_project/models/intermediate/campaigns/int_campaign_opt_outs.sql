-- The opt-outs that a campaign message led to: the last campaign message before one gets it. A
-- second STOP of somebody who had left before is no message's doing.
with

opt_outs as (
    select
        contact_id,
        channel_id,
        occurred_at
    from {{ ref('int_consent_events') }}
    where
        event = 'opt_out'
        and is_state_change
        and not has_clock_anomaly
        and contact_id not in ('none', 'unknown')
),

-- What failed was never there to be answered.
campaign_messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        channel_id,
        message_at
    from {{ ref('fct_messages') }}
    where
        {{ is_campaign_message() }}
        and failed_at is null
        and not has_clock_anomaly
),

-- Strictly after: the confirmation sent in the second of a STOP didn't cause it.
followed as (
    select
        campaign_messages.message_id,
        campaign_messages.campaign_id,
        opt_outs.occurred_at as opted_out_at
    from opt_outs
    inner join campaign_messages
        on
            opt_outs.contact_id = campaign_messages.contact_id
            and opt_outs.channel_id = campaign_messages.channel_id
            and opt_outs.occurred_at > campaign_messages.message_at
            and opt_outs.occurred_at
            <= campaign_messages.message_at
            + interval ({{ var('opt_out_window_hours') | int }}) hour
    qualify
        row_number() over (
            partition by opt_outs.contact_id, opt_outs.channel_id, opt_outs.occurred_at
            order by campaign_messages.message_at desc, campaign_messages.message_id desc
        ) = 1
),

final as (
    select
        message_id,
        min(opted_out_at) as opted_out_at
    from followed
    where campaign_id <> 'none'
    group by message_id
)

select * from final
