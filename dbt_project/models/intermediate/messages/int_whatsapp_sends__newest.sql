-- One row per message of which two lines of the send log say different things: the newer line, by
-- its own time, else by its export's (SOURCES 2). A corrected export replaces what an earlier one
-- said, and never mixes with it.
-- depends_on: {{ ref('stg_whatsapp__sends') }}
{% set folded_sends = ref('int_whatsapp_sends__folded') %}
with

differing_sends as (
    select record_id
    from {{ folded_sends }}
    where least_said <> greatest_said
),

sends as not materialized (
    select
        load_id,
        record_id,
        attempted_at,
        recipient_type,
        phone_number_id,
        campaign_id,
        variant,
        sender_type,
        agent_id,
        bot_id,
        recipient,
        recipient_user_id,
        contact_wa_id,
        contact_user_id,
        message_type,
        template_name,
        template_language,
        conversation_id,
        {{ said_of_a_send() }} as said
    from {{ ref('stg_whatsapp__sends') }}
    {% if not has_differing_sends(folded_sends) %}
        where false
    {% endif %}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        sends.record_id,
        sends.recipient_type = 'group' as is_group,
        sends.phone_number_id,
        sends.campaign_id,
        sends.variant,
        sends.sender_type,
        sends.agent_id,
        sends.bot_id,
        sends.recipient,
        sends.recipient_user_id,
        sends.contact_wa_id,
        sends.contact_user_id,
        sends.message_type,
        sends.template_name,
        sends.template_language,
        sends.conversation_id,
        sends.said
    from sends
    semi join differing_sends on sends.record_id = differing_sends.record_id
    inner join load_precedence on sends.load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by sends.record_id
            order by sends.attempted_at desc, load_precedence.precedence desc, sends.said desc
        ) = 1
)

select * from final
