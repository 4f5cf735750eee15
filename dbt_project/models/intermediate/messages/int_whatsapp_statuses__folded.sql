-- State: one row per outbound message that a status named. Statuses repeat and come in any order,
-- so only the first time of each is kept; which of them count is decided later, from here.
{{
    config(
        materialized='incremental',
        unique_key='record_id',
        incremental_strategy='merge',
        pre_hook="{{ forget_retired('whatsapp_webhooks') }}",
        merge_update_set_expressions={
            'phone_number_id': 'least(DBT_INTERNAL_DEST.phone_number_id, DBT_INTERNAL_SOURCE.phone_number_id)',
            'person_wa_id': 'least(DBT_INTERNAL_DEST.person_wa_id, DBT_INTERNAL_SOURCE.person_wa_id)',
            'person_user_id': 'least(DBT_INTERNAL_DEST.person_user_id, DBT_INTERNAL_SOURCE.person_user_id)',
            'first_status_at': 'least(DBT_INTERNAL_DEST.first_status_at, DBT_INTERNAL_SOURCE.first_status_at)',
            'sent_at': 'least(DBT_INTERNAL_DEST.sent_at, DBT_INTERNAL_SOURCE.sent_at)',
            'delivered_at': 'least(DBT_INTERNAL_DEST.delivered_at, DBT_INTERNAL_SOURCE.delivered_at)',
            'read_at': 'least(DBT_INTERNAL_DEST.read_at, DBT_INTERNAL_SOURCE.read_at)',
            'failed_at': 'least(DBT_INTERNAL_DEST.failed_at, DBT_INTERNAL_SOURCE.failed_at)',
            'implausible_status_at': 'least(DBT_INTERNAL_DEST.implausible_status_at, DBT_INTERNAL_SOURCE.implausible_status_at)',
            'implausible_sent_at': 'least(DBT_INTERNAL_DEST.implausible_sent_at, DBT_INTERNAL_SOURCE.implausible_sent_at)',
            'implausible_delivered_at': 'least(DBT_INTERNAL_DEST.implausible_delivered_at, DBT_INTERNAL_SOURCE.implausible_delivered_at)',
            'implausible_read_at': 'least(DBT_INTERNAL_DEST.implausible_read_at, DBT_INTERNAL_SOURCE.implausible_read_at)',
            'implausible_failed_at': 'least(DBT_INTERNAL_DEST.implausible_failed_at, DBT_INTERNAL_SOURCE.implausible_failed_at)',
            'first_error': 'least(DBT_INTERNAL_DEST.first_error, DBT_INTERNAL_SOURCE.first_error)',
            'first_pricing': 'least(DBT_INTERNAL_DEST.first_pricing, DBT_INTERNAL_SOURCE.first_pricing)',
            'conversation_id': 'least(DBT_INTERNAL_DEST.conversation_id, DBT_INTERNAL_SOURCE.conversation_id)'
        }
    )
}}

with statuses as (
    select
        record_id,
        status,
        status_at,
        is_implausible,
        phone_number_id,
        person_wa_id,
        person_user_id,
        conversation_id,
        conversation_origin,
        is_billable,
        pricing_model,
        pricing_type,
        pricing_category,
        error_code
    from {{ ref('stg_whatsapp__statuses') }}
    where {{ rows_to_fold('whatsapp_webhooks') }}
),

final as (
    select
        record_id,
        min(phone_number_id) as phone_number_id,
        min(person_wa_id) as person_wa_id,
        min(person_user_id) as person_user_id,
        min(status_at) filter (where not is_implausible) as first_status_at,
        min(status_at) filter (where status = 'sent' and not is_implausible) as sent_at,
        min(status_at) filter (where status = 'delivered' and not is_implausible) as delivered_at,
        -- `played` (a voice message heard) ranks with read.
        min(status_at) filter (where status in ('read', 'played') and not is_implausible)
            as read_at,
        min(status_at) filter (where status = 'failed' and not is_implausible) as failed_at,
        min(status_at) filter (where is_implausible) as implausible_status_at,
        min(status_at) filter (where status = 'sent' and is_implausible) as implausible_sent_at,
        min(status_at) filter (where status = 'delivered' and is_implausible)
            as implausible_delivered_at,
        min(status_at) filter (where status in ('read', 'played') and is_implausible)
            as implausible_read_at,
        min(status_at) filter (where status = 'failed' and is_implausible)
            as implausible_failed_at,
        -- Texts that sort by what decides: the code of the first failure …
        min(
            case when status = 'failed' and error_code is not null
                then strftime(status_at, '%Y%m%d%H%M%S') || '|' || error_code
            end
        ) as first_error,
        -- … and the pricing of the delivery, for that is what is charged; else of another status.
        min(
            case when pricing_category is not null or pricing_type is not null
                    or pricing_model is not null
                then concat(
                    case when status = 'delivered' then '1' when status = 'failed' then '3' else '2' end,
                    '|', coalesce(upper(pricing_model), ''),
                    '|', coalesce(lower(pricing_type), ''),
                    '|', coalesce(cast(is_billable as varchar), ''),
                    '|', coalesce(lower(pricing_category), lower(conversation_origin), '')
                )
            end
        ) as first_pricing,
        min(conversation_id) as conversation_id
    from statuses
    group by record_id
)

select * from final
