{#- What is the same wherever a WhatsApp record is read. -#}

{#- Seconds since 1970, as text or number; NULL where it can't be a time. -#}
{% macro unix_seconds(column) -%}
    case
        when try_cast({{ column }} as bigint) between 0 and 253402300799
            then make_timestamp(try_cast({{ column }} as bigint) * 1000000)
    end
{%- endmacro %}

{#- A time written out: with an offset it is turned to UTC, without one it is UTC. -#}
{% macro utc_time(column) -%}
    timezone('UTC', try_cast({{ column }} as timestamptz))
{%- endmacro %}

{#- The record's own clock is off (MARTS 1, Watermark): before 1971, or more than a day after the
    body was received. The third sign, a far event behind a gap, needs the whole stream. -#}
{% macro is_implausible(event_at, received_at) -%}
    coalesce(
        {{ event_at }} < timestamp '1971-01-01'
        or {{ event_at }} > {{ received_at }} + interval 1 day,
        false
    )
{%- endmacro %}

{#- The payloads that Meta's dashboard sends when somebody presses "Test". -#}
{% macro is_meta_test_payload() -%}
    coalesce(
        phone_number_id = '123456123'
        or display_phone_number = '16505551111'
        or person_wa_id in ('16505551111', '16315551181'),
        false
    )
{%- endmacro %}

{#- A whole message as one comparable word: lower case, no punctuation at the ends. -#}
{% macro normalised_word(column) -%}
    case
        when length({{ column }}) <= 40
            then trim(regexp_replace(lower({{ column }}), '[\s[:punct:]¡¿]+', ' ', 'g'))
    end
{%- endmacro %}

{% macro normalised_category(column) -%}
    replace(lower({{ column }}), '-', '_')
{%- endmacro %}

{#- A name or code that WhatsApp or a log chose and that is published: words as they come, known
    or not. What is longer or stranger could hold somebody's number or words: `other`. -#}
{% macro published_name(column) -%}
    case
        when regexp_full_match({{ column }}, '[A-Za-z][A-Za-z_.\-]{0,59}') then {{ column }}
        when {{ column }} is not null then 'other'
    end
{%- endmacro %}

{% macro published_code(column) -%}
    case
        when regexp_full_match({{ column }}, '[0-9]{1,6}') then {{ column }}
        when {{ column }} is not null then 'other'
    end
{%- endmacro %}

{#- TIER_1K, TIER_UNLIMITED, or a count of customers a day. -#}
{% macro published_limit(column) -%}
    case
        when regexp_full_match({{ column }}, 'TIER_[A-Z0-9_]{1,20}|[0-9]{1,7}') then {{ column }}
        when {{ column }} is not null then 'other'
    end
{%- endmacro %}

{#- When a body was received or a request made: written out, or in seconds. -#}
{% macro received_time(column) -%}
    coalesce({{ utc_time(column) }}, {{ unix_seconds(column) }})
{%- endmacro %}

{#- New rows of a state table: loads that aren't folded yet, and what replaced files took away. -#}
{% macro folded_load_id() -%}
    {{ var('folded_load_id') | int }}
{%- endmacro %}

{#- The public id of a message. A wamid holds the recipient's number in base64, but has randomness
    of its own: a plain SHA-256 of it gives nothing away. Inbound and outbound are kept apart. -#}
{% macro message_id(direction, record_id) -%}
    left(sha256('whatsapp:' || {{ direction }} || ':' || {{ record_id }}), 32)
{%- endmacro %}

{#- Of a list of {type, …} in Meta's analytics: the sum of what stands beside one type; NULL where
    that type is not there. -#}
{% macro sum_of_type(point, list, type, value, data_type) -%}
    list_sum(
        list_transform(
            list_filter(
                json_extract({{ point }}, '$.{{ list }}[*]'),
                lambda item: item ->> '$.type' = '{{ type }}'
            ),
            lambda item: try_cast(item ->> '$.{{ value }}' as {{ data_type }})
        )
    )
{%- endmacro %}
