with

signals as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        applies_to_all_channels,
        has_clock_anomaly
    from {{ ref('int_consent_signals') }}
    where not is_internal
),

final as (
    select
        -- The contact is a keyed hash already: a plain one over it gives nothing away.
        left(
            sha256(
                concat_ws('|', contact_id, channel_id, event, cast(occurred_at as varchar), source)
            ),
            32
        ) as consent_event_id,
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        applies_to_all_channels,
        has_clock_anomaly
    from signals
)

select * from final
