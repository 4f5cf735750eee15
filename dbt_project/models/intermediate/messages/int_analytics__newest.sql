-- What Meta last said of each span: the newest export of a point counts, and its price tiers are
-- one volume.
with

points as (
    select
        precedence,
        coalesce(case when source = 'pricing_analytics' then waba_id end, '') as waba_id,
        source,
        starts_at,
        ends_at,
        template_id,
        phone_number,
        country_code,
        pricing_type,
        pricing_category,
        tier,
        messages_sent,
        messages_delivered,
        messages_read,
        messages_clicked,
        volume,
        cost_amount
    from {{ ref('stg_whatsapp__analytics') }}
),

newest_points as (
    select *
    from points
    qualify
        rank() over (
            partition by
                waba_id,
                source,
                starts_at,
                ends_at,
                template_id,
                phone_number,
                country_code,
                pricing_type,
                pricing_category
            order by precedence desc
        ) = 1
),

-- One export may hold a point twice, asked for at two times: counts only grow.
tiers as (
    select
        waba_id,
        source,
        starts_at,
        ends_at,
        template_id,
        phone_number,
        country_code,
        pricing_type,
        pricing_category,
        tier,
        max(messages_sent) as messages_sent,
        max(messages_delivered) as messages_delivered,
        max(messages_read) as messages_read,
        max(messages_clicked) as messages_clicked,
        max(volume) as volume,
        max(cost_amount) as cost_amount
    from newest_points
    group by all
),

final as (
    select
        source,
        starts_at,
        ends_at,
        template_id,
        phone_number,
        country_code,
        pricing_type,
        pricing_category,
        sum(messages_sent) as messages_sent,
        sum(messages_delivered) as messages_delivered,
        sum(messages_read) as messages_read,
        sum(messages_clicked) as messages_clicked,
        sum(volume) as volume,
        sum(cost_amount) as cost_amount
    from tiers
    group by
        source,
        starts_at,
        ends_at,
        template_id,
        phone_number,
        country_code,
        pricing_type,
        pricing_category
)

select * from final
