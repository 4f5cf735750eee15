-- Changes of templates, numbers and accounts: the fields that feed dimensions. Their time is the
-- entry's, else the time the body was received.
with

webhooks as (
    select
        waba_id,
        field,
        entry_time,
        received_at,
        payload
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        record_kind = 'change'
        and field in (
            'message_template_status_update',
            'message_template_quality_update',
            'template_category_update',
            'phone_number_quality_update',
            'account_update',
            'business_capability_update'
        )
),

final as (
    select distinct
        waba_id,
        field,
        coalesce({{ unix_seconds('entry_time') }}, {{ received_time('received_at') }})
            as occurred_at,
        {{ published_name("payload ->> '$.event'") }} as event,
        payload ->> '$.message_template_id' as template_id,
        payload ->> '$.message_template_name' as template_name,
        payload ->> '$.message_template_language' as template_language,
        {{ published_name("payload ->> '$.message_template_category'") }} as template_category,
        {{ published_name("payload ->> '$.new_category'") }} as new_category,
        {{ published_name("payload ->> '$.new_quality_score'") }} as new_quality_score,
        payload ->> '$.display_phone_number' as display_phone_number,
        {{
            published_limit(
                "coalesce(payload ->> '$.current_limit',"
                " payload ->> '$.max_daily_conversation_per_phone')"
            )
        }} as current_limit
    from webhooks
)

select * from final
