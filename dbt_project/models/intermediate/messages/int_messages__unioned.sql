-- One row per message of this run's batch, both directions, folded times made monotone
-- (SEMANTICS 1), the person resolved, internal people left out. In a full refresh the batch is
-- every message, else those of int_messages__touched.
-- depends_on: {{ ref('int_messages__touched') }}
with

statuses as (
    select
        record_id,
        phone_number_id,
        person_wa_id,
        person_user_id,
        coalesce(first_status_at, implausible_status_at) as first_status_at,
        coalesce(sent_at, implausible_sent_at) as sent_at,
        coalesce(delivered_at, implausible_delivered_at) as delivered_at,
        coalesce(read_at, implausible_read_at) as read_at,
        coalesce(failed_at, implausible_failed_at) as failed_at,
        (first_status_at is null and implausible_status_at is not null)
        or (sent_at is null and implausible_sent_at is not null)
        or (delivered_at is null and implausible_delivered_at is not null)
        or (read_at is null and implausible_read_at is not null)
        or (failed_at is null and implausible_failed_at is not null) as is_implausible,
        first_error,
        first_pricing,
        conversation_id
    from {{ ref('int_whatsapp_statuses__folded') }}
    where {{ in_batch() }}
),

sends as (
    select
        record_id,
        is_composed_id,
        phone_number_id,
        coalesce(attempted_at, implausible_attempted_at) as attempted_at,
        attempted_at is null as is_implausible,
        refused_at,
        first_error,
        campaign_id,
        variant,
        sender_type,
        agent_id,
        bot_id,
        is_group,
        recipient,
        recipient_user_id,
        contact_wa_id,
        contact_user_id,
        message_type,
        template_name,
        template_language,
        conversation_id
    from {{ ref('int_whatsapp_sends__current') }}
    where {{ in_batch() }}
),

messages as (
    select
        record_id,
        direction,
        is_echo,
        message_type,
        coalesce(message_at, implausible_message_at) as message_at,
        message_at is null as is_implausible,
        phone_number_id,
        person_wa_id,
        person_user_id,
        context_id,
        referral_source_id,
        is_from_ad,
        consent_word_event
    from {{ ref('int_whatsapp_messages__folded') }}
    where {{ in_batch() }}
),

-- What other systems report of their messages, or of ours.
reports as (
    select
        record_id,
        direction,
        is_composed_id,
        source,
        native_channel_id,
        phone,
        name_kind,
        name_value,
        attempted_at,
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        button_clicked_at,
        is_implausible,
        told_in_inbox_at,
        coalesce(is_only_in_inbox, false) as is_only_in_inbox,
        coalesce(agent_source, source) as agent_source,
        sender_type,
        agent_id,
        bot_id,
        conversation_key,
        message_type,
        error_code,
        template_name,
        template_language,
        campaign_id,
        variant,
        category,
        coalesce(is_free_form, false) as is_free_form,
        consent_word_event,
        price_amount,
        currency_code
    from {{ ref('int_message_reports') }}
    where {{ in_batch() }}
),

identifiers as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'message'
),

-- Agents and bots whom the log names by an address or a number.
named_agents as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'agent'
),

phones as (
    select
        value,
        identifier_hash,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
    where kind = 'phone'
),

names as (
    select
        kind,
        value,
        identifier_hash,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
    where kind <> 'phone'
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

clocks as (
    select
        max(last_plausible_at) filter (where stream = 'webhooks') as webhooks_plausible_until,
        max(last_plausible_at) filter (where stream = 'sends') as sends_plausible_until,
        max(last_plausible_at) filter (where stream = 'message_reports')
            as reports_plausible_until,
        max(last_plausible_at) filter (where stream = 'chatwoot_messages')
            as inbox_plausible_until
    from {{ ref('int_stream_clocks') }}
),

templates as (
    select
        template_name,
        template_language,
        category
    from {{ ref('int_templates') }}
),

-- A report names a template without its language.
template_names as (
    select
        template_name,
        min(category) as category
    from templates
    group by template_name
    having count(distinct category) = 1
),

categories as (
    select
        category_reported,
        category
    from {{ ref('message_categories') }}
),

typed_in_app as (
    select *
    from messages
    where direction = 'outbound'
),

received as (
    select *
    from messages
    where direction = 'inbound'
),

reported_sends as (
    select *
    from reports
    where direction = 'outbound'
),

reported_receipts as (
    select *
    from reports
    where direction = 'inbound'
),

outbound_sources as (
    select
        coalesce(
            sends.record_id,
            statuses.record_id,
            typed_in_app.record_id,
            reported_sends.record_id
        ) as record_id,
        coalesce(sends.is_composed_id, reported_sends.is_composed_id, false) as is_composed_id,
        coalesce(
            sends.phone_number_id,
            statuses.phone_number_id,
            typed_in_app.phone_number_id,
            reported_sends.native_channel_id
        ) as native_channel_id,
        coalesce(
            {{ message_wa_id('sends', 'statuses', 'typed_in_app') }},
            reported_sends.phone
        ) as person_wa_id,
        case
            when {{ message_user_id('sends', 'statuses', 'typed_in_app') }} is not null
                then 'bsuid'
            else reported_sends.name_kind
        end as person_name_kind,
        coalesce(
            {{ message_user_id('sends', 'statuses', 'typed_in_app') }},
            reported_sends.name_value
        ) as person_name,
        coalesce(sends.is_group, false) as is_group,
        coalesce(sends.campaign_id, reported_sends.campaign_id) as campaign_id,
        coalesce(sends.variant, reported_sends.variant) as variant,
        coalesce(sends.sender_type, reported_sends.sender_type) as sender_type,
        case when sends.agent_id is null then reported_sends.agent_source else 'whatsapp' end
            as agent_source,
        coalesce(sends.agent_id, reported_sends.agent_id) as agent_id,
        coalesce(sends.bot_id, reported_sends.bot_id) as bot_id,
        coalesce(sends.template_name, reported_sends.template_name) as template_name,
        case
            when sends.template_name is null then reported_sends.template_language
            else sends.template_language
        end as template_language,
        sends.record_id is not null as is_in_send_log,
        sends.record_id is null and typed_in_app.record_id is not null as is_typed_in_app,
        coalesce(reported_sends.is_free_form, false) as is_free_form,
        coalesce(
            nullif(sends.message_type, 'unknown'),
            typed_in_app.message_type,
            reported_sends.message_type,
            sends.message_type
        ) as message_type,
        sends.attempted_at as logged_at,
        coalesce(sends.attempted_at, reported_sends.attempted_at) as requested_at,
        statuses.first_status_at,
        -- What the app shows as sent was sent; the echo of a message that the send log has says
        -- nothing new and is left out (meta.exclusions).
        least(
            statuses.sent_at,
            case when sends.record_id is null then typed_in_app.message_at end,
            reported_sends.sent_at
        ) as reported_sent_at,
        least(statuses.delivered_at, reported_sends.delivered_at) as reported_delivered_at,
        least(statuses.read_at, reported_sends.read_at) as read_at,
        least(statuses.failed_at, sends.refused_at, reported_sends.failed_at)
            as reported_failed_at,
        reported_sends.button_clicked_at,
        -- What webhooks say is checked by their clock, what a report says by its own.
        greatest(
            statuses.first_status_at,
            statuses.sent_at,
            case when sends.record_id is null then typed_in_app.message_at end,
            statuses.delivered_at,
            statuses.read_at,
            statuses.failed_at
        ) as last_webhook_at,
        case
            when not reported_sends.is_only_in_inbox
                then
                    greatest(
                        reported_sends.attempted_at,
                        reported_sends.delivered_at,
                        reported_sends.read_at,
                        reported_sends.failed_at
                    )
        end as last_report_at,
        reported_sends.told_in_inbox_at as last_inbox_at,
        coalesce(
            nullif(
                split_part(coalesce(statuses.first_error, sends.first_error), '|', 2), ''
            ),
            reported_sends.error_code
        ) as error_code,
        statuses.first_pricing,
        reported_sends.category as told_category,
        reported_sends.price_amount,
        reported_sends.currency_code as price_currency_code,
        statuses.conversation_id,
        -- The send log is the business' own, as are the files of generic/.
        coalesce(reported_sends.conversation_key, 'generic:' || sends.conversation_id)
            as conversation_key,
        coalesce(sends.is_implausible, false)
        or coalesce(statuses.is_implausible, false)
        or (sends.record_id is null and coalesce(typed_in_app.is_implausible, false))
        or coalesce(reported_sends.is_implausible, false) as is_implausible
    from statuses
    full outer join sends on statuses.record_id = sends.record_id
    full outer join typed_in_app
        on coalesce(statuses.record_id, sends.record_id) = typed_in_app.record_id
    full outer join reported_sends
        on
            coalesce(statuses.record_id, sends.record_id, typed_in_app.record_id)
            = reported_sends.record_id
),

outbound_folded as (
    select
        *,
        least(reported_sent_at, reported_delivered_at, read_at) as sent_at,
        least(reported_delivered_at, read_at) as delivered_at,
        -- Delivered beats failed: what was read was not refused.
        case when reported_delivered_at is null and read_at is null then reported_failed_at end
            as failed_at
    from outbound_sources
),

outbound as (
    select
        'outbound' as direction,
        record_id,
        is_composed_id,
        native_channel_id,
        person_wa_id,
        person_name_kind,
        person_name,
        is_group,
        campaign_id,
        variant,
        sender_type,
        agent_source,
        agent_id,
        bot_id,
        template_name,
        template_language,
        is_in_send_log,
        is_typed_in_app,
        is_free_form,
        message_type,
        requested_at as attempted_at,
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        button_clicked_at,
        case when failed_at is not null then nullif(error_code, '') end as error_code,
        read_at is not null and (reported_delivered_at is null or reported_delivered_at > read_at)
            as is_delivered_implied,
        reported_failed_at is not null and failed_at is null as is_failed_overridden,
        coalesce(least(requested_at, sent_at, failed_at), first_status_at) as message_at,
        first_pricing,
        told_category,
        price_amount,
        price_currency_code,
        conversation_id,
        conversation_key,
        cast(null as varchar) as context_id,
        cast(null as varchar) as referral_source_id,
        false as is_from_ad,
        cast(null as varchar) as consent_word_event,
        is_implausible,
        logged_at,
        last_webhook_at,
        last_report_at,
        last_inbox_at
    from outbound_folded
),

inbound as (
    select
        'inbound' as direction,
        coalesce(received.record_id, reported_receipts.record_id) as record_id,
        received.record_id is null and reported_receipts.is_composed_id as is_composed_id,
        coalesce(received.phone_number_id, reported_receipts.native_channel_id)
            as native_channel_id,
        coalesce(received.person_wa_id, reported_receipts.phone) as person_wa_id,
        case
            when received.person_user_id is not null then 'bsuid'
            else reported_receipts.name_kind
        end as person_name_kind,
        coalesce(received.person_user_id, reported_receipts.name_value) as person_name,
        false as is_group,
        cast(null as varchar) as campaign_id,
        cast(null as varchar) as variant,
        'contact' as sender_type,
        cast(null as varchar) as agent_source,
        cast(null as varchar) as agent_id,
        cast(null as varchar) as bot_id,
        cast(null as varchar) as template_name,
        cast(null as varchar) as template_language,
        false as is_in_send_log,
        false as is_typed_in_app,
        false as is_free_form,
        coalesce(received.message_type, reported_receipts.message_type) as message_type,
        cast(null as timestamp) as attempted_at,
        cast(null as timestamp) as sent_at,
        cast(null as timestamp) as delivered_at,
        cast(null as timestamp) as read_at,
        cast(null as timestamp) as failed_at,
        cast(null as timestamp) as button_clicked_at,
        cast(null as varchar) as error_code,
        false as is_delivered_implied,
        false as is_failed_overridden,
        coalesce(received.message_at, reported_receipts.attempted_at) as message_at,
        cast(null as varchar) as first_pricing,
        cast(null as varchar) as told_category,
        cast(null as decimal(18, 6)) as price_amount,
        cast(null as varchar) as price_currency_code,
        cast(null as varchar) as conversation_id,
        reported_receipts.conversation_key,
        received.context_id,
        received.referral_source_id,
        coalesce(received.is_from_ad, false) as is_from_ad,
        coalesce(received.consent_word_event, reported_receipts.consent_word_event)
            as consent_word_event,
        coalesce(received.is_implausible, reported_receipts.is_implausible) as is_implausible,
        cast(null as timestamp) as logged_at,
        received.message_at as last_webhook_at,
        case
            when received.record_id is null and not reported_receipts.is_only_in_inbox
                then reported_receipts.attempted_at
        end as last_report_at,
        case when received.record_id is null then reported_receipts.told_in_inbox_at end
            as last_inbox_at
    from received
    full outer join reported_receipts on received.record_id = reported_receipts.record_id
),

both_directions as (
    select * from outbound
    union all
    select * from inbound
),

resolved as (
    select
        both_directions.*,
        case
            when both_directions.is_group or both_directions.person_wa_id like '%@g.us' then 'none'
            else coalesce({{ message_contact('phones', 'names') }}, 'unknown')
        end as contact_id,
        coalesce(phones.identifier_hash, names.identifier_hash) as identifier_hash,
        coalesce(channels.channel_id, 'unknown') as channel_id,
        case
            when both_directions.is_composed_id then identifiers.identifier_hash
            else {{ message_id('both_directions.direction', 'both_directions.record_id') }}
        end as message_id,
        split_part(both_directions.first_pricing, '|', 2) as pricing_model,
        {{ published_name("nullif(split_part(both_directions.first_pricing, '|', 3), '')") }}
            as reported_pricing_type,
        try_cast(nullif(split_part(both_directions.first_pricing, '|', 4), '') as boolean)
            as reported_is_billable,
        {{
            normalised_category(
                published_name(
                    "coalesce(nullif(split_part(both_directions.first_pricing, '|', 5), ''), "
                    ~ "both_directions.told_category)"
                )
            )
        }} as reported_category,
        -- A logged request that doesn't say what it asked for, or not for which template.
        both_directions.is_in_send_log
        and both_directions.template_name is null
        and both_directions.message_type in ('unknown', 'template') as is_unread_request,
        both_directions.is_implausible
        or coalesce(
            both_directions.last_webhook_at > clocks.webhooks_plausible_until
            or both_directions.logged_at > clocks.sends_plausible_until
            or both_directions.last_report_at > clocks.reports_plausible_until
            or both_directions.last_inbox_at > clocks.inbox_plausible_until,
            false
        ) as has_clock_anomaly
    from both_directions
    cross join clocks
    left join phones on both_directions.person_wa_id = phones.value
    left join names
        on
            both_directions.person_name_kind = names.kind
            and both_directions.person_name = names.value
    left join channels on both_directions.native_channel_id = channels.native_channel_id
    left join identifiers
        on both_directions.is_composed_id and both_directions.record_id = identifiers.value
),

categorised as (
    select
        resolved.*,
        case
            when resolved.direction = 'inbound' then 'none'
            else coalesce(
                categories.category,
                resolved.reported_category,
                templates.category,
                template_names.category,
                case
                    when resolved.template_name is not null then 'unknown'
                    when resolved.is_unread_request then 'unknown'
                    when
                        resolved.is_in_send_log
                        or resolved.is_typed_in_app
                        or resolved.is_free_form
                        then 'service'
                    else 'unknown'
                end
            )
        end as category
    from resolved
    left join categories on resolved.reported_category = categories.category_reported
    left join templates
        on
            resolved.template_name = templates.template_name
            and resolved.template_language = templates.template_language
    left join template_names
        on
            not resolved.is_in_send_log
            and resolved.template_name = template_names.template_name
),

with_senders as (
    select
        categorised.* exclude (agent_id, bot_id),
        coalesce(named_agents.identifier_hash, categorised.agent_id) as agent_id,
        coalesce(named_bots.identifier_hash, categorised.bot_id) as bot_id
    from categorised
    left join named_agents on categorised.agent_id = named_agents.value
    left join named_agents as named_bots on categorised.bot_id = named_bots.value
),

with_template as (
    select
        *,
        -- Not in the send log: whether it was a template can't be told, but the categories that
        -- only templates have.
        is_unread_request
        or (
            direction = 'outbound'
            and not is_in_send_log
            and not is_typed_in_app
            and category not in ('service', 'group_service')
        ) as is_maybe_template
    from with_senders
),

final as (
    select
        message_id,
        direction,
        record_id,
        contact_id,
        identifier_hash,
        channel_id,
        coalesce(campaign_id, 'none') as campaign_id,
        coalesce(variant, 'none') as variant,
        case
            when template_name is not null then template_name
            when is_maybe_template then 'unknown'
            else 'none'
        end as template_name,
        case
            when template_name is not null then coalesce(template_language, 'unknown')
            when is_maybe_template then 'unknown'
            else 'none'
        end as template_language,
        category,
        coalesce({{ published_name('message_type') }}, 'unknown') as message_type,
        case
            when sender_type is not null then sender_type
            when is_typed_in_app then 'agent'
            when campaign_id is not null or category = 'marketing' then 'campaign'
            else 'api'
        end as sender_type,
        case
            when agent_id is not null then agent_source || ':' || agent_id
            when is_typed_in_app or sender_type = 'agent' then 'unknown'
            else 'none'
        end as agent_id,
        case
            when bot_id is not null then bot_id
            when sender_type = 'bot' then 'unknown'
            else 'none'
        end as bot_id,
        message_at,
        attempted_at,
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        {{ published_code('error_code') }} as error_code,
        is_delivered_implied,
        is_failed_overridden,
        has_clock_anomaly,
        context_id,
        referral_source_id,
        is_from_ad,
        consent_word_event,
        nullif(pricing_model, '') as pricing_model,
        -- The conversation-based regime named no type; what it billed was regular.
        case
            when reported_pricing_type is not null then reported_pricing_type
            when category = 'referral_conversion' then 'free_entry_point'
            when reported_is_billable then 'regular'
            when not reported_is_billable then 'free_customer_service'
        end as pricing_type,
        coalesce(reported_is_billable, price_amount <> 0) as is_billable,
        -- What a report says was charged, below 0 where it is written as a debit.
        abs(price_amount) as reported_cost_amount,
        price_currency_code as reported_cost_currency_code,
        conversation_id,
        conversation_key,
        button_clicked_at
    from with_template
    where contact_id not in (select internal_contacts.contact_id from internal_contacts)
)

select * from final
