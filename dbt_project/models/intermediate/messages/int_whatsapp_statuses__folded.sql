-- State: one row per outbound message that a status named. Statuses repeat and come in any order,
-- so only the first time of each is kept; which of them count is decided later, from here.
{{
    config(
        materialized='incremental',
        unique_key='record_id',
        incremental_strategy='merge',
        pre_hook="{{ forget_retired('whatsapp_webhooks') }}",
        merge_update_set_expressions=merge_columns(
            least=[
                'phone_number_id',
                'person_wa_id',
                'person_user_id',
                'first_status_at',
                'sent_at',
                'delivered_at',
                'read_at',
                'failed_at',
                'implausible_status_at',
                'implausible_sent_at',
                'implausible_delivered_at',
                'implausible_read_at',
                'implausible_failed_at',
                'first_error',
                'first_pricing',
                'conversation_id'
            ]
        )
    )
}}

with

statuses as (
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
            case
                when status = 'failed' and error_code is not null
                    then strftime(status_at, '%Y%m%d%H%M%S') || '|' || error_code
            end
        ) as first_error,
        -- … and the pricing of the delivery, for that is what is charged; else of another status.
        min(
            case
                when coalesce(pricing_category, pricing_type, pricing_model) is not null
                    then concat_ws(
                        '|',
                        case status when 'delivered' then '1' when 'failed' then '3' else '2' end,
                        coalesce(upper(pricing_model), ''),
                        coalesce(lower(pricing_type), ''),
                        coalesce(cast(is_billable as varchar), ''),
                        coalesce(lower(pricing_category), lower(conversation_origin), '')
                    )
            end
        ) as first_pricing,
        min(conversation_id) as conversation_id
    from statuses
    group by record_id
)

select * from final
