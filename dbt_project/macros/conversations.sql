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

{#- The public id of a conversation, from its system and the keyed hash of its native id. -#}
{% macro conversation_id(source, identifier_hash) -%}
    left(sha256('conversation:' || {{ source }} || ':' || {{ identifier_hash }}), 32)
{%- endmacro %}

{% macro platform_cycle_id(conversation_id, cycle_number) -%}
    left(sha256('cycle:' || {{ conversation_id }} || ':' || {{ cycle_number }}), 32)
{%- endmacro %}

{#- The public id of an event, from its system and the keyed hash of its key. -#}
{% macro conversation_event_id(source, identifier_hash) -%}
    left(sha256('event:' || {{ source }} || ':' || {{ identifier_hash }}), 32)
{%- endmacro %}

{#- A label as a business wrote it: one word in any script, or words in lower case that hyphens or
    underscores join. With blanks or digits, or of two names joined, it could be somebody's. -#}
{% macro published_label(column) -%}
    case
        when
            length({{ column }}) <= 60
            and regexp_full_match(
                {{ column }},
                '\p{L}[\p{L}\p{M}]*|[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{M}]*([_-][\p{Ll}\p{Lo}\p{M}]+)*'
            )
            then {{ column }}
        when {{ column }} is not null then 'other'
    end
{%- endmacro %}

{#- Chatwoot tells of closings and assignments by notices in its users' language. Each macro below
    is one pattern in the languages whose words are sure (English, German, Portuguese, Spanish); a
    name stands in brackets. -#}
{% macro activity_closed_by_timer() -%}
    '(?:Conversation was marked resolved by .+ due to .*inactivity'
    || '|Das Gespräch wurde vom System aufgrund von .+ Inaktivität gelöst'
    || '|A conversa foi marcada como resolvida .+ inatividade'
    || '|La conversación fue marcada por el sistema debido a .+ de inactividad)'
{%- endmacro %}

{% macro activity_closed_by_contact() -%}
    '(?:Conversation was resolved by .+|Konversation wurde von .+ gelöst'
    || '|A conversa foi resolvida por .+|Conversación fue resuelta por .+)'
{%- endmacro %}

{% macro activity_closed() -%}
    '(?:Conversation was marked resolved by ([^(:]+)(?: ?[(:].*)?'
    || '|Das Gespräch wurde von (.+) gelöst'
    || '|(?:A c|C)onversa foi marcada como resolvida por ([^(:]+)(?: ?[(:].*)?'
    || '|La conversación fue marcada por (.+))'
{%- endmacro %}

{% macro activity_reopened_by_message() -%}
    '(?:System reopened the conversation due to .+|Das System hat die Unterhaltung .+ geöffnet.*'
    || '|O sistema reabriu a conversa .+|El sistema reabrió la conversación .+)'
{%- endmacro %}

{% macro activity_reopened() -%}
    '(?:Conversation was reopened by (.+)|Das Gespräch wurde von (.+) wieder eröffnet'
    || '|Conversa foi reaberta por (.+)|La conversación fue reabierta por (.+))'
{%- endmacro %}

{% macro activity_self_assigned() -%}
    '(?:(.+) self-assigned this conversation|(.+) hat sich dieses Gespräch selbst zugewiesen'
    || '|(.+) atribuiu a si mesmo essa conversa|(.+) auto-asignado a esta conversación)'
{%- endmacro %}

{#- To whom, and by whom. The words for it in German don't tell the two apart without a team. -#}
{% macro activity_assigned() -%}
    '(?:Assigned to (.+?)(?: via .+)? by (.+)|Zugewiesen an (.+) über .+ von (.+)'
    || '|Atribuído a (.+?)(?: via .+)? por (.+)|Asignado a (.+?)(?: via .+)? por (.+))'
{%- endmacro %}

{% macro activity_unassigned() -%}
    '(?:Conversation unassigned by (.+)|Gespräch nicht zugewiesen von (.+)'
    || '|Conversa desatribuída por (.+)|Conversación no asignada por (.+))'
{%- endmacro %}

{#- What stands in some brackets of a pattern, whichever of its languages a text is in. -#}
{% macro activity_name(pattern, brackets) -%}
    nullif(
        trim(
            regexp_replace(
                activity_text, '^' || {{ pattern }} || '$', '
                {%- for bracket in brackets %}\{{ bracket }}{% endfor %}'
            )
        ),
        ''
    )
{%- endmacro %}
