-- What each outbound message cost, once, on delivery (SEMANTICS 20): pricing type `regular` ×
-- the dated rate card, never a rule in code, or what a report says was charged. A row for every
-- outbound message of the batch, and for messages outside it whose place in a volume tier or in
-- the free allowance has moved.
-- depends_on: {{ ref('int_messages__touched') }}
-- depends_on: {{ source('ledger', 'identifiers') }}
{% set fct = messages_before() %}
{% set is_delta = fct is not none %}
with

batch as (
    select
        message_id,
        channel_id,
        identifier_hash,
        contact_id,
        category,
        message_at,
        {{ reporting_date('message_at') }} as message_on,
        delivered_at,
        pricing_model,
        pricing_type,
        conversation_id,
        reported_cost_amount,
        reported_cost_currency_code
    from {{ ref('int_messages__unioned') }}
    where direction = 'outbound'
),

markets as (
    select
        identifier_hash,
        market
    from {{ ref('int_identifier_markets') }}
),

rate_card as (
    select
        effective_from,
        market,
        rate_category,
        tier_lower,
        tier_upper,
        currency_code,
        rate
    from {{ ref('stg_reference__rate_card') }}
),

fx_rates as (
    select
        currency_code,
        valid_from_on,
        valid_before_on,
        rate
    from {{ ref('int_fx_rates__to_reporting') }}
),

rate_categories as (
    select
        category,
        min(rate_category) as rate_category
    from {{ ref('message_categories') }}
    group by category
),

card_dates as (
    select distinct
        market,
        rate_category,
        effective_from
    from rate_card
),

card_periods as (
    select
        market,
        rate_category,
        effective_from,
        lead(effective_from) over (
            partition by market, rate_category order by effective_from
        ) as effective_before
    from card_dates
),

tiered as (
    select distinct
        market,
        rate_category
    from rate_card
    where tier_lower > 0 or tier_upper is not null
),

batch_messages as (
    select
        batch.message_id,
        batch.channel_id,
        batch.category,
        coalesce(markets.market, 'unknown') as market,
        coalesce(rate_categories.rate_category, batch.category) as rate_category,
        batch.message_at,
        batch.message_on,
        batch.delivered_at is not null as is_delivered,
        batch.pricing_type,
        -- Until 2025-06-30 a conversation of 24 hours was billed, not each message of it.
        coalesce(
            batch.pricing_model = 'CBP'
            and batch.conversation_id is not null
            and row_number() over (
                partition by
                    batch.pricing_model,
                    batch.conversation_id,
                    batch.delivered_at is not null
                order by batch.message_at, batch.message_id
            ) > 1,
            false
        ) as is_in_billed_conversation,
        batch.reported_cost_amount,
        batch.reported_cost_currency_code,
        true as is_in_batch
    from batch
    left join markets on batch.identifier_hash = markets.identifier_hash
    left join rate_categories on batch.category = rate_categories.category
),

{% if is_delta %}
    -- What the batch replaces, or what left raw and is in it no more.
    touched_messages as materialized (
        {{ touched_message_ids() }}
    ),

    -- Months in which a place in line may have moved: those of the batch, as they are and were.
    moved_months as (
        select distinct date_trunc('month', message_on) as month_on
        from batch_messages
        union
        select distinct date_trunc('month', fct.message_on) as month_on
        from {{ fct }} as fct
        semi join touched_messages on fct.message_id = touched_messages.message_id
    ),

    others as (
        select
            fct.message_id,
            fct.channel_id,
            fct.category,
            fct.market,
            coalesce(rate_categories.rate_category, fct.category) as rate_category,
            fct.message_at,
            fct.message_on,
            true as is_delivered,
            fct.pricing_type,
            fct.is_in_billed_conversation,
            cast(null as decimal(18, 6)) as reported_cost_amount,
            cast(null as varchar) as reported_cost_currency_code,
            false as is_in_batch
        from {{ fct }} as fct
        left join rate_categories on fct.category = rate_categories.category
        left join tiered
            on
                fct.market = tiered.market
                and coalesce(rate_categories.rate_category, fct.category) = tiered.rate_category
        anti join touched_messages on fct.message_id = touched_messages.message_id
        where
            fct.direction = 'outbound'
            and fct.delivered_at is not null
            and fct.cost_source is distinct from 'reported'
            and date_trunc('month', fct.message_on) in (
                select moved_months.month_on
                from moved_months
            )
            and (
                (tiered.market is not null and fct.pricing_type = 'regular')
                or fct.category = 'service'
            )
    ),

    messages as (
        select * from batch_messages
        union all
        select * from others
    ),
{% else %}
    messages as (
        select * from batch_messages
    ),
{% endif %}

placed as (
    select
        messages.*,
        -- The n-th billed message of the month in its market and category decides the tier …
        case
            when
                tiered.market is not null
                and messages.is_delivered
                and messages.pricing_type = 'regular'
                then row_number() over (
                    partition by
                        date_trunc('month', messages.message_on),
                        messages.market,
                        messages.rate_category,
                        messages.is_delivered,
                        messages.pricing_type,
                        messages.reported_cost_amount is null
                    order by messages.message_at, messages.message_id
                ) - 1
            else 0
        end as market_position,
        -- … and the n-th service message of the month and number the free allowance.
        case
            when
                messages.category = 'service'
                and messages.is_delivered
                and messages.message_on >= date '2026-10-01'
                then row_number() over (
                    partition by
                        date_trunc('month', messages.message_on),
                        messages.channel_id,
                        messages.category,
                        messages.is_delivered,
                        messages.reported_cost_amount is null
                    order by messages.message_at, messages.message_id
                ) <= {{ var('free_service_messages') | int }}
            else false
        end as is_in_free_allowance
    from messages
    left join tiered
        on messages.market = tiered.market and messages.rate_category = tiered.rate_category
),

rated as (
    select
        placed.message_id,
        placed.market,
        placed.is_in_batch,
        placed.is_in_billed_conversation,
        placed.is_delivered and placed.reported_cost_amount is not null as is_reported,
        case
            -- Reports write a price beside failed messages too: those are free (SEMANTICS 20).
            when not placed.is_delivered then 0
            -- What was charged is known: the card isn't asked.
            when placed.reported_cost_amount is not null then placed.reported_cost_amount
            when placed.pricing_type is null then null
            when placed.pricing_type <> 'regular' then 0
            when placed.is_in_free_allowance or placed.is_in_billed_conversation then 0
            else rate_card.rate
        end as original,
        case
            when not placed.is_delivered then null
            when placed.reported_cost_amount is not null then placed.reported_cost_currency_code
            when
                placed.pricing_type = 'regular'
                and not placed.is_in_free_allowance
                and not placed.is_in_billed_conversation
                then rate_card.currency_code
        end as cost_currency_code,
        placed.message_on
    from placed
    left join card_periods
        on
            placed.market = card_periods.market
            and placed.rate_category = card_periods.rate_category
            and placed.message_on >= card_periods.effective_from
            and (
                card_periods.effective_before is null
                or placed.message_on < card_periods.effective_before
            )
    left join rate_card
        on
            card_periods.market = rate_card.market
            and card_periods.rate_category = rate_card.rate_category
            and card_periods.effective_from = rate_card.effective_from
            and placed.market_position >= rate_card.tier_lower
            and (rate_card.tier_upper is null or placed.market_position < rate_card.tier_upper)
),

final as (
    select
        rated.message_id,
        rated.market,
        rated.is_in_batch,
        rated.is_in_billed_conversation,
        cast(
            case when rated.original = 0 then 0 else rated.original * fx_rates.rate end
            as decimal(18, 6)
        ) as cost_amount,
        cast(rated.original as decimal(18, 6)) as cost_amount_original,
        rated.cost_currency_code,
        case
            when rated.is_reported then 'reported'
            when rated.original is not null then 'rate_card'
        end as cost_source
    from rated
    left join fx_rates
        on
            rated.cost_currency_code = fx_rates.currency_code
            and rated.message_on >= fx_rates.valid_from_on
            and (fx_rates.valid_before_on is null or rated.message_on < fx_rates.valid_before_on)
)

select * from final
