-- The first click of a person on each message: what a message looks up there.
with

clicks as (
    select
        record_id,
        clicked_at
    from {{ ref('int_link_clicks__reached') }}
    where is_human and not has_clock_anomaly and record_id is not null
),

final as (
    select
        record_id,
        min(clicked_at) as first_clicked_at
    from clicks
    group by record_id
)

select * from final
