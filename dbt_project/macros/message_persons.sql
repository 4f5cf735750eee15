{#- Whose message it is, where its sources (send log, statuses, content) name several: the same for
    the models that resolve it and for the one that decides which messages to work out anew. -#}
{% macro message_wa_id(sends, statuses, messages) -%}
    coalesce(
        {{ sends }}.contact_wa_id,
        {{ statuses }}.person_wa_id,
        {{ sends }}.recipient,
        {{ messages }}.person_wa_id
    )
{%- endmacro %}

{% macro message_user_id(sends, statuses, messages) -%}
    coalesce(
        {{ sends }}.contact_user_id,
        {{ sends }}.recipient_user_id,
        {{ statuses }}.person_user_id,
        {{ messages }}.person_user_id
    )
{%- endmacro %}

{#- All that a line of the send log says of its message, as a number to compare. -#}
{% macro said_of_a_send() -%}
    hash(
        phone_number_id,
        campaign_id,
        variant,
        sender_type,
        agent_id,
        bot_id,
        recipient,
        recipient_user_id,
        recipient_type,
        contact_wa_id,
        contact_user_id,
        message_type,
        template_name,
        template_language,
        conversation_id
    )
{%- endmacro %}

{#- Over two joins of int_persons, NULL where neither names anybody. What many people share (a
    shop's phone) names nobody where something else does. -#}
{% macro message_contact(phones, user_ids) -%}
    case
        when {{ phones }}.is_shared and not {{ user_ids }}.is_shared then {{ user_ids }}.contact_id
        else coalesce({{ phones }}.contact_id, {{ user_ids }}.contact_id)
    end
{%- endmacro %}
