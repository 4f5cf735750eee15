-- Messages as other systems report them: bare message logs and reports with what became of each.
with

messages as (
    select
        _load_id,
        _row_number,
        record_id,
        message_id,
        channel_id,
        phone,
        user_id,
        email,
        external_id,
        direction,
        sent_at,
        sender_type,
        agent_id,
        bot_id,
        conversation_id,
        message_type,
        delivered_at,
        read_at,
        failed_at,
        error_code,
        template_name,
        campaign_id,
        cast(null as varchar) as variant,
        cast(null as varchar) as category,
        cast(null as varchar) as last_status,
        cast(null as varchar) as button_clicked_at,
        cast(null as varchar) as link_clicked_at,
        cast(null as varchar) as opted_out_at,
        cast(null as varchar) as price_amount,
        cast(null as varchar) as currency_code
    from {{ source('raw', 'generic_messages') }}
),

message_reports as (
    select
        _load_id,
        _row_number,
        record_id,
        message_id,
        channel_id,
        phone,
        user_id,
        email,
        external_id,
        direction,
        sent_at,
        sender_type,
        agent_id,
        bot_id,
        conversation_id,
        message_type,
        delivered_at,
        read_at,
        failed_at,
        error_code,
        template_name,
        campaign_id,
        variant,
        category,
        last_status,
        button_clicked_at,
        link_clicked_at,
        opted_out_at,
        price_amount,
        currency_code
    from {{ source('raw', 'generic_message_reports') }}
),

both_streams as (
    select * from messages
    union all
    select * from message_reports
),

final as (
    select
        _load_id as load_id,
        _row_number as row_number,
        record_id,
        message_id not like 'wamid.%' as is_composed_id,
        case
            when {{ is_inbound_word('direction') }} then 'inbound'
            else 'outbound'
        end as direction,
        channel_id as native_channel_id,
        {{ person_columns() }},
        {{ utc_time('sent_at') }} as sent_at,
        {{ is_before_1971(utc_time('sent_at')) }} as is_implausible,
        -- Where no word says who sent it, whose id stands there did; a campaign goes before both,
        -- as somebody pressed its button.
        case
            when nullif(trim(sender_type), '') is not null
                then {{ parsed_sender_type('sender_type') }}
            when campaign_id is not null then null
            when bot_id is not null then 'bot'
            when agent_id is not null then 'agent'
        end as sender_type,
        -- Some systems have one column for whoever sent it: what a bot sends, no agent does.
        case when coalesce({{ parsed_sender_type('sender_type') }}, '') <> 'bot' then agent_id end
            as agent_id,
        coalesce(
            bot_id,
            case when {{ parsed_sender_type('sender_type') }} = 'bot' then agent_id end
        ) as bot_id,
        conversation_id,
        lower(message_type) as message_type,
        -- The last status alone tells that a message came so far, not when: the time of sending
        -- stands for it, and later times for nothing.
        coalesce(
            {{ utc_time('delivered_at') }},
            case when lower(last_status) in ('delivered', 'read') then {{ utc_time('sent_at') }} end
        ) as delivered_at,
        coalesce(
            {{ utc_time('read_at') }},
            case when lower(last_status) = 'read' then {{ utc_time('sent_at') }} end
        ) as read_at,
        coalesce(
            {{ utc_time('failed_at') }},
            case
                when lower(last_status) in ('failed', 'undelivered', 'canceled')
                    then {{ utc_time('sent_at') }}
                -- An error is a failure; beside a delivery that one counts (SEMANTICS 1).
                when nullif(error_code, '0') is not null then {{ utc_time('sent_at') }}
            end
        ) as failed_at,
        coalesce(lower(last_status), '') in ('queued', 'accepted', 'scheduled', 'created')
            as is_not_yet_sent,
        nullif(error_code, '0') as error_code,
        template_name,
        campaign_id,
        variant,
        category,
        {{ utc_time('button_clicked_at') }} as button_clicked_at,
        {{ utc_time('link_clicked_at') }} as link_clicked_at,
        {{ utc_time('opted_out_at') }} as opted_out_at,
        try_cast(price_amount as decimal(18, 6)) as price_amount,
        upper(currency_code) as currency_code
    from both_streams
    where {{ utc_time('sent_at') }} is not null
)

select * from final
