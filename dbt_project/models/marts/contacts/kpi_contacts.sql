with

contacts as (
    select
        contact_id,
        created_source,
        is_chat_contact,
        {{ reporting_date('created_at') }} as created_on,
        {{ reporting_date('deleted_at') }} as deleted_on
    from {{ ref('dim_contacts') }}
    where not is_test and created_at is not null
),

contact_days as (
    select
        contact_id,
        messages_replied
    from {{ ref('int_contact_channel_days') }}
    where direction = 'outbound'
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
    where subject = 'contacts'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'contacts'
),

messaged_contacts as (
    select
        contact_id,
        sum(messages_replied) > 0 as has_responded
    from contact_days
    group by contact_id
),

-- A cohort: whatever comes later belongs to the day on which the contact was added. A deletion
-- takes nobody out of it.
added_days as (
    select
        contacts.created_source,
        contacts.created_on as day_on,
        count(*) filter (where contacts.is_chat_contact) as contacts_added,
        count(*) as people_added,
        count(messaged_contacts.contact_id) filter (where contacts.is_chat_contact)
            as contacts_messaged,
        count(*) filter (where contacts.is_chat_contact and messaged_contacts.has_responded)
            as contacts_responded
    from contacts
    left join messaged_contacts on contacts.contact_id = messaged_contacts.contact_id
    group by contacts.created_source, contacts.created_on
),

deleted_days as (
    select
        created_source,
        deleted_on as day_on,
        count(*) filter (where is_chat_contact) as contacts_deleted,
        count(*) as people_deleted
    from contacts
    where deleted_on is not null
    group by created_source, deleted_on
),

days as (
    select
        created_source,
        day_on,
        contacts_added,
        people_added,
        0 as contacts_deleted,
        0 as people_deleted,
        contacts_messaged,
        contacts_responded
    from added_days
    union all
    select
        created_source,
        day_on,
        0 as contacts_added,
        0 as people_added,
        contacts_deleted,
        people_deleted,
        0 as contacts_messaged,
        0 as contacts_responded
    from deleted_days
),

-- A date that nobody believes begins nothing: it lies outside the calendar.
sources as (
    select
        created_source,
        min(day_on) as first_event_on
    from days
    where day_on in (select period_days.day_on from period_days)
    group by created_source
),

period_sums as (
    select
        days.created_source,
        period_days.period_grain,
        period_days.period_start_on,
        sum(days.contacts_added) as contacts_added,
        sum(days.people_added) as people_added,
        sum(days.contacts_deleted) as contacts_deleted,
        sum(days.people_deleted) as people_deleted,
        sum(days.contacts_messaged) as contacts_messaged,
        sum(days.contacts_responded) as contacts_responded
    from days
    inner join period_days on days.day_on = period_days.day_on
    group by days.created_source, period_days.period_grain, period_days.period_start_on
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        sources.created_source,
        coalesce(period_sums.contacts_added, 0) as contacts_added,
        coalesce(period_sums.people_added, 0) as people_added,
        coalesce(period_sums.contacts_deleted, 0) as contacts_deleted,
        coalesce(period_sums.people_deleted, 0) as people_deleted,
        coalesce(period_sums.contacts_messaged, 0) as contacts_messaged,
        coalesce(period_sums.contacts_responded, 0) as contacts_responded,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from sources
    inner join periods on sources.first_event_on <= periods.period_end_on
    left join period_sums
        on
            sources.created_source = period_sums.created_source
            and periods.period_grain = period_sums.period_grain
            and periods.period_start_on = period_sums.period_start_on
),

final as (
    select
        period_grain,
        period_start_on,
        created_source,
        cast(contacts_added as bigint) as contacts_added,
        cast(contacts_deleted as bigint) as contacts_deleted,
        cast(contacts_messaged as bigint) as contacts_messaged,
        cast(contacts_responded as bigint) as contacts_responded,
        {{ safe_divide('contacts_responded', 'contacts_messaged') }} as contact_response_rate,
        cast(people_added as bigint) as people_added,
        cast(people_deleted as bigint) as people_deleted,
        is_complete,
        {{ has_matured(['response_window_hours']) }} as is_mature
    from counted
)

select * from final
