with

kpis as (
    select kpi
    from {{ ref('kpis') }}
),

requirements as (
    select
        kpi,
        requirement,
        stream
    from {{ ref('kpi_streams') }}
),

-- By table: an export of another system fills the table of our own columns.
loaded_tables as (
    select distinct raw_table
    from {{ source('ledger', 'files') }}
    where
        status in ('loaded', 'duplicate', 'missing')
        and raw_table in ({{ modelled_raw_tables() }})
),

alternatives as (
    select
        requirements.kpi,
        requirements.requirement,
        requirements.stream,
        loaded_tables.raw_table is not null as is_loaded
    from requirements
    left join loaded_tables on replace(requirements.stream, '/', '_') = loaded_tables.raw_table
),

met as (
    select
        kpi,
        requirement,
        stream,
        is_loaded,
        bool_or(is_loaded) over (partition by kpi, requirement) as is_met
    from alternatives
),

counted as (
    select
        kpi,
        bool_and(is_met) as is_computable,
        bool_or(is_loaded) as has_any,
        string_agg(distinct stream, '|' order by stream) filter (where not is_met)
            as missing_streams
    from met
    group by kpi
),

final as (
    select
        kpis.kpi,
        case
            when counted.is_computable then 'computable'
            when counted.has_any then 'partial'
            else 'not'
        end as status,
        counted.missing_streams
    from kpis
    left join counted on kpis.kpi = counted.kpi
)

select * from final
