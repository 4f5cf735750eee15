-- What people's work cost per channel and day: the part of a month's labour costs that goes into
-- conversations (labour_cost_share), spread over the conversations closed in the month, each alike.
-- Parts are differences of rounded part sums: they add up to the month. No row without the share.
with

costs as (
    select
        month_on,
        cast(
            cost_amount * cast({{ var('labour_cost_share') or 0 }} as double) as decimal(18, 4)
        ) as labour_cost_amount
    from {{ ref('int_cost_months') }}
    where
        cost_type = 'labour'
        and not is_of_campaign
        and {{ var('labour_cost_share') is not none }}
),

closed_days as (
    select
        channel_id,
        closed_on,
        cast(date_trunc('month', closed_on) as date) as month_on,
        count(*) as conversations_closed
    from {{ ref('fct_conversations') }}
    where closed_on is not null and not has_clock_anomaly
    group by channel_id, closed_on
),

lines as (
    select
        channel_id,
        closed_on,
        month_on,
        conversations_closed,
        sum(conversations_closed) over (
            partition by month_on order by closed_on, channel_id
        ) as closed_until,
        sum(conversations_closed) over (partition by month_on) as closed_total
    from closed_days
),

final as (
    select
        lines.channel_id,
        lines.closed_on as day_on,
        cast(
            {{ share_until(
                'costs.labour_cost_amount', 'lines.closed_until', 'lines.closed_total'
            ) }} - {{ share_until(
                'costs.labour_cost_amount',
                'lines.closed_until - lines.conversations_closed',
                'lines.closed_total'
            ) }} as decimal(18, 4)
        ) as labour_cost_amount
    from lines
    inner join costs on lines.month_on = costs.month_on
)

select * from final
