-- Records of the logs that no fact can take, and why; one reason each.
with

webhooks as not materialized (
    select
        _load_id as load_id,
        record_kind,
        field,
        record_id,
        record_type,
        record_time,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        payload,
        case
            when json_type(payload, '$.entry') is null and json_type(payload, '$.body') = 'OBJECT'
                then payload -> '$.body'
            else payload
        end as body
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        coalesce(field, 'messages') <> 'calls'
),

sends as not materialized (
    select
        _load_id as load_id,
        record_id,
        requested_at
    from {{ source('raw', 'whatsapp_sends') }}
),

records as (
    select
        load_id,
        record_kind,
        record_id,
        record_type,
        case
            when {{ is_meta_test_payload() }} then 'meta_test_payload'
            when nullif(record_id, '') is null or (record_kind = 'status' and record_type is null)
                then 'malformed'
            when {{ unix_seconds('record_time') }} is null then 'no_time'
        end as reason
    from webhooks
    where record_kind in ('message', 'status', 'echo', 'history')
),

-- What held no record that could be read: a list that is no list, a value or an entry that is no
-- object. An absent one is normal.
values_and_lines as (
    select
        load_id,
        record_kind,
        case record_kind
            when 'change'
                then
                    json_type(payload) not in ('OBJECT', 'NULL')
                    or json_type(payload, '$.messages') not in ('ARRAY', 'NULL')
                    or json_type(payload, '$.statuses') not in ('ARRAY', 'NULL')
            else
                json_type(body, '$.entry') not in ('ARRAY', 'NULL')
                or not list_has_all(['OBJECT', 'NULL'], json_type(body, '$.entry[*]'))
                or not list_has_all(['ARRAY', 'NULL'], json_type(body, '$.entry[*].changes'))
                or not list_has_all(['OBJECT', 'NULL'], json_type(body, '$.entry[*].changes[*]'))
        end as is_malformed
    from webhooks
    where
        record_kind = 'empty'
        or (record_kind = 'change' and coalesce(field, 'messages') = 'messages')
),

final as (
    select
        load_id,
        reason,
        record_kind,
        record_id,
        record_type
    from records
    where reason is not null
    union all
    select
        load_id,
        'malformed' as reason,
        record_kind,
        cast(null as varchar) as record_id,
        cast(null as varchar) as record_type
    from values_and_lines
    where is_malformed
    union all
    select
        load_id,
        'no_time' as reason,
        'send' as record_kind,
        record_id,
        cast(null as varchar) as record_type
    from sends
    where {{ utc_time('requested_at') }} is null
)

select * from final
