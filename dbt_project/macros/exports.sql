{#- What is the same wherever a CSV export with our own columns is read. -#}

{#- How a record names its person: by a number, and by the best of its other names. Two names, for
    a number that many share names nobody (message_contact). All four go into the identities. -#}
{% macro person_columns() -%}
phone,
        user_id,
        email,
        external_id,
        case
            when user_id is not null then 'bsuid'
            when email is not null then 'email'
            when external_id is not null then 'external'
        end as name_kind,
        coalesce(user_id, email, external_id) as name_value
{%- endmacro %}

{#- A row that names a person, as int_people__named_in_exports has it: SQL for each of its columns.
    What isn't given stands under the same name, but the ids of shops and platforms, which only
    their own exports have. -#}
{% macro named_person(
    event_at,
    load_id="load_id",
    is_implausible="is_implausible",
    phone="phone",
    user_id="user_id",
    email="email",
    external_id="external_id",
    shop_customer_id="null",
    platform_contact_id="null"
) -%}
{{ load_id }} as load_id,
        cast({{ event_at }} as timestamp) as event_at,
        {{ is_implausible }} as is_implausible,
        cast({{ phone }} as varchar) as phone,
        cast({{ user_id }} as varchar) as user_id,
        cast({{ email }} as varchar) as email,
        cast({{ external_id }} as varchar) as external_id,
        cast({{ shop_customer_id }} as varchar) as shop_customer_id,
        cast({{ platform_contact_id }} as varchar) as platform_contact_id
{%- endmacro %}

{#- Who sent one of our messages, in the words of whatever system exports it; NULL where the word
    isn't understood (meta.unknown_values counts those) or there is none. Of a customer's message
    the direction says it, so that no word of a customer's is one here. -#}
{% macro parsed_sender_type(column) -%}
    case
        when
            lower(trim({{ column }})) in (
                'agent', 'user', 'human', 'operator', 'staff', 'admin', 'teammate', 'employee'
            )
            then 'agent'
        when
            lower(trim({{ column }})) in (
                'bot', 'chatbot', 'chat bot', 'ai', 'ai agent', 'ai_agent', 'assistant'
            )
            then 'bot'
        when lower(trim({{ column }})) in ('campaign', 'broadcast') then 'campaign'
        when lower(trim({{ column }})) = 'api' then 'api'
    end
{%- endmacro %}

{#- Whether a message is the customer's, as people and systems write it. -#}
{% macro is_inbound_word(column) -%}
    lower({{ column }}) in ('inbound', 'incoming', 'in', 'received')
{%- endmacro %}

{#- Yes and no, as people and systems write them, in six languages; NULL where it is neither. What
    is added here belongs into the seed known_values too. -#}
{% macro parsed_boolean(column) -%}
    case
        when
            lower({{ column }}) in (
                'true', 't', 'yes', 'y', '1', 'x', 'human', 'ja', 'wahr', 'oui', 'vrai', 'si', 'sí',
                'verdadero', 'sim', 'verdadeiro', 'vero'
            )
            then true
        when
            lower({{ column }}) in (
                'false', 'f', 'no', 'n', '0', 'bot', 'nein', 'falsch', 'non', 'faux', 'falso', 'não',
                'nao'
            )
            then false
    end
{%- endmacro %}

{#- Money as it stands in an export, with a point for the cents. -#}
{% macro parsed_amount(column) -%}
    try_cast({{ column }} as decimal(18, 4))
{%- endmacro %}

{#- A time that can't be: before 1971. Exports of this kind have no time of receipt. -#}
{% macro is_before_1971(event_at) -%}
    coalesce({{ event_at }} < timestamp '1971-01-01', false)
{%- endmacro %}

{#- Where somebody or something came from, as a person wrote it: words, but no number that could be
    a telephone's. -#}
{% macro published_source(column) -%}
    case
        when
            regexp_full_match({{ column }}, '[A-Za-z][A-Za-z0-9_. \-]{0,59}')
            and not regexp_matches({{ column }}, '[0-9]{7}')
            then {{ column }}
        when {{ column }} is not null then 'other'
    end
{%- endmacro %}

{#- A UTM value as the link has it. One that holds an address, or as many digits as a telephone
    number (dates have fewer, ids of ads more), is `other`. -#}
{% macro published_utm(column) -%}
    case
        when
            length({{ column }}) > 120
            or contains({{ column }}, '@')
            or contains({{ column }}, '%40')
            or regexp_matches({{ column }}, '(^|[^0-9])[0-9]{9,15}([^0-9]|$)')
            or {{ has_spelt_phone(column) }}
            then 'other'
        else {{ column }}
    end
{%- endmacro %}

{#- Whether a text holds a telephone number that is spelt as one: with a plus, in groups or not. -#}
{% macro has_spelt_phone(column) -%}
    regexp_matches({{ column }}, '(\+|%2[Bb])[ (]*[0-9]([ ().\-/]*[0-9]){7,14}')
{%- endmacro %}

{#- The number of an order as people see it. Free text in some systems: NULL where it holds an
    address or a telephone number, spelt as one or its buyer's own in any way. -#}
{% macro published_order_number(column, phone) -%}
    case
        when
            length({{ column }}) <= 60
            and not contains({{ column }}, '@')
            and not {{ has_spelt_phone(column) }}
            and not coalesce(
                length({{ bare_digits(column) }}) >= 7
                and (
                    contains({{ bare_digits(phone) }}, {{ bare_digits(column) }})
                    or contains({{ bare_digits(column) }}, {{ bare_digits(phone) }})
                ),
                false
            )
            then {{ column }}
    end
{%- endmacro %}

{#- The digits of a text, without the zeros before them. -#}
{% macro bare_digits(column) -%}
    nullif(ltrim(regexp_replace({{ column }}, '[^0-9]', '', 'g'), '0'), '')
{%- endmacro %}

{#- A currency by its ISO 4217 code; `unknown`, which has no rate, where something else stands. -#}
{% macro published_currency(column) -%}
    case
        when regexp_full_match(upper({{ column }}), '[A-Z]{3}') then upper({{ column }})
        when {{ column }} is not null then 'unknown'
    end
{%- endmacro %}

{#- Over rows with a currency_code and a day, and the CTE fx_rates: the rate of each currency and day
    that has one. Per day, not per row: a currency may have a rate for every day of years. -#}
{% macro rates_of_days(rows, day_on) -%}
    select
        days_of_rows.currency_code,
        days_of_rows.{{ day_on }},
        fx_rates.rate
    from (
        select distinct
            currency_code,
            {{ day_on }}
        from {{ rows }}
    ) as days_of_rows
    inner join fx_rates
        on
            days_of_rows.currency_code = fx_rates.currency_code
            and days_of_rows.{{ day_on }} >= fx_rates.valid_from_on
            and (
                fx_rates.valid_before_on is null
                or days_of_rows.{{ day_on }} < fx_rates.valid_before_on
            )
{%- endmacro %}
