-- Campaign messages that speak of an order and sold none (SEMANTICS 12). Such a message names an
-- order that was made only after it (a payment link, a draft), or is a transactional campaign's and
-- names none that we know: nobody can tell then that it is not about the very order.
with

messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        category,
        message_at
    from {{ ref('int_campaign_messages') }}
),

registry as (
    select campaign_id
    from {{ ref('stg_campaigns__registry') }}
    where campaign_type = 'transactional'
),

orders as (
    select
        order_id,
        order_number,
        contact_id,
        ordered_at
    from {{ ref('int_orders') }}
    where contact_id is not null
),

template_texts as (
    select
        record_id,
        campaign_id,
        template_components
    from {{ ref('stg_whatsapp__template_texts') }}
),

-- Only of buyers: the words of all other sends would be read for nothing.
candidates as (
    select
        messages.message_id,
        messages.campaign_id,
        messages.contact_id,
        messages.message_at,
        registry.campaign_id is not null as is_transactional
    from messages
    left join registry on messages.campaign_id = registry.campaign_id
    where
        (registry.campaign_id is not null or messages.category <> 'marketing')
        and messages.contact_id in (select orders.contact_id from orders)
),

candidate_texts as (
    select
        candidates.message_id,
        candidates.contact_id,
        candidates.message_at,
        unnest(
            json_extract_string(template_texts.template_components, '$[*].parameters[*].text')
        ) as template_text
    from template_texts
    inner join candidates
        on
            template_texts.campaign_id = candidates.campaign_id
            and {{ message_id("'outbound'", 'template_texts.record_id') }} = candidates.message_id
),

words as (
    select distinct
        message_id,
        contact_id,
        message_at,
        upper(rtrim(unnest(regexp_split_to_array(template_text, '[\s#,;:()!?"]+')), '.')) as word
    from candidate_texts
),

-- As people write it (#1001) and as the shop does.
order_names as (
    select
        contact_id,
        ordered_at,
        upper(ltrim(order_number, '#')) as order_name
    from orders
    where ltrim(order_number, '#') <> ''
    union
    select
        contact_id,
        ordered_at,
        upper(substr(order_id, strpos(order_id, ':') + 1)) as order_name
    from orders
),

mentions as (
    select
        words.message_id,
        bool_or(words.message_at <= order_names.ordered_at) as is_before_its_order
    from words
    inner join order_names
        on words.contact_id = order_names.contact_id and words.word = order_names.order_name
    group by words.message_id
),

final as (
    select candidates.message_id
    from candidates
    left join mentions on candidates.message_id = mentions.message_id
    where coalesce(mentions.is_before_its_order, candidates.is_transactional)
)

select * from final
