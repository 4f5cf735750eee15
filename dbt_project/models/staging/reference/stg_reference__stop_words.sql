with

final as (
    select
        {{ normalised_word('word') }} as word,
        min(event) as event
    from {{ ref('stop_words') }}
    group by all
)

select * from final
