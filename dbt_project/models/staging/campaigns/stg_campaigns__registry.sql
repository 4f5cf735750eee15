with

registry as (
    select
        _load_id,
        _row_number,
        campaign_id,
        campaign_name,
        campaign_type,
        goal,
        template_name,
        planned_at,
        software_fee_amount,
        incentive_amount,
        currency_code,
        utm_campaign,
        coupon_codes
    from {{ source('raw', 'campaigns_registry') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        registry.campaign_id,
        registry.campaign_name,
        case
            when
                lower(registry.campaign_type) in ('broadcast', 'drip', 'flow', 'transactional')
                then lower(registry.campaign_type)
            when registry.campaign_type is not null then 'other'
        end as campaign_type,
        -- As everything that reads it writes it; the name of an event is the business' own.
        coalesce(
            case
                when lower(registry.goal) like 'event:%'
                    then 'event:' || trim(substr(registry.goal, 7))
                else lower(registry.goal)
            end,
            'order'
        ) as goal,
        registry.template_name,
        {{ utc_time('registry.planned_at') }} as planned_at,
        {{ parsed_amount('registry.software_fee_amount') }} as software_fee_amount,
        {{ parsed_amount('registry.incentive_amount') }} as incentive_amount,
        upper(registry.currency_code) as currency_code,
        {{ published_utm('registry.utm_campaign') }} as utm_campaign,
        registry.coupon_codes
    from registry
    inner join load_precedence on registry._load_id = load_precedence.load_id
    -- Within a file the lower line is the newer.
    qualify
        row_number() over (
            partition by registry.campaign_id
            order by load_precedence.precedence desc, registry._row_number desc
        ) = 1
)

select * from final
