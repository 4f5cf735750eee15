with

points as (
    select
        source,
        starts_at,
        ends_at,
        template_id,
        phone_number,
        country_code,
        pricing_type,
        pricing_category,
        messages_sent,
        messages_delivered,
        messages_read,
        messages_clicked,
        volume,
        cost_amount
    from {{ ref('int_analytics__newest') }}
),

messages as (
    select
        channel_id,
        contact_id,
        template_name,
        template_language,
        category,
        pricing_type,
        message_at,
        sent_at,
        delivered_at,
        read_at,
        first_clicked_at,
        cost_amount_original,
        cost_currency_code
    from {{ ref('fct_messages') }}
    where direction = 'outbound' and not has_clock_anomaly
),

-- Without a link that leads to its message a template's clicks can't be told.
clicks as (
    select
        min(clicked_at) as first_clicked_at,
        max(clicked_at) as last_clicked_at
    from {{ ref('fct_link_clicks') }}
    where message_id <> 'none' and not has_clock_anomaly
),

templates as (
    select
        template_id,
        template_name,
        template_language
    from {{ ref('int_templates') }}
    where template_id is not null
),

template_ids as (
    select distinct template_id
    from templates
),

contacts as (
    select
        contact_id,
        country_code
    from {{ ref('dim_contacts') }}
),

channel_numbers as (
    select
        channels.channel_id,
        min(numbers.digits) as phone_number
    from {{ ref('int_channels') }} as channels
    inner join {{ ref('int_channel_numbers') }} as numbers
        on channels.native_channel_id = numbers.native_channel_id
    where numbers.digits is not null
    group by channels.channel_id
),

-- Where our data begin and end, of each number and of all of them: nothing can be compared outside.
number_spans as (
    select
        channel_numbers.phone_number,
        min(messages.message_at) as first_message_at,
        max(messages.message_at) as last_message_at
    from messages
    inner join channel_numbers on messages.channel_id = channel_numbers.channel_id
    group by channel_numbers.phone_number
),

data_span as (
    select
        min(message_at) as first_message_at,
        max(message_at) as last_message_at
    from messages
),

-- A span's own days, in UTC: messages meet their spans by day, then by the instant.
span_days as (
    select distinct
        source,
        starts_at,
        ends_at,
        {{ each_date('starts_at', 'ends_at') }} as day_on
    from points
),

template_totals as (
    select
        span_days.starts_at,
        span_days.ends_at,
        templates.template_id,
        count(messages.sent_at) as messages_sent,
        count(messages.delivered_at) as messages_delivered,
        count(messages.read_at) as messages_read,
        count(messages.first_clicked_at) as messages_clicked,
        sum(messages.cost_amount_original) as cost_amount,
        count(distinct messages.cost_currency_code) as currencies
    from span_days
    inner join messages
        on
            span_days.day_on = cast(messages.message_at as date)
            and span_days.starts_at <= messages.message_at
            and span_days.ends_at > messages.message_at
    inner join templates
        on
            messages.template_name = templates.template_name
            and messages.template_language = templates.template_language
    where span_days.source = 'template_analytics'
    group by
        span_days.starts_at,
        span_days.ends_at,
        templates.template_id
),

-- What is billed is billed on delivery.
pricing_totals as (
    select
        span_days.starts_at,
        span_days.ends_at,
        channel_numbers.phone_number,
        contacts.country_code,
        messages.pricing_type,
        messages.category as pricing_category,
        messages.cost_currency_code,
        count(*) as volume,
        sum(messages.cost_amount_original) as cost_amount
    from span_days
    inner join messages
        on
            span_days.day_on = cast(messages.delivered_at as date)
            and span_days.starts_at <= messages.delivered_at
            and span_days.ends_at > messages.delivered_at
    left join channel_numbers on messages.channel_id = channel_numbers.channel_id
    left join contacts on messages.contact_id = contacts.contact_id
    where span_days.source = 'pricing_analytics' and messages.pricing_type is not null
    group by
        span_days.starts_at,
        span_days.ends_at,
        channel_numbers.phone_number,
        contacts.country_code,
        messages.pricing_type,
        messages.category,
        messages.cost_currency_code
),

template_points as (
    select
        points.source,
        points.starts_at,
        points.ends_at,
        points.template_id as reconciliation_key,
        cast(points.messages_sent as double) as messages_sent_reported,
        cast(points.messages_delivered as double) as messages_delivered_reported,
        cast(points.messages_read as double) as messages_read_reported,
        cast(points.messages_clicked as double) as messages_clicked_reported,
        cast(points.cost_amount as double) as cost_reported,
        template_ids.template_id is not null
        and coalesce(
            data_span.first_message_at < points.ends_at
            and data_span.last_message_at >= points.starts_at,
            false
        ) as is_covered,
        coalesce(
            clicks.first_clicked_at < points.ends_at and clicks.last_clicked_at >= points.starts_at,
            false
        ) as has_clicks,
        coalesce(template_totals.messages_sent, 0) as messages_sent,
        coalesce(template_totals.messages_delivered, 0) as messages_delivered,
        coalesce(template_totals.messages_read, 0) as messages_read,
        coalesce(template_totals.messages_clicked, 0) as messages_clicked,
        coalesce(template_totals.cost_amount, 0) as cost_amount,
        coalesce(template_totals.currencies, 0) <= 1 as is_one_currency
    from points
    cross join data_span
    cross join clicks
    left join template_ids on points.template_id = template_ids.template_id
    left join template_totals
        on
            points.starts_at = template_totals.starts_at
            and points.ends_at = template_totals.ends_at
            and points.template_id = template_totals.template_id
    where points.source = 'template_analytics'
),

-- A dimension that Meta was not asked for is every value of it.
pricing_points as (
    select
        points.source,
        points.starts_at,
        points.ends_at,
        points.phone_number,
        concat_ws(
            '|',
            coalesce(points.pricing_category, 'all'),
            coalesce(points.pricing_type, 'all'),
            coalesce(points.country_code, 'all')
        ) as reconciliation_key,
        cast(points.volume as double) as volume_reported,
        cast(points.cost_amount as double) as cost_reported,
        bool_or(
            case
                when points.phone_number is null
                    then
                        data_span.first_message_at < points.ends_at
                        and data_span.last_message_at >= points.starts_at
                else
                    number_spans.first_message_at < points.ends_at
                    and number_spans.last_message_at >= points.starts_at
            end
        ) as is_covered,
        coalesce(sum(pricing_totals.volume), 0) as messages_delivered,
        coalesce(sum(pricing_totals.cost_amount), 0) as cost_amount,
        count(distinct pricing_totals.cost_currency_code) <= 1 as is_one_currency
    from points
    cross join data_span
    left join number_spans on points.phone_number = number_spans.phone_number
    left join pricing_totals
        on
            points.starts_at = pricing_totals.starts_at
            and points.ends_at = pricing_totals.ends_at
            and coalesce(
                points.phone_number = pricing_totals.phone_number, points.phone_number is null
            )
            and coalesce(
                points.country_code = pricing_totals.country_code, points.country_code is null
            )
            and coalesce(
                points.pricing_type = pricing_totals.pricing_type, points.pricing_type is null
            )
            and coalesce(
                points.pricing_category = pricing_totals.pricing_category,
                points.pricing_category is null
            )
    where points.source = 'pricing_analytics'
    group by
        points.source,
        points.starts_at,
        points.ends_at,
        points.phone_number,
        points.country_code,
        points.pricing_type,
        points.pricing_category,
        points.volume,
        points.cost_amount
),

metrics as (
    select
        source,
        'sent' as metric,
        starts_at,
        ends_at,
        reconciliation_key,
        case when is_covered then messages_sent end as our_value,
        messages_sent_reported as reported_value
    from template_points
    union all
    select
        source,
        'delivered' as metric,
        starts_at,
        ends_at,
        reconciliation_key,
        case when is_covered then messages_delivered end as our_value,
        messages_delivered_reported as reported_value
    from template_points
    union all
    select
        source,
        'read' as metric,
        starts_at,
        ends_at,
        reconciliation_key,
        case when is_covered then messages_read end as our_value,
        messages_read_reported as reported_value
    from template_points
    union all
    select
        source,
        'clicked' as metric,
        starts_at,
        ends_at,
        reconciliation_key,
        case when is_covered and has_clicks then messages_clicked end as our_value,
        messages_clicked_reported as reported_value
    from template_points
    union all
    select
        source,
        'cost' as metric,
        starts_at,
        ends_at,
        reconciliation_key,
        case when is_covered and is_one_currency then cost_amount end as our_value,
        cost_reported as reported_value
    from template_points
    union all
    select
        source,
        'volume' as metric,
        starts_at,
        ends_at,
        reconciliation_key,
        case when is_covered then messages_delivered end as our_value,
        volume_reported as reported_value
    from pricing_points
    union all
    select
        source,
        'cost' as metric,
        starts_at,
        ends_at,
        reconciliation_key,
        case when is_covered and is_one_currency then cost_amount end as our_value,
        cost_reported as reported_value
    from pricing_points
),

-- Of a day and of the month that begins with it the day is kept; half hours add up to their day.
shortest as (
    select
        *,
        {{ reporting_date('starts_at') }} as period_start_on
    from metrics
    where reported_value is not null
    qualify
        rank() over (
            partition by source, metric, reconciliation_key, {{ reporting_date('starts_at') }}
            order by ends_at - starts_at
        ) = 1
),

-- Summed as decimals: the order of doubles would show. One part without our data leaves all out.
summed as (
    select
        source,
        metric,
        period_start_on,
        reconciliation_key,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at,
        case
            when count(our_value) = count(*)
                then cast(sum(cast(our_value as decimal(18, 6))) as double)
        end as our_value,
        cast(sum(cast(reported_value as decimal(18, 6))) as double) as reported_value
    from shortest
    group by
        source,
        metric,
        period_start_on,
        reconciliation_key
),

compared as (
    select
        *,
        our_value - reported_value as difference,
        greatest(
            {{ var('reconciliation_tolerance_rate') | float }} * abs(reported_value),
            cast({{ var('reconciliation_tolerance_absolute') | float }} as double)
        ) as tolerance
    from summed
),

final as (
    select
        source,
        metric,
        period_start_on,
        reconciliation_key,
        starts_at,
        ends_at,
        our_value,
        reported_value,
        difference,
        cast(tolerance as double) as tolerance,
        abs(difference) <= tolerance as is_within_tolerance
    from compared
)

select * from final
