with

final as (
    select
        campaign_id,
        campaign_name,
        campaign_type,
        goal,
        planned_at,
        template_name,
        utm_campaign,
        coupon_codes,
        software_fee_amount,
        incentive_amount,
        is_registered,
        has_personal_links
    from {{ ref('int_campaigns') }}
)

select * from final
