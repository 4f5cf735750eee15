with

final as (
    select
        lower(trim(word)) as word,
        min(event) as event
    from {{ ref('stop_words') }}
    group by all
)

select * from final
