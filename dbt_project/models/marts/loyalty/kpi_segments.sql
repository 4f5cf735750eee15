with

segments as (
    select
        contact_id,
        as_of_on as month_on,
        customer_segment
    from {{ ref('int_customer_segments') }}
    where not is_latest
),

customers as (
    select
        contact_id,
        first_order_on
    from {{ ref('int_customers') }}
),

contacts as (
    select
        contact_id,
        is_chat_contact,
        {{ reporting_date('created_at') }} as created_on,
        {{ reporting_date('deleted_at') }} as deleted_on
    from {{ ref('dim_contacts') }}
    where not is_test
),

orders as (
    select
        coalesce(contact_id, 'unknown') as contact_id,
        cast(date_trunc('month', ordered_on) as date) as month_on,
        net_amount
    from {{ ref('fct_orders') }}
    where is_valid and not has_clock_anomaly
),

recipients as (
    select
        contact_id,
        cast(date_trunc('month', entered_on) as date) as month_on,
        replied_at
    from {{ ref('fct_campaign_recipients') }}
    where delivered_at is not null
),

activity as (
    select
        contact_id,
        month_on,
        is_active_before,
        is_churned
    from {{ ref('int_contact_activity_months') }}
),

months as (
    select
        period_grain,
        period_start_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'activity' and period_grain = 'month'
),

first_month as (
    select min(period_start_on) as month_on
    from months
),

segment_names as (
    select unnest([
        'champions', 'loyal', 'promising', 'new', 'at_risk', 'hibernating', 'lost', 'none',
        'unknown'
    ]) as customer_segment
),

segment_sizes as (
    select
        segments.month_on,
        segments.customer_segment,
        count(*) as people,
        count(*) filter (where contacts.is_chat_contact) as contacts
    from segments
    inner join contacts on segments.contact_id = contacts.contact_id
    where coalesce(contacts.deleted_on >= segments.month_on, true)
    group by segments.month_on, segments.customer_segment
),

-- Whoever has not bought yet is of the segment `none` at every first of a month after their first
-- trace, up to their first order or deletion.
not_yet_customers as (
    select
        contacts.is_chat_contact,
        contacts.created_on,
        least(
            coalesce(customers.first_order_on, date '9999-01-01'),
            coalesce(contacts.deleted_on, date '9999-01-01')
        ) as ended_on
    from contacts
    left join customers on contacts.contact_id = customers.contact_id
    where contacts.created_on is not null
),

changes as (
    select
        created_on as changed_on,
        1 as people,
        if(is_chat_contact, 1, 0) as contacts
    from not_yet_customers
    where created_on < ended_on
    union all
    select
        ended_on as changed_on,
        -1 as people,
        if(is_chat_contact, -1, 0) as contacts
    from not_yet_customers
    where created_on < ended_on
),

-- A change of a day is seen on the first of the month after it.
monthly_changes as (
    select
        greatest(
            cast(date_trunc('month', changes.changed_on) + interval 1 month as date),
            first_month.month_on
        ) as month_on,
        sum(changes.people) as people,
        sum(changes.contacts) as contacts
    from changes
    cross join first_month
    group by all
),

none_sizes as (
    select
        months.period_start_on as month_on,
        'none' as customer_segment,
        sum(coalesce(monthly_changes.people, 0)) over until_month as people,
        sum(coalesce(monthly_changes.contacts, 0)) over until_month as contacts
    from months
    left join monthly_changes on months.period_start_on = monthly_changes.month_on
    window until_month as (
        order by months.period_start_on
        rows between unbounded preceding and current row
    )
),

sizes as (
    select
        month_on,
        customer_segment,
        people,
        contacts
    from segment_sizes
    union all
    select
        month_on,
        customer_segment,
        people,
        contacts
    from none_sizes
),

segment_orders as (
    select
        orders.month_on,
        case
            when orders.contact_id = 'unknown' then 'unknown'
            else coalesce(segments.customer_segment, 'none')
        end as customer_segment,
        count(*) as orders_valid,
        count(*) - count(orders.net_amount) as orders_amount_unknown,
        sum(orders.net_amount) as net_revenue_amount
    from orders
    left join segments
        on orders.contact_id = segments.contact_id and orders.month_on = segments.month_on
    group by all
),

segment_recipients as (
    select
        recipients.month_on,
        coalesce(segments.customer_segment, 'none') as customer_segment,
        count(*) as recipients_delivered,
        count(recipients.replied_at) as recipients_replied
    from recipients
    left join segments
        on recipients.contact_id = segments.contact_id and recipients.month_on = segments.month_on
    group by all
),

segment_activity as (
    select
        activity.month_on,
        coalesce(segments.customer_segment, 'none') as customer_segment,
        count(*) filter (where activity.is_active_before) as contacts_active_before,
        count(*) filter (where activity.is_churned) as contacts_churned
    from activity
    left join segments
        on activity.contact_id = segments.contact_id and activity.month_on = segments.month_on
    group by all
),

counted as (
    select
        months.period_grain,
        months.period_start_on,
        segment_names.customer_segment,
        coalesce(sizes.people, 0) as people,
        coalesce(sizes.contacts, 0) as contacts,
        coalesce(segment_orders.orders_valid, 0) as orders_valid,
        coalesce(segment_orders.orders_amount_unknown, 0) as orders_amount_unknown,
        coalesce(segment_orders.net_revenue_amount, 0) as net_revenue_amount,
        coalesce(segment_recipients.recipients_delivered, 0) as recipients_delivered,
        coalesce(segment_recipients.recipients_replied, 0) as recipients_replied,
        coalesce(segment_activity.contacts_active_before, 0) as contacts_active_before,
        coalesce(segment_activity.contacts_churned, 0) as contacts_churned,
        months.ends_at,
        months.watermark_at,
        months.is_complete
    from months
    cross join segment_names
    left join sizes
        on
            months.period_start_on = sizes.month_on
            and segment_names.customer_segment = sizes.customer_segment
    left join segment_orders
        on
            months.period_start_on = segment_orders.month_on
            and segment_names.customer_segment = segment_orders.customer_segment
    left join segment_recipients
        on
            months.period_start_on = segment_recipients.month_on
            and segment_names.customer_segment = segment_recipients.customer_segment
    left join segment_activity
        on
            months.period_start_on = segment_activity.month_on
            and segment_names.customer_segment = segment_activity.customer_segment
),

final as (
    select
        period_grain,
        period_start_on,
        customer_segment,
        cast(people as bigint) as people,
        cast(contacts as bigint) as contacts,
        cast(orders_valid as bigint) as orders_valid,
        cast(orders_amount_unknown as bigint) as orders_amount_unknown,
        cast(net_revenue_amount as decimal(18, 4)) as net_revenue_amount,
        {{ safe_divide('net_revenue_amount', 'orders_valid - orders_amount_unknown') }}
            as average_order_value_amount,
        cast(recipients_delivered as bigint) as recipients_delivered,
        cast(recipients_replied as bigint) as recipients_replied,
        {{ safe_divide('recipients_replied', 'recipients_delivered') }} as response_rate,
        cast(contacts_active_before as bigint) as contacts_active_before,
        cast(contacts_churned as bigint) as contacts_churned,
        {{ safe_divide('contacts_churned', 'contacts_active_before') }} as churn_rate,
        is_complete,
        {{ has_matured(['response_window_hours']) }} as is_mature
    from counted
)

select * from final
