-- The user's own list where there is one, as a whole; else the shipped one.
with

own_topics as (
    select
        topic,
        pattern
    from {{ source('raw', 'reference_feedback_topics') }}
),

topics as (
    select
        topic,
        pattern
    from own_topics
    union all
    select
        topic,
        pattern
    from {{ ref('feedback_topics') }}
    where not exists (select 1 from own_topics)
),

final as (
    select distinct
        trim(topic) as topic,
        pattern
    from topics
)

select * from final
