-- depends_on: {{ ref('int_messages__touched') }}
-- depends_on: {{ source('ledger', 'identifiers') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='message_id',
        on_schema_change='fail',
        pre_hook="{{ forget_touched_messages() }}"
    )
}}

with

messages as (
    select *
    from {{ ref('int_messages__unioned') }}
),

neighbours as (
    select
        message_id,
        is_in_service_window,
        is_in_free_entry_point,
        first_clicked_at,
        first_replied_at,
        inferred_read_at
    from {{ ref('int_messages__timed') }}
),

prices as (
    select
        message_id,
        market,
        is_in_batch,
        is_in_billed_conversation,
        cost_amount,
        cost_amount_original,
        cost_currency_code,
        cost_source
    from {{ ref('int_messages__priced') }}
),

cycles as (
    select
        message_id,
        conversation_cycle_id,
        conversation_opened_by
    from {{ ref('int_messages__cycles') }}
),

error_classes as (
    select
        cast(error_code as varchar) as error_code,
        error_class
    from {{ ref('error_classes') }}
),

final as (
    select
        messages.message_id,
        messages.direction,
        messages.contact_id,
        messages.channel_id,
        coalesce(cycles.conversation_cycle_id, 'none') as conversation_cycle_id,
        cycles.conversation_opened_by,
        messages.campaign_id,
        messages.variant,
        messages.template_name,
        messages.template_language,
        messages.category,
        messages.message_type,
        messages.sender_type,
        messages.agent_id,
        messages.bot_id,
        messages.message_at,
        {{ reporting_date('messages.message_at') }} as message_on,
        messages.attempted_at,
        messages.sent_at,
        messages.delivered_at,
        messages.read_at,
        neighbours.inferred_read_at,
        messages.failed_at,
        messages.error_code,
        case
            when messages.error_code is not null then coalesce(error_classes.error_class, 'other')
        end as error_class,
        messages.is_delivered_implied,
        messages.is_failed_overridden,
        messages.has_clock_anomaly,
        neighbours.is_in_service_window,
        neighbours.is_in_free_entry_point,
        neighbours.first_clicked_at,
        neighbours.first_replied_at,
        case when messages.direction = 'outbound' then prices.market else 'none' end as market,
        messages.pricing_type,
        messages.is_billable,
        coalesce(prices.is_in_billed_conversation, false) as is_in_billed_conversation,
        case
            when messages.direction = 'outbound' then prices.cost_amount
            else cast(0 as decimal(18, 6))
        end as cost_amount,
        prices.cost_amount_original,
        prices.cost_currency_code,
        prices.cost_source
    from messages
    inner join neighbours on messages.message_id = neighbours.message_id
    left join prices on messages.message_id = prices.message_id
    left join cycles on messages.message_id = cycles.message_id
    left join error_classes on messages.error_code = error_classes.error_code

    {% if is_incremental() %}
        union all
        -- Outside the batch only a price can have moved.
        select
            before.message_id,
            before.direction,
            before.contact_id,
            before.channel_id,
            before.conversation_cycle_id,
            before.conversation_opened_by,
            before.campaign_id,
            before.variant,
            before.template_name,
            before.template_language,
            before.category,
            before.message_type,
            before.sender_type,
            before.agent_id,
            before.bot_id,
            before.message_at,
            before.message_on,
            before.attempted_at,
            before.sent_at,
            before.delivered_at,
            before.read_at,
            before.inferred_read_at,
            before.failed_at,
            before.error_code,
            before.error_class,
            before.is_delivered_implied,
            before.is_failed_overridden,
            before.has_clock_anomaly,
            before.is_in_service_window,
            before.is_in_free_entry_point,
            before.first_clicked_at,
            before.first_replied_at,
            before.market,
            before.pricing_type,
            before.is_billable,
            before.is_in_billed_conversation,
            prices.cost_amount,
            prices.cost_amount_original,
            prices.cost_currency_code,
            prices.cost_source
        from {{ this }} as before
        inner join prices on before.message_id = prices.message_id
        where
            not prices.is_in_batch
            and (
                before.cost_amount is distinct from prices.cost_amount
                or before.cost_amount_original is distinct from prices.cost_amount_original
            )
    {% endif %}
)

select * from final
