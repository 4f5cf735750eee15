-- The data points of template_analytics and pricing_analytics: of the edge's own answer, or nested
-- under the account that was asked for them. Other fields' points have neither key nor count.
with

answers as (
    select
        _load_id,
        waba_id,
        template_analytics,
        pricing_analytics,
        data
    from {{ source('raw', 'whatsapp_analytics') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

edges as (
    select
        _load_id,
        waba_id,
        unnest(
            list_concat(
                json_extract(template_analytics, '$.data[*]'),
                json_extract(pricing_analytics, '$.data[*]'),
                json_extract(data, '$[*]'),
                [template_analytics, pricing_analytics]
            )
        ) as edge
    from answers
),

points as (
    select
        _load_id,
        waba_id,
        unnest(json_extract(edge, '$.data_points[*]')) as data_point
    from edges
),

-- Messages of which a link was clicked, where Meta counts them so, else clicks; a quick reply is no
-- link. Of the costs the sum that was spent.
read_points as (
    select
        _load_id,
        waba_id,
        data_point,
        cast(
            coalesce(
                {{ sum_of_type('data_point', 'clicked', 'unique_url_button', 'count', 'bigint') }},
                {{ sum_of_type('data_point', 'clicked', 'url_button', 'count', 'bigint') }}
            ) as bigint
        ) as messages_clicked,
        coalesce(
            try_cast(data_point ->> '$.cost' as decimal(18, 6)),
            {{ sum_of_type('data_point', 'cost', 'amount_spent', 'value', 'decimal(18, 6)') }}
        ) as cost_amount
    from points
),

typed_points as (
    select
        _load_id as load_id,
        waba_id,
        case
            when data_point ->> '$.template_id' is not null then 'template_analytics'
            when data_point ->> '$.volume' is not null then 'pricing_analytics'
        end as source,
        {{ unix_seconds("(data_point ->> '$.start')") }} as starts_at,
        {{ unix_seconds("(data_point ->> '$.end')") }} as ends_at,
        data_point ->> '$.template_id' as template_id,
        try_cast(data_point ->> '$.sent' as bigint) as messages_sent,
        try_cast(data_point ->> '$.delivered' as bigint) as messages_delivered,
        try_cast(data_point ->> '$.read' as bigint) as messages_read,
        messages_clicked,
        regexp_replace(data_point ->> '$.phone_number', '[^0-9]', '', 'g') as phone_number,
        upper(data_point ->> '$.country') as country_code,
        lower({{ published_name("(data_point ->> '$.pricing_type')") }}) as pricing_type,
        {{ normalised_category(published_name("(data_point ->> '$.pricing_category')")) }}
            as pricing_category,
        data_point ->> '$.tier' as tier,
        try_cast(data_point ->> '$.volume' as bigint) as volume,
        cast(cost_amount as decimal(18, 6)) as cost_amount
    from read_points
),

final as (
    select
        typed_points.load_id,
        load_precedence.precedence,
        typed_points.waba_id,
        typed_points.source,
        typed_points.starts_at,
        typed_points.ends_at,
        typed_points.template_id,
        typed_points.messages_sent,
        typed_points.messages_delivered,
        typed_points.messages_read,
        typed_points.messages_clicked,
        typed_points.phone_number,
        typed_points.country_code,
        typed_points.pricing_type,
        typed_points.pricing_category,
        typed_points.tier,
        typed_points.volume,
        typed_points.cost_amount
    from typed_points
    inner join load_precedence on typed_points.load_id = load_precedence.load_id
    where
        typed_points.source is not null
        and typed_points.starts_at is not null
        and typed_points.ends_at > typed_points.starts_at
)

select * from final
