-- One row per stream of people's events, surveys and ads that comes as an export: how far its clock
-- can be believed. The rule is that of int_stream_clocks: what lies later than a gap of more than
-- clock_gap_days, behind which hardly anything follows, is an anomaly. These streams hold no other
-- subject back.
with

consent_events as (
    select distinct
        phone,
        name_value,
        native_channel_id,
        event,
        occurred_at
    from {{ ref('stg_consent__events') }}
    where not is_implausible
),

contact_events as (
    select distinct
        phone,
        name_value,
        event,
        value,
        occurred_at
    from {{ ref('stg_contacts__events') }}
    where not is_implausible
),

listed_contacts as (
    select distinct
        phone,
        name_value,
        created_at
    from {{ ref('stg_generic__contacts') }}
    where created_at is not null and not is_implausible
),

leads as (
    select distinct
        lead_id,
        unnest([created_at, qualified_at, won_at, lost_at]) as event_at
    from {{ ref('stg_generic__leads') }}
),

ad_days as (
    select
        ad_id,
        spent_on
    from {{ ref('stg_generic__ad_spend') }}
    union
    select
        ad_id,
        spent_on
    from {{ ref('stg_meta_ads__insights') }}
),

survey_responses as (
    select distinct
        response_key as response_ref,
        unnest([sent_at, answered_at]) as event_at
    from {{ ref('stg_surveys__responses') }}
    where is_completed
    union all
    select distinct
        source || '|' || response_id as response_ref,
        unnest([sent_at, answered_at]) as event_at
    from {{ ref('stg_generic__survey_responses') }}
    union all
    select distinct
        chatwoot_response_id as response_ref,
        answered_at as event_at
    from {{ ref('stg_chatwoot__csat_survey_responses') }}
),

events as (
    select
        'consent_events' as stream,
        occurred_at as event_at
    from consent_events
    union all
    select
        'contact_events' as stream,
        occurred_at as event_at
    from contact_events
    union all
    select
        'contacts' as stream,
        created_at as event_at
    from listed_contacts
    union all
    select
        'leads' as stream,
        event_at
    from leads
    where event_at >= timestamp '1971-01-01'
    union all
    select
        'ad_spend' as stream,
        cast(spent_on as timestamp) as event_at
    from ad_days
    where spent_on >= date '1971-01-01'
    union all
    select
        'survey_responses' as stream,
        event_at
    from survey_responses
    where event_at >= timestamp '1971-01-01'
),

counts as (
    select
        stream,
        cast(count(*) as bigint) as events,
        max(event_at) as last_event_at
    from events
    group by stream
),

limits as (
    {{ clock_limits('events') }}
),

final as (
    select
        counts.stream,
        counts.events,
        limits.last_plausible_at,
        coalesce(limits.last_plausible_at, counts.last_event_at) as watermark_at
    from counts
    left join limits on counts.stream = limits.stream
)

select * from final
