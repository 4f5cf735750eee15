with

kpis as (
    select kpi
    from {{ ref('kpis') }}
),

requirements as (
    select
        kpi,
        requirement,
        stream,
        carries
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

-- What the exports of each channel with messages can tell of them, one row per word.
channels as (
    select
        channel_id,
        sources,
        has_deliveries as deliveries,
        has_failures as failures,
        has_reads as reads,
        has_received as received,
        has_replies as replies,
        has_reported_clicks as clicks,
        has_opt_outs as opt_outs,
        has_prices as prices,
        has_campaigns as campaigns
    from {{ ref('int_channel_coverage') }}
    where sources is not null
),

told as (
    unpivot channels
    on deliveries, failures, reads, received, replies, clicks, opt_outs, prices, campaigns
    into name word value is_told
),

alternatives as (
    select
        requirements.kpi,
        requirements.requirement,
        requirements.stream,
        requirements.carries,
        loaded_tables.raw_table is not null as is_loaded
    from requirements
    left join loaded_tables on replace(requirements.stream, '/', '_') = loaded_tables.raw_table
),

needed_words as (
    select distinct
        kpi,
        requirement,
        unnest(string_split(carries, '|')) as word
    from alternatives
    where carries is not null
),

-- Of several words one is enough, on each channel.
needed_on_channels as (
    select
        needed_words.kpi,
        needed_words.requirement,
        told.channel_id,
        bool_or(told.is_told) as is_told
    from needed_words
    inner join told on needed_words.word = told.word
    group by needed_words.kpi, needed_words.requirement, told.channel_id
),

told_needs as (
    select
        kpi,
        requirement,
        bool_and(is_told) as is_told_everywhere,
        bool_or(is_told) as is_told_somewhere
    from needed_on_channels
    group by kpi, requirement
),

-- A stream that always carries the need meets it; of the others those that the channels name.
loaded_needs as (
    select
        kpi,
        requirement,
        bool_or(is_loaded and carries is null) as is_met_by_stream,
        bool_or(is_loaded) as has_any,
        string_agg(distinct stream, '|' order by stream) as stream_names
    from alternatives
    group by kpi, requirement
),

needs as (
    select
        loaded_needs.kpi,
        loaded_needs.requirement,
        loaded_needs.stream_names,
        loaded_needs.is_met_by_stream
        or (loaded_needs.has_any and coalesce(told_needs.is_told_everywhere, true)) as is_met,
        loaded_needs.has_any and coalesce(told_needs.is_told_somewhere, true) as is_met_in_part
    from loaded_needs
    left join told_needs
        on
            loaded_needs.kpi = told_needs.kpi
            and loaded_needs.requirement = told_needs.requirement
),

missing_streams as (
    select
        kpi,
        unnest(string_split(stream_names, '|')) as stream
    from needs
    where not is_met
),

missing as (
    select
        kpi,
        string_agg(distinct stream, '|' order by stream) as missing_streams
    from missing_streams
    group by kpi
),

lacks as (
    select distinct
        needs.kpi,
        told.word,
        unnest(string_split(told.sources, '|')) as source
    from needs
    inner join needed_on_channels
        on
            needs.kpi = needed_on_channels.kpi
            and needs.requirement = needed_on_channels.requirement
    inner join needed_words
        on
            needs.kpi = needed_words.kpi
            and needs.requirement = needed_words.requirement
    inner join told
        on
            needed_on_channels.channel_id = told.channel_id
            and needed_words.word = told.word
    where not needs.is_met and not needed_on_channels.is_told
),

lacking as (
    select
        kpi,
        string_agg(source || ': ' || word, '|' order by source, word) as sources_without
    from lacks
    group by kpi
),

counted as (
    select
        kpi,
        bool_and(is_met) as is_computable,
        bool_or(is_met or is_met_in_part) as has_any
    from needs
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
        missing.missing_streams,
        lacking.sources_without
    from kpis
    left join counted on kpis.kpi = counted.kpi
    left join missing on kpis.kpi = missing.kpi
    left join lacking on kpis.kpi = lacking.kpi
)

select * from final
