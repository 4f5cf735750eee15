-- Every campaign that anything names, with what the registry says of it and its own costs in the
-- reporting currency: its fees of the registry, and costs that name it.
with

registry as (
    select
        campaign_id,
        campaign_name,
        campaign_type,
        goal,
        template_name,
        planned_at,
        software_fee_amount,
        incentive_amount,
        currency_code,
        utm_campaign,
        coupon_codes
    from {{ ref('stg_campaigns__registry') }}
),

costs as (
    select
        campaign_id,
        cost_type,
        starts_on,
        amount,
        currency_code
    from {{ ref('stg_generic__costs') }}
    where campaign_id is not null and cost_type in ('software', 'incentive')
),

links as (
    select
        campaign_id,
        phone is not null or name_value is not null or message_id is not null as is_personal
    from {{ ref('stg_clicks__links') }}
    where campaign_id is not null
),

link_clicks as (
    select distinct campaign_id
    from {{ ref('int_link_clicks') }}
    where campaign_id <> 'none' and contact_id <> 'unknown'
),

fx_rates as (
    select
        currency_code,
        valid_from_on,
        valid_before_on,
        rate
    from {{ ref('int_fx_rates__to_reporting') }}
),

message_campaigns as (
    select
        campaign_id,
        min(message_on) filter (where not has_clock_anomaly) as first_message_on,
        min(case when template_name not in ('none', 'unknown') then template_name end)
            as template_name
    from {{ ref('fct_messages') }}
    where direction = 'outbound' and campaign_id <> 'none'
    group by campaign_id
),

-- What the exports of its channels can tell of its messages.
coverage as (
    select
        campaign_channels.campaign_id,
        bool_or(channel_coverage.has_reads) as has_reads,
        bool_or(channel_coverage.has_replies) as has_replies,
        bool_or(channel_coverage.has_opt_outs) as has_opt_outs,
        bool_or(channel_coverage.has_reported_clicks) as has_reported_clicks
    from (
        select distinct
            campaign_id,
            channel_id
        from {{ ref('fct_messages') }}
        where direction = 'outbound' and campaign_id <> 'none'
    ) as campaign_channels
    inner join {{ ref('int_channel_coverage') }} as channel_coverage
        on campaign_channels.channel_id = channel_coverage.channel_id
    group by campaign_channels.campaign_id
),

any_clicks as (
    select campaign_id
    from {{ ref('int_link_clicks') }}
    where campaign_id <> 'none'
    union
    select campaign_id
    from links
),

audience_campaigns as (
    select distinct campaign_id
    from {{ ref('int_campaign_assignments') }}
),

personal_campaigns as (
    select campaign_id
    from links
    where is_personal
    union
    select campaign_id
    from link_clicks
),

campaigns as (
    select campaign_id from registry
    union
    select campaign_id from audience_campaigns
    union
    select campaign_id from message_campaigns
    union
    select campaign_id from any_clicks
    union
    select campaign_id from costs
),

charges as (
    select
        registry.campaign_id,
        'software' as cost_type,
        registry.software_fee_amount as amount,
        registry.currency_code,
        coalesce({{ reporting_date('registry.planned_at') }}, message_campaigns.first_message_on)
            as charged_on
    from registry
    left join message_campaigns on registry.campaign_id = message_campaigns.campaign_id
    union all
    select
        registry.campaign_id,
        'incentive' as cost_type,
        registry.incentive_amount as amount,
        registry.currency_code,
        coalesce({{ reporting_date('registry.planned_at') }}, message_campaigns.first_message_on)
            as charged_on
    from registry
    left join message_campaigns on registry.campaign_id = message_campaigns.campaign_id
    union all
    select
        campaign_id,
        cost_type,
        amount,
        currency_code,
        starts_on as charged_on
    from costs
),

converted as (
    select
        charges.campaign_id,
        charges.cost_type,
        cast(charges.amount * fx_rates.rate as decimal(18, 4)) as amount
    from charges
    -- Without a currency it is the reporting one; without a date only that one has a rate.
    left join fx_rates
        on
            coalesce(charges.currency_code, '{{ var("reporting_currency") }}')
            = fx_rates.currency_code
            and coalesce(charges.charged_on, date '1970-01-01') >= fx_rates.valid_from_on
            and (
                fx_rates.valid_before_on is null
                or coalesce(charges.charged_on, date '1970-01-01') < fx_rates.valid_before_on
            )
    where charges.amount is not null
),

own_costs as (
    select
        campaign_id,
        -- What can't be converted makes the sum unknown, not smaller.
        case
            when count(*) filter (where cost_type = 'software' and amount is null) = 0
                then coalesce(sum(amount) filter (where cost_type = 'software'), 0)
        end as software_fee_amount,
        case
            when count(*) filter (where cost_type = 'incentive' and amount is null) = 0
                then coalesce(sum(amount) filter (where cost_type = 'incentive'), 0)
        end as incentive_amount
    from converted
    group by campaign_id
),

final as (
    select
        campaigns.campaign_id,
        registry.campaign_name,
        coalesce(registry.campaign_type, 'unknown') as campaign_type,
        coalesce(registry.goal, 'order') as goal,
        registry.planned_at,
        coalesce(registry.template_name, message_campaigns.template_name) as template_name,
        registry.utm_campaign,
        registry.coupon_codes,
        cast(
            case
                when own_costs.campaign_id is null then 0 else own_costs.software_fee_amount
            end as decimal(18, 4)
        ) as software_fee_amount,
        cast(
            case
                when own_costs.campaign_id is null then 0 else own_costs.incentive_amount
            end as decimal(18, 4)
        ) as incentive_amount,
        registry.campaign_id is not null as is_registered,
        personal_campaigns.campaign_id is not null
        or coalesce(coverage.has_reported_clicks, false) as has_personal_links,
        any_clicks.campaign_id is not null or coalesce(coverage.has_reported_clicks, false)
            as has_link_data,
        -- Without a message there is nothing that could be missed.
        coalesce(coverage.has_reads, true) as has_read_data,
        coalesce(coverage.has_replies, true) as has_reply_data,
        coalesce(coverage.has_opt_outs, true) as has_opt_out_data
    from campaigns
    left join registry on campaigns.campaign_id = registry.campaign_id
    left join message_campaigns on campaigns.campaign_id = message_campaigns.campaign_id
    left join own_costs on campaigns.campaign_id = own_costs.campaign_id
    left join personal_campaigns on campaigns.campaign_id = personal_campaigns.campaign_id
    left join any_clicks on campaigns.campaign_id = any_clicks.campaign_id
    left join coverage on campaigns.campaign_id = coverage.campaign_id
)

select * from final
