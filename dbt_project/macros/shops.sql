{#- What shop systems' own exports have in common. -#}

{#- A cell of a spreadsheet, without the apostrophe that keeps it from being read as a formula. -#}
{% macro without_apostrophe(column) -%}
    nullif(ltrim(trim({{ column }}), ''''), '')
{%- endmacro %}

{#- A time as Shopify's CSV writes it (2026-05-01 09:58:12 +0200), or any other written out. -#}
{% macro shop_time(column) -%}
    coalesce(
        timezone('UTC', try_strptime({{ column }}, '%Y-%m-%d %H:%M:%S %z')),
        {{ utc_time(column) }}
    )
{%- endmacro %}

{#- Over rows (stream, file_exported_at, event_at), a stream being a load: when each file was written.
    That is after all that it tells, but for an order whose year is mistyped. -#}
{% macro files_told_at(file_events) -%}
    select
        events.stream as load_id,
        greatest(
            max(events.file_exported_at),
            max(events.event_at) filter (
                where coalesce(events.event_at <= limits.last_plausible_at, true)
            )
        ) as told_at
    from {{ file_events }} as events
    left join ({{ clock_limits(file_events) }}) as limits on events.stream = limits.stream
    group by events.stream
{%- endmacro %}

{#- The number in a global id like gid://shopify/Order/123. -#}
{% macro gid_number(column) -%}
    nullif(regexp_extract({{ column }}, '^gid://shopify/[A-Za-z]+/([0-9]+)', 1), '')
{%- endmacro %}

{#- A JSON list of words as one text, parted by commas. -#}
{% macro joined_list(column) -%}
    array_to_string(from_json({{ column }}, '["VARCHAR"]'), ',')
{%- endmacro %}

{#- What stands under one key of the objects of a JSON list, as one text, parted by commas. -#}
{% macro listed_values(column, key) -%}
    array_to_string(
        list_transform(json_extract({{ column }}, '$[*]'), lambda item: item ->> '$.{{ key }}'), ','
    )
{%- endmacro %}

{#- Of a JSON list of {key, value} the value of the last such key that has one. -#}
{% macro list_value(column, key) -%}
    nullif(
        trim(
            list_last(
                list_transform(
                    list_filter(
                        json_extract({{ column }}, '$[*]'),
                        lambda item: item ->> '$.key' = '{{ key }}' and item ->> '$.value' <> ''
                    ),
                    lambda item: item ->> '$.value'
                )
            )
        ),
        ''
    )
{%- endmacro %}

{#- Of lines like `utm_source: newsletter` the value behind one key. -#}
{% macro line_value(column, key) -%}
    nullif(
        regexp_extract({{ column }}, '(?im)^\s*{{ key }}\s*[:=][^\S\n]*(.*?)\s*$', 1), ''
    )
{%- endmacro %}

{#- Whether one of the tags of a list parted by commas is, as a whole, one of those of a var. -#}
{% macro has_tag(column, var_name) -%}
    len(
        list_filter(
            string_split({{ column }}, ','),
            lambda tag: regexp_full_match(
                lower(trim(tag)), '{{ var(var_name) | lower | replace("'", "''") }}'
            )
        )
    ) > 0
{%- endmacro %}

{#- Whether the name of a payment method holds one of the words of the var. -#}
{% macro is_cod_method(column) -%}
    regexp_matches(
        lower({{ column }}),
        '(^|[^a-z])({{ var("cod_payment_methods") | lower | replace("'", "''") }})([^a-z]|$)'
    )
{%- endmacro %}

{#- Whether the fulfilment of an order says that it came back undelivered. -#}
{% macro is_rto_fulfillment(column) -%}
    regexp_full_match(
        lower(trim({{ column }})),
        '{{ var("rto_fulfillment_statuses") | lower | replace("'", "''") }}'
    )
{%- endmacro %}

{#- A UTM value of a visit that came by no link says so in brackets. -#}
{% macro told_utm(value) -%}
    {{ published_utm("case when " ~ value ~ " not in ('(direct)', '(none)', '(not set)') then "
        ~ value ~ " end") }}
{%- endmacro %}
