with

customer_days as (
    select
        contact_id,
        cast(date_trunc('month', ordered_on) as date) as month_on
    from {{ ref('int_customer_days') }}
),

contact_days as (
    select
        contact_id,
        cast(date_trunc('month', active_on) as date) as month_on
    from {{ ref('fct_contact_days') }}
),

-- A purchase is seen by the clock of the orders, activity by that of orders and messages.
watermarks as (
    select
        case subject when 'orders' then 'purchase' else 'engagement' end as retention_type,
        {{ reporting_date('watermark_at') }} as watermark_on
    from {{ ref('int_watermarks') }}
    where subject in ('orders', 'activity')
),

active_months as (
    select distinct
        'purchase' as retention_type,
        contact_id,
        month_on
    from customer_days
    union all
    select distinct
        'engagement' as retention_type,
        contact_id,
        month_on
    from contact_days
),

contact_months as (
    select
        retention_type,
        contact_id,
        month_on,
        min(month_on) over (partition by retention_type, contact_id) as cohort_month_on
    from active_months
),

counted as (
    select
        retention_type,
        cohort_month_on,
        month_on,
        count(*) as contacts
    from contact_months
    group by retention_type, cohort_month_on, month_on
),

-- A cohort that begins after the watermark has not begun.
cohorts as (
    select
        counted.retention_type,
        counted.cohort_month_on,
        counted.contacts as cohort_contacts,
        watermarks.watermark_on,
        min(counted.cohort_month_on) over (partition by counted.retention_type) as first_month_on
    from counted
    inner join watermarks on counted.retention_type = watermarks.retention_type
    where
        counted.month_on = counted.cohort_month_on
        and counted.cohort_month_on <= watermarks.watermark_on
),

-- Every cohort has as many cells as the oldest one.
counted_months as (
    select
        retention_type,
        cohort_month_on,
        cohort_contacts,
        watermark_on,
        first_month_on,
        {{ each_month('first_month_on', 'watermark_on') }} as counted_month_on
    from cohorts
),

numbered as (
    select
        retention_type,
        cohort_month_on,
        {{ months_between('first_month_on', 'counted_month_on') }} as month_number,
        cohort_contacts,
        watermark_on
    from counted_months
),

cells as (
    select
        retention_type,
        cohort_month_on,
        month_number,
        cast(cohort_month_on + to_months(cast(month_number as integer)) as date) as month_on,
        cohort_contacts,
        watermark_on
    from numbered
),

retained as (
    select
        cells.retention_type,
        cells.cohort_month_on,
        cells.month_number,
        cells.month_on,
        cells.cohort_contacts,
        case
            when {{ month_is_observed('cells.month_on', 'cells.watermark_on') }}
                then coalesce(counted.contacts, 0)
        end as retained_contacts
    from cells
    left join counted
        on
            cells.retention_type = counted.retention_type
            and cells.cohort_month_on = counted.cohort_month_on
            and cells.month_on = counted.month_on
),

final as (
    select
        retention_type,
        cohort_month_on,
        month_number,
        month_on,
        cast(cohort_contacts as bigint) as cohort_contacts,
        cast(retained_contacts as bigint) as retained_contacts,
        {{ safe_divide('retained_contacts', 'cohort_contacts') }} as retention_rate
    from retained
)

select * from final
