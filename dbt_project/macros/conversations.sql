{#- What is the same wherever a conversation is read. -#}

{#- The public id of an inferred cycle: a function of the message that opens it, so that it stays
    while later messages come. -#}
{% macro inferred_cycle_id(message_id) -%}
    left(sha256('cycle:' || {{ message_id }}), 32)
{%- endmacro %}

{#- The public id of a thread without a platform. Both parts may be guessed from what is published:
    nothing is hidden by it, it only has the form of the others. -#}
{% macro thread_conversation_id(contact_id, channel_id) -%}
    left(sha256('thread:' || {{ contact_id }} || '|' || {{ channel_id }}), 32)
{%- endmacro %}

{#- Of a row of messages: the customer said something. Notices of WhatsApp and reactions say
    nothing that could be answered. -#}
{% macro is_customer_message() -%}
    (direction = 'inbound' and message_type not in ('system', 'reaction'))
{%- endmacro %}

{#- A message of a campaign, whoever is named as its sender. -#}
{% macro is_campaign_message() -%}
    (direction = 'outbound' and (sender_type = 'campaign' or campaign_id <> 'none'))
{%- endmacro %}

{#- One of ours that could be an answer: it reached WhatsApp, says something, and is no campaign. -#}
{% macro is_possible_answer() -%}
    (
        direction = 'outbound'
        and failed_at is null
        and message_type <> 'reaction'
        and sender_type <> 'campaign'
        and campaign_id = 'none'
    )
{%- endmacro %}

{#- How the messages of a thread follow each other: in one second the customer's comes first. -#}
{% macro message_order(alias=none) -%}
    {%- set prefix = alias ~ '.' if alias else '' -%}
    row({{ prefix }}message_at, {{ prefix }}direction, {{ prefix }}message_id)
{%- endmacro %}
