with

delivered_messages as (
    select
        channel_id,
        market,
        category,
        message_on,
        coalesce(pricing_type, 'unknown') as pricing_type,
        is_billable,
        cost_amount
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'outbound'
        and delivered_at is not null
),

periods as (
    select
        period_grain,
        period_start_on,
        period_end_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'messages'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'messages'
),

price_days as (
    select
        channel_id,
        market,
        category,
        pricing_type,
        message_on,
        count(*) as messages_delivered,
        count(*) filter (where is_billable) as messages_billable,
        count(*) filter (where not is_billable) as messages_free,
        count(*) filter (where is_billable is null) as messages_billing_unknown,
        count(cost_amount) as messages_cost_known,
        sum(cost_amount) as cost_amount
    from delivered_messages
    group by channel_id, market, category, pricing_type, message_on
),

price_totals as (
    select
        price_days.channel_id,
        price_days.market,
        price_days.category,
        price_days.pricing_type,
        period_days.period_grain,
        period_days.period_start_on,
        sum(price_days.messages_delivered) as messages_delivered,
        sum(price_days.messages_billable) as messages_billable,
        sum(price_days.messages_free) as messages_free,
        sum(price_days.messages_billing_unknown) as messages_billing_unknown,
        sum(price_days.messages_cost_known) as messages_cost_known,
        sum(price_days.cost_amount) as cost_amount
    from price_days
    inner join period_days
        on price_days.message_on = period_days.day_on
    group by
        price_days.channel_id,
        price_days.market,
        price_days.category,
        price_days.pricing_type,
        period_days.period_grain,
        period_days.period_start_on
),

price_keys as (
    select
        channel_id,
        market,
        category,
        pricing_type,
        min(message_on) as first_event_on
    from price_days
    group by channel_id, market, category, pricing_type
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        price_keys.channel_id,
        price_keys.market,
        price_keys.category,
        price_keys.pricing_type,
        coalesce(price_totals.messages_delivered, 0) as messages_delivered,
        coalesce(price_totals.messages_billable, 0) as messages_billable,
        coalesce(price_totals.messages_free, 0) as messages_free,
        coalesce(price_totals.messages_billing_unknown, 0) as messages_billing_unknown,
        coalesce(price_totals.messages_cost_known, 0) as messages_cost_known,
        price_totals.cost_amount as known_cost_amount,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from price_keys
    inner join periods
        on price_keys.first_event_on <= periods.period_end_on
    left join price_totals
        on
            price_keys.channel_id = price_totals.channel_id
            and price_keys.market = price_totals.market
            and price_keys.category = price_totals.category
            and price_keys.pricing_type = price_totals.pricing_type
            and periods.period_grain = price_totals.period_grain
            and periods.period_start_on = price_totals.period_start_on
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        market,
        category,
        pricing_type,
        cast(messages_delivered as bigint) as messages_delivered,
        cast(messages_billable as bigint) as messages_billable,
        cast(messages_free as bigint) as messages_free,
        cast(messages_billing_unknown as bigint) as messages_billing_unknown,
        cast(messages_cost_known as bigint) as messages_cost_known,
        cast(messages_delivered - messages_cost_known as bigint) as messages_cost_unknown,
        -- Nothing delivered costs 0; nothing known of what was delivered is NULL.
        cast(
            case when messages_delivered = 0 then 0 else known_cost_amount end as decimal(18, 6)
        ) as cost_amount,
        {{ safe_divide('known_cost_amount', 'messages_cost_known') }} as cost_per_message_amount,
        is_complete,
        {{ has_matured(['status_window_days']) }} as is_mature
    from counted
)

select * from final
