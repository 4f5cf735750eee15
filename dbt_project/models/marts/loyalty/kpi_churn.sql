with

contact_months as (
    select
        month_on,
        is_active,
        is_active_before,
        is_reactivated,
        is_churned,
        is_hard_churned
    from {{ ref('int_contact_activity_months') }}
),

months as (
    select
        period_grain,
        period_start_on,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'activity' and period_grain = 'month'
),

counted as (
    select
        month_on,
        count(*) filter (where is_active_before) as contacts_active_before,
        count(*) filter (where is_active_before and is_active) as contacts_retained,
        count(*) filter (where is_churned) as contacts_churned,
        count(*) filter (where is_hard_churned) as contacts_hard_churned,
        count(*) filter (where is_reactivated) as contacts_reactivated
    from contact_months
    group by month_on
),

dense as (
    select
        months.period_grain,
        months.period_start_on,
        coalesce(counted.contacts_active_before, 0) as contacts_active_before,
        coalesce(counted.contacts_retained, 0) as contacts_retained,
        coalesce(counted.contacts_churned, 0) as contacts_churned,
        coalesce(counted.contacts_hard_churned, 0) as contacts_hard_churned,
        coalesce(counted.contacts_reactivated, 0) as contacts_reactivated,
        months.is_complete
    from months
    left join counted on months.period_start_on = counted.month_on
),

final as (
    select
        period_grain,
        period_start_on,
        cast(contacts_active_before as bigint) as contacts_active_before,
        cast(contacts_retained as bigint) as contacts_retained,
        cast(contacts_churned as bigint) as contacts_churned,
        {{ safe_divide('contacts_churned', 'contacts_active_before') }} as churn_rate,
        cast(contacts_hard_churned as bigint) as contacts_hard_churned,
        cast(contacts_reactivated as bigint) as contacts_reactivated,
        is_complete,
        is_complete as is_mature
    from dense
)

select * from final
