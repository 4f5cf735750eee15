-- The human clicks of each campaign: on which of its messages, in which arm and cohort. A click
-- without a message of its own belongs to the person's last message of the campaign before it; one
-- without a person counts in the cohort that was the newest when it came.
with

clicks as (
    select
        click_id,
        clicked_at,
        contact_id,
        campaign_id,
        variant,
        message_id
    from {{ ref('int_link_clicks') }}
    where is_human and not has_clock_anomaly
),

messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        message_group,
        message_at
    from {{ ref('int_campaign_messages') }}
),

entries as (
    select
        campaign_id,
        contact_id,
        message_group,
        variant,
        entered_on
    from {{ ref('int_campaign_entries') }}
),

clicked_messages as (
    select
        clicks.click_id,
        messages.message_id,
        messages.campaign_id,
        messages.contact_id,
        messages.message_group,
        messages.message_at
    from clicks
    inner join messages
        on clicks.message_id = messages.message_id and clicks.clicked_at >= messages.message_at
    union all
    select
        clicks.click_id,
        messages.message_id,
        messages.campaign_id,
        messages.contact_id,
        messages.message_group,
        messages.message_at
    from clicks
    inner join messages
        on
            clicks.message_id = 'none'
            and clicks.campaign_id = messages.campaign_id
            and clicks.contact_id = messages.contact_id
            and clicks.clicked_at >= messages.message_at
    qualify
        row_number() over (
            partition by clicks.click_id
            order by messages.message_at desc, messages.message_id desc
        ) = 1
),

cohorts as (
    select distinct
        campaign_id,
        entered_on
    from entries
),

first_cohorts as (
    select
        campaign_id,
        min(entered_on) as first_entered_on
    from cohorts
    group by campaign_id
),

arms as (
    select
        campaign_id,
        min(variant) as only_variant
    from entries
    group by campaign_id
    having count(distinct variant) = 1
),

placed as (
    select
        clicks.click_id,
        clicks.clicked_at,
        coalesce(clicked_messages.campaign_id, clicks.campaign_id) as campaign_id,
        clicked_messages.contact_id,
        clicked_messages.message_id,
        clicked_messages.message_at,
        clicks.variant as link_variant,
        entries.variant as recipient_variant,
        entries.entered_on as recipient_entered_on
    from clicks
    left join clicked_messages on clicks.click_id = clicked_messages.click_id
    left join entries
        on
            clicked_messages.campaign_id = entries.campaign_id
            and clicked_messages.contact_id = entries.contact_id
            and clicked_messages.message_group = entries.message_group
    where coalesce(clicked_messages.campaign_id, clicks.campaign_id) <> 'none'
),

-- A click before anybody entered (somebody tried the link) counts with the first cohort.
dated as (
    select
        placed.*,
        greatest({{ reporting_date('placed.clicked_at') }}, first_cohorts.first_entered_on)
            as counted_on
    from placed
    inner join first_cohorts on placed.campaign_id = first_cohorts.campaign_id
),

final as (
    select
        dated.click_id,
        dated.clicked_at,
        dated.campaign_id,
        coalesce(
            dated.recipient_variant,
            nullif(dated.link_variant, 'none'),
            arms.only_variant,
            'none'
        ) as variant,
        coalesce(dated.recipient_entered_on, cohorts.entered_on) as entered_on,
        dated.contact_id,
        dated.message_id,
        coalesce(
            dated.clicked_at
            <= dated.message_at + interval ({{ var('click_window_days') | int }}) day,
            false
        ) as is_in_window
    from dated
    asof join cohorts
        on dated.campaign_id = cohorts.campaign_id and dated.counted_on >= cohorts.entered_on
    left join arms on dated.campaign_id = arms.campaign_id
)

select * from final
