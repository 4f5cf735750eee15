-- What is in raw and in no KPI, and why. Counted by key, so that a doubled file changes nothing.
with

webhooks as not materialized (
    select
        record_kind,
        field,
        record_id,
        record_type,
        record_time,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        -- A status that can't be read keeps its JSON, and so do few others: looking there first
        -- spares reading the clock of every status.
        record_kind <> 'status' or payload is not null as may_be_unreadable
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        record_kind in ('message', 'status', 'echo', 'history')
        and coalesce(field, 'messages') <> 'calls'
),

-- What held no record that could be read: the value of a change, or the line of an entry.
unread as (
    select
        record_kind,
        payload,
        case
            when json_type(payload, '$.entry') is null and json_type(payload, '$.body') = 'OBJECT'
                then payload -> '$.body'
            else payload
        end as body
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        record_kind = 'empty'
        or (record_kind = 'change' and coalesce(field, 'messages') = 'messages')
),

sends as (
    select
        record_id,
        requested_at
    from {{ source('raw', 'whatsapp_sends') }}
),

folded_messages as not materialized (
    select
        record_id,
        direction,
        is_echo,
        person_wa_id,
        person_user_id
    from {{ ref('int_whatsapp_messages__folded') }}
),

folded_statuses as not materialized (
    select
        record_id,
        person_wa_id,
        person_user_id
    from {{ ref('int_whatsapp_statuses__folded') }}
),

folded_sends as not materialized (
    select
        record_id,
        recipient,
        recipient_user_id,
        contact_wa_id
    from {{ ref('int_whatsapp_sends__folded') }}
),

internal_values as (
    select
        persons.kind,
        persons.value
    from {{ ref('int_persons') }} as persons
    inner join {{ ref('int_contacts__internal') }} as internal_contacts
        on persons.contact_id = internal_contacts.contact_id
),

internal_phones as (
    select value
    from internal_values
    where kind = 'phone'
),

internal_user_ids as (
    select value
    from internal_values
    where kind = 'bsuid'
),

internal_messages as (
    select 'outbound' || record_id as message_key
    from folded_statuses
    where
        person_wa_id in (select internal_phones.value from internal_phones)
        or person_user_id in (select internal_user_ids.value from internal_user_ids)
    union
    select 'outbound' || record_id as message_key
    from folded_sends
    where
        recipient in (select internal_phones.value from internal_phones)
        or contact_wa_id in (select internal_phones.value from internal_phones)
        or recipient_user_id in (select internal_user_ids.value from internal_user_ids)
    union
    select direction || record_id as message_key
    from folded_messages
    where
        person_wa_id in (select internal_phones.value from internal_phones)
        or person_user_id in (select internal_user_ids.value from internal_user_ids)
),

counted as (
    select
        'malformed' as reason,
        count(*) as rows
    from webhooks
    where
        may_be_unreadable
        and (
            nullif(record_id, '') is null
            or (record_kind = 'status' and record_type is null)
        )
    union all
    -- A list that is no list, a value or an entry that is no object. An absent one is normal.
    select
        'malformed' as reason,
        count(*) as rows
    from unread
    where
        case record_kind
            when 'change'
                then
                    json_type(payload) not in ('OBJECT', 'NULL')
                    or json_type(payload, '$.messages') not in ('ARRAY', 'NULL')
                    or json_type(payload, '$.statuses') not in ('ARRAY', 'NULL')
            else
                json_type(body, '$.entry') not in ('ARRAY', 'NULL')
                or not list_has_all(
                    ['OBJECT', 'NULL'], json_type(body, '$.entry[*]')
                )
                or not list_has_all(
                    ['ARRAY', 'NULL'], json_type(body, '$.entry[*].changes')
                )
                or not list_has_all(
                    ['OBJECT', 'NULL'], json_type(body, '$.entry[*].changes[*]')
                )
        end
    union all
    select
        'no_time' as reason,
        count(distinct row(record_kind, record_id, record_type)) as rows
    from webhooks
    where
        may_be_unreadable
        and nullif(record_id, '') is not null
        and (record_kind <> 'status' or record_type is not null)
        and {{ unix_seconds('record_time') }} is null
    union all
    select
        'no_time' as reason,
        count(distinct record_id) as rows
    from sends
    where {{ utc_time('requested_at') }} is null
    union all
    select
        'meta_test_payload' as reason,
        count(distinct row(record_kind, record_id, record_type)) as rows
    from webhooks
    where {{ is_meta_test_payload() }}
    union all
    select
        'echo_of_send' as reason,
        count(*) as rows
    from folded_messages
    semi join folded_sends on folded_messages.record_id = folded_sends.record_id
    where folded_messages.is_echo and folded_messages.direction = 'outbound'
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from internal_messages
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_messages') }}
    where has_clock_anomaly
    union all
    select
        'identity_max_links' as reason,
        count(*) as rows
    from {{ ref('int_identifiers__shared') }}
),

final as (
    select
        reason,
        cast(sum(rows) as bigint) as rows
    from counted
    group by reason
    having sum(rows) > 0
)

select * from final
