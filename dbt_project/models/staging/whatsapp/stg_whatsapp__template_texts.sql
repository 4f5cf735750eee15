-- What a send of a campaign filled into its template, as the log has it: whoever needs the words
-- takes them apart for the few sends that matter.
with

sends as (
    select
        _load_id,
        record_id,
        message_id,
        campaign_id,
        template_components
    from {{ source('raw', 'whatsapp_sends') }}
    where
        campaign_id is not null
        and message_id is not null
        and template_components is not null
        and {{ utc_time('requested_at') }} is not null
),

final as (
    select
        _load_id as load_id,
        record_id,
        campaign_id,
        template_components
    from sends
)

select * from final
