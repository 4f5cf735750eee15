-- The one base of churn: who was active in a month or in the one before it (SEMANTICS 18).
with

contact_days as (
    select
        contact_id,
        active_on
    from {{ ref('fct_contact_days') }}
),

consent_events as (
    select
        contact_id,
        event,
        occurred_at
    from {{ ref('fct_consent_events') }}
    where not has_clock_anomaly
),

deletions as (
    select
        contact_id,
        deleted_at
    from {{ ref('int_contacts__described') }}
    where deleted_at is not null
),

months as (
    select
        period_start_on as month_on,
        ends_at
    from {{ ref('int_periods') }}
    where subject = 'activity' and period_grain = 'month'
),

active_months as (
    select distinct
        contact_id,
        cast(date_trunc('month', active_on) as date) as month_on
    from contact_days
),

-- Of each active month itself and of the month after it, in which somebody may be missing.
neighbouring_months as (
    select
        contact_id,
        month_on,
        lag(month_on) over contact_months as previous_month_on,
        lead(month_on) over contact_months as next_month_on
    from active_months
    window contact_months as (partition by contact_id order by month_on)
),

contact_months as (
    select
        contact_id,
        month_on,
        true as is_active,
        coalesce(previous_month_on = month_on - interval 1 month, false) as is_active_before,
        coalesce(previous_month_on < month_on - interval 1 month, false) as is_reactivated
    from neighbouring_months
    union all
    select
        contact_id,
        cast(month_on + interval 1 month as date) as month_on,
        false as is_active,
        true as is_active_before,
        false as is_reactivated
    from neighbouring_months
    where coalesce(next_month_on > month_on + interval 1 month, true)
),

dated as (
    select
        contact_months.contact_id,
        contact_months.month_on,
        contact_months.is_active,
        contact_months.is_active_before,
        contact_months.is_reactivated,
        months.ends_at
    from contact_months
    inner join months on contact_months.month_on = months.month_on
),

-- In one second an opt-out is the last word.
last_consent as (
    select
        dated.contact_id,
        dated.month_on,
        max_by(
            consent_events.event,
            (consent_events.occurred_at, consent_events.event)
        ) as event
    from dated
    inner join consent_events
        on
            dated.contact_id = consent_events.contact_id
            and dated.ends_at > consent_events.occurred_at
    where not dated.is_active
    group by dated.contact_id, dated.month_on
),

final as (
    select
        dated.contact_id,
        dated.month_on,
        dated.is_active,
        dated.is_active_before,
        dated.is_reactivated,
        dated.is_active_before and not dated.is_active as is_churned,
        dated.is_active_before
        and not dated.is_active
        and (
            coalesce(last_consent.event = 'opt_out', false)
            or coalesce(deletions.deleted_at < dated.ends_at, false)
        ) as is_hard_churned
    from dated
    left join last_consent
        on
            dated.contact_id = last_consent.contact_id
            and dated.month_on = last_consent.month_on
    left join deletions on dated.contact_id = deletions.contact_id
)

select * from final
