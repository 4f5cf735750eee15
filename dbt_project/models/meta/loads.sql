with

files as (
    select
        source,
        stream,
        file_sha256,
        path_key,
        rows_read,
        rows_loaded,
        rows_rejected,
        rows_duplicate,
        records_loaded,
        status,
        first_event_at,
        last_event_at,
        loaded_at
    from {{ source('ledger', 'files') }}
),

final as (
    select
        source,
        stream,
        file_sha256,
        path_key,
        rows_read,
        rows_loaded,
        rows_rejected,
        rows_duplicate,
        records_loaded,
        status,
        first_event_at,
        last_event_at,
        loaded_at
    from files
)

select * from final
