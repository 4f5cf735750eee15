-- The user's own list where there is one, as a whole; else the shipped one.
with

own_words as (
    select
        word,
        event
    from {{ source('raw', 'reference_stop_words') }}
),

words as (
    select
        word,
        lower(event) as event
    from own_words
    union all
    select
        word,
        event
    from {{ ref('stop_words') }}
    where not exists (select 1 from own_words)
),

final as (
    select
        {{ normalised_word('word') }} as word,
        -- A word that says both opts out.
        max(event) as event
    from words
    group by all
)

select * from final
