-- The market and country of each identifier: the longest calling-code prefix of a number, else the
-- country a business-scoped user id begins with.
with

identities as (
    select
        identifier_hash,
        identifier_type,
        identifier_value
    from {{ ref('int_identities') }}
),

prefixes as (
    select
        prefix,
        market,
        country_code
    from {{ ref('stg_reference__market_prefixes') }}
    qualify row_number() over (partition by prefix order by market, country_code) = 1
),

countries as (
    select
        country_code,
        market
    from {{ ref('stg_reference__market_prefixes') }}
    where country_code is not null
    qualify row_number() over (partition by country_code order by length(prefix), prefix) = 1
),

-- A few thousand beginnings instead of half a million numbers.
beginnings as (
    select distinct left(identifier_value, 8) as beginning
    from identities
    where identifier_type = 'phone'
),

matched_beginnings as (
    select
        beginnings.beginning,
        prefixes.market,
        prefixes.country_code
    from beginnings
    inner join prefixes on starts_with(beginnings.beginning, prefixes.prefix)
    qualify
        row_number() over (
            partition by beginnings.beginning order by length(prefixes.prefix) desc
        ) = 1
),

final as (
    select
        identities.identifier_hash,
        coalesce(matched_beginnings.market, countries.market, 'unknown') as market,
        coalesce(matched_beginnings.country_code, countries.country_code) as country_code
    from identities
    left join matched_beginnings
        on
            identities.identifier_type = 'phone'
            and left(identities.identifier_value, 8) = matched_beginnings.beginning
    left join countries
        on
            identities.identifier_type = 'bsuid'
            and left(identities.identifier_value, 2) = countries.country_code
)

select * from final
