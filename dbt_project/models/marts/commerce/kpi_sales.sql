with

orders as (
    select
        order_id,
        contact_id,
        ordered_at,
        ordered_on,
        is_valid,
        is_cod,
        is_rto,
        gross_amount,
        net_amount,
        attributed_touch_type is not null as is_attributed,
        not is_test and (fulfilled_at is not null or is_rto) as is_shipped,
        -- What was sold and then refunded as a whole is valid no more, yet it was a sale that day.
        is_valid
        or (
            not is_test
            and not is_rto
            and cancelled_at is null
            and order_status not in ('cancelled', 'voided', 'failed', 'returned')
            and refunded_amount > 0
            and refunded_amount >= gross_amount
        ) as is_sold
    from {{ ref('fct_orders') }}
    where not has_clock_anomaly
),

refunds as (
    select
        order_id,
        refunded_on,
        refunded_amount
    from {{ ref('fct_order_refunds') }}
),

leads as (
    select
        lead_id,
        contact_id,
        created_at,
        {{ reporting_date('created_at') }} as created_on,
        qualified_at,
        won_at
    from {{ ref('fct_leads') }}
    where not has_clock_anomaly
),

checkouts as (
    select
        created_on,
        messaged_at is not null as is_messaged,
        recovered_order_id <> 'none' as is_recovered
    from {{ ref('fct_abandoned_checkouts') }}
    where not has_clock_anomaly
),

conversations as (
    select
        contact_id,
        opened_on,
        opened_by = 'contact' and not is_reopening as is_started_by_contact,
        first_inbound_at
    from {{ ref('fct_conversations') }}
    where not has_clock_anomaly
),

chat_contacts as (
    select contact_id
    from {{ ref('dim_contacts') }}
    where is_chat_contact
),

periods as (
    select
        period_grain,
        period_start_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'sales'
),

service_watermark as (
    select max(watermark_at) as watermark_at
    from {{ ref('int_watermarks') }}
    where subject = 'service'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'sales'
),

-- A stream that nobody exports is not known: not 0.
loaded as (
    select
        (select count(*) from orders) > 0 as has_orders,
        (select count(*) from conversations) > 0 as has_conversations,
        (select count(*) from leads) > 0 as has_leads,
        (select count(*) from checkouts) > 0 as has_checkouts
),

order_days as (
    select
        orders.ordered_on as day_on,
        count(*) filter (where orders.is_valid) as orders_valid,
        count(*) filter (where orders.is_valid and orders.net_amount is null)
            as orders_amount_unknown,
        sum(orders.net_amount) filter (where orders.is_valid) as revenue_amount,
        count(*) filter (where orders.is_valid and orders.is_attributed) as orders_attributed,
        count(*) filter (
            where orders.is_valid and orders.is_attributed and orders.net_amount is null
        ) as orders_attributed_amount_unknown,
        sum(orders.net_amount) filter (where orders.is_valid and orders.is_attributed)
            as attributed_revenue_amount,
        count(*) filter (where orders.is_valid and chat_contacts.contact_id is not null)
            as orders_stitched,
        count(*) filter (where orders.is_shipped) as orders_shipped,
        count(*) filter (where orders.is_shipped and orders.is_rto) as orders_rto,
        count(*) filter (where orders.is_shipped and orders.is_cod) as orders_cod_shipped,
        count(*) filter (where orders.is_shipped and orders.is_cod and orders.is_rto)
            as orders_cod_rto,
        count(*) filter (where orders.is_sold and orders.gross_amount is null)
            as sales_amount_unknown,
        sum(orders.gross_amount) filter (where orders.is_sold) as gross_sales_amount
    from orders
    left join chat_contacts on orders.contact_id = chat_contacts.contact_id
    group by orders.ordered_on
),

-- Nothing flows back before it was paid: a refund dated earlier counts on the day of its order.
refund_days as (
    select
        greatest(refunds.refunded_on, orders.ordered_on) as day_on,
        count(*) filter (where refunds.refunded_amount is null) as refunds_amount_unknown,
        sum(refunds.refunded_amount) as refunds_amount
    from refunds
    inner join orders on refunds.order_id = orders.order_id
    where orders.is_sold
    group by greatest(refunds.refunded_on, orders.ordered_on)
),

valid_orders as (
    select distinct
        contact_id,
        ordered_at
    from orders
    where is_valid and contact_id is not null
),

ordering_leads as (
    select
        leads.lead_id,
        valid_orders.ordered_at
    from leads
    asof join valid_orders
        on
            leads.contact_id = valid_orders.contact_id
            and leads.created_at <= valid_orders.ordered_at
),

lead_days as (
    select
        leads.created_on as day_on,
        count(*) as leads,
        count(leads.qualified_at) as qualified_leads,
        count(*) filter (
            where
            least(leads.won_at, ordering_leads.ordered_at)
            <= leads.created_at + interval ({{ var('sales_conversion_days') | int }}) day
        ) as leads_converted
    from leads
    left join ordering_leads on leads.lead_id = ordering_leads.lead_id
    group by leads.created_on
),

checkout_days as (
    select
        created_on as day_on,
        count(*) as checkouts_abandoned,
        count(*) filter (where is_messaged) as checkouts_messaged,
        count(*) filter (where is_messaged and is_recovered) as checkouts_recovered,
        count(*) filter (where not is_messaged and is_recovered)
            as checkouts_recovered_unmessaged
    from checkouts
    group by created_on
),

conversation_days as (
    select
        opened_on as day_on,
        count(first_inbound_at) as conversations_with_inbound
    from conversations
    group by opened_on
),

-- A contact counts once per period: days can't be added up.
starting_contacts as (
    select distinct
        period_days.period_grain,
        period_days.period_start_on,
        conversations.contact_id
    from conversations
    inner join period_days on conversations.opened_on = period_days.day_on
    where
        conversations.is_started_by_contact
        and conversations.contact_id not in ('none', 'unknown')
),

lead_contacts as (
    select distinct
        period_days.period_grain,
        period_days.period_start_on,
        leads.contact_id
    from leads
    inner join period_days on leads.created_on = period_days.day_on
),

starting_totals as (
    select
        starting_contacts.period_grain,
        starting_contacts.period_start_on,
        count(*) as contacts_started_conversation,
        count(lead_contacts.contact_id) as contacts_started_lead
    from starting_contacts
    left join lead_contacts
        on
            starting_contacts.period_grain = lead_contacts.period_grain
            and starting_contacts.period_start_on = lead_contacts.period_start_on
            and starting_contacts.contact_id = lead_contacts.contact_id
    group by starting_contacts.period_grain, starting_contacts.period_start_on
),

totals as (
    select
        period_days.period_grain,
        period_days.period_start_on,
        coalesce(sum(conversation_days.conversations_with_inbound), 0)
            as conversations_with_inbound,
        coalesce(sum(lead_days.leads), 0) as leads,
        coalesce(sum(lead_days.qualified_leads), 0) as qualified_leads,
        coalesce(sum(lead_days.leads_converted), 0) as leads_converted,
        coalesce(sum(order_days.orders_valid), 0) as orders_valid,
        coalesce(sum(order_days.orders_amount_unknown), 0) as orders_amount_unknown,
        {{ known_amount('order_days.revenue_amount', 'order_days.orders_amount_unknown') }}
            as revenue_amount,
        coalesce(sum(order_days.orders_attributed), 0) as orders_attributed,
        {{ known_amount(
            'order_days.attributed_revenue_amount', 'order_days.orders_attributed_amount_unknown'
        ) }} as attributed_revenue_amount,
        coalesce(sum(order_days.orders_stitched), 0) as orders_stitched,
        coalesce(sum(order_days.orders_shipped), 0) as orders_shipped,
        coalesce(sum(order_days.orders_rto), 0) as orders_rto,
        coalesce(sum(order_days.orders_cod_shipped), 0) as orders_cod_shipped,
        coalesce(sum(order_days.orders_cod_rto), 0) as orders_cod_rto,
        coalesce(sum(checkout_days.checkouts_abandoned), 0) as checkouts_abandoned,
        coalesce(sum(checkout_days.checkouts_messaged), 0) as checkouts_messaged,
        coalesce(sum(checkout_days.checkouts_recovered), 0) as checkouts_recovered,
        coalesce(sum(checkout_days.checkouts_recovered_unmessaged), 0)
            as checkouts_recovered_unmessaged,
        {{ known_amount('order_days.gross_sales_amount', 'order_days.sales_amount_unknown') }}
            as gross_sales_amount,
        {{ known_amount('refund_days.refunds_amount', 'refund_days.refunds_amount_unknown') }}
            as refunds_amount
    from period_days
    left join order_days on period_days.day_on = order_days.day_on
    left join refund_days on period_days.day_on = refund_days.day_on
    left join lead_days on period_days.day_on = lead_days.day_on
    left join checkout_days on period_days.day_on = checkout_days.day_on
    left join conversation_days on period_days.day_on = conversation_days.day_on
    group by period_days.period_grain, period_days.period_start_on
),

-- Conversations may end before the orders do, with an inbox that was last dumped a month ago: its
-- customers didn't fall silent. Of a running period they must know every day that the mart has.
served_periods as (
    select
        periods.period_grain,
        periods.period_start_on,
        loaded.has_conversations
        and coalesce(
            service_watermark.watermark_at >= periods.ends_at
            or (
                not periods.is_complete
                and {{ reporting_date('service_watermark.watermark_at') }}
                >= {{ reporting_date('periods.watermark_at') }}
            ),
            false
        ) as has_conversations
    from periods
    cross join service_watermark
    cross join loaded
),

known as (
    select
        periods.period_grain,
        periods.period_start_on,
        case
            when served_periods.has_conversations
                then coalesce(starting_totals.contacts_started_conversation, 0)
        end as contacts_started_conversation,
        case
            when served_periods.has_conversations and loaded.has_leads
                then coalesce(starting_totals.contacts_started_lead, 0)
        end as contacts_started_lead,
        case when served_periods.has_conversations then totals.conversations_with_inbound end
            as conversations_with_inbound,
        case when loaded.has_leads then totals.leads end as leads,
        case when loaded.has_leads then totals.qualified_leads end as qualified_leads,
        case when loaded.has_leads then totals.leads_converted end as leads_converted,
        case when loaded.has_orders then totals.orders_valid end as orders_valid,
        case when loaded.has_orders then totals.orders_amount_unknown end
            as orders_amount_unknown,
        case when loaded.has_orders then totals.revenue_amount end as revenue_amount,
        case when loaded.has_orders then totals.orders_attributed end as orders_attributed,
        case when loaded.has_orders then totals.attributed_revenue_amount end
            as attributed_revenue_amount,
        case when loaded.has_orders then totals.orders_stitched end as orders_stitched,
        case when loaded.has_orders then totals.orders_shipped end as orders_shipped,
        case when loaded.has_orders then totals.orders_rto end as orders_rto,
        case when loaded.has_orders then totals.orders_cod_shipped end as orders_cod_shipped,
        case when loaded.has_orders then totals.orders_cod_rto end as orders_cod_rto,
        case when loaded.has_checkouts then totals.checkouts_abandoned end
            as checkouts_abandoned,
        case when loaded.has_checkouts then totals.checkouts_messaged end as checkouts_messaged,
        case when loaded.has_checkouts then totals.checkouts_recovered end
            as checkouts_recovered,
        case when loaded.has_checkouts then totals.checkouts_recovered_unmessaged end
            as checkouts_recovered_unmessaged,
        case when loaded.has_orders then totals.gross_sales_amount end as gross_sales_amount,
        case when loaded.has_orders then totals.refunds_amount end as refunds_amount,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from periods
    inner join totals
        on
            periods.period_grain = totals.period_grain
            and periods.period_start_on = totals.period_start_on
    inner join served_periods
        on
            periods.period_grain = served_periods.period_grain
            and periods.period_start_on = served_periods.period_start_on
    left join starting_totals
        on
            periods.period_grain = starting_totals.period_grain
            and periods.period_start_on = starting_totals.period_start_on
    cross join loaded
),

final as (
    select
        period_grain,
        period_start_on,
        cast(contacts_started_conversation as bigint) as contacts_started_conversation,
        cast(contacts_started_lead as bigint) as contacts_started_lead,
        {{ safe_divide('contacts_started_lead', 'contacts_started_conversation') }}
            as lead_generation_rate,
        cast(leads as bigint) as leads,
        cast(qualified_leads as bigint) as qualified_leads,
        cast(leads_converted as bigint) as leads_converted,
        {{ safe_divide('leads_converted', 'leads') }} as sales_conversion_rate,
        cast(orders_valid as bigint) as orders_valid,
        cast(orders_amount_unknown as bigint) as orders_amount_unknown,
        cast(revenue_amount as decimal(18, 4)) as revenue_amount,
        cast(orders_attributed as bigint) as orders_attributed,
        cast(attributed_revenue_amount as decimal(18, 4)) as attributed_revenue_amount,
        cast(conversations_with_inbound as bigint) as conversations_with_inbound,
        {{ safe_divide('attributed_revenue_amount', 'conversations_with_inbound') }}
            as revenue_per_conversation_amount,
        cast(orders_stitched as bigint) as orders_stitched,
        {{ safe_divide('orders_stitched', 'orders_valid') }} as stitched_order_rate,
        cast(orders_shipped as bigint) as orders_shipped,
        cast(orders_rto as bigint) as orders_rto,
        {{ safe_divide('orders_rto', 'orders_shipped') }} as rto_rate,
        cast(orders_cod_shipped as bigint) as orders_cod_shipped,
        cast(orders_cod_rto as bigint) as orders_cod_rto,
        {{ safe_divide('orders_cod_rto', 'orders_cod_shipped') }} as cod_rto_rate,
        cast(checkouts_abandoned as bigint) as checkouts_abandoned,
        cast(checkouts_messaged as bigint) as checkouts_messaged,
        cast(checkouts_recovered as bigint) as checkouts_recovered,
        cast(checkouts_recovered_unmessaged as bigint) as checkouts_recovered_unmessaged,
        {{ safe_divide('checkouts_recovered', 'checkouts_messaged') }} as cart_recovery_rate,
        cast(gross_sales_amount as decimal(18, 4)) as gross_sales_amount,
        cast(refunds_amount as decimal(18, 4)) as refunds_amount,
        cast(gross_sales_amount - refunds_amount as decimal(18, 4)) as net_sales_amount,
        is_complete,
        {{ has_matured([
            'sales_conversion_days', 'rto_maturity_days', 'attribution_click_days'
        ]) }} as is_mature
    from known
)

select * from final
