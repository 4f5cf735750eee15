{#- One row per date from first_on to last_on, both included: goes into a select list. -#}
{% macro each_date(first_on, last_on) -%}
    cast(unnest(generate_series({{ first_on }}, {{ last_on }}, interval 1 day)) as date)
{%- endmacro %}

{#- One row per first day of a month from first_on's month to last_on's: goes into a select list. -#}
{% macro each_month(first_on, last_on) -%}
    cast(
        unnest(
            generate_series(
                date_trunc('month', {{ first_on }}), date_trunc('month', {{ last_on }}), interval 1 month
            )
        ) as date
    )
{%- endmacro %}

{#- Seconds from one timestamp to a later one, as double, with their fraction. -#}
{% macro elapsed_seconds(from_at, to_at) -%}
    cast(epoch({{ to_at }} - {{ from_at }}) as double)
{%- endmacro %}

{#- Whether the watermark has passed a period's end by the longest of the given window vars.
    Columns watermark_at and ends_at of int_periods must be in scope; a var's unit is the end of
    its name, and a day is 24 hours also where the clock changes. -#}
{% macro has_matured(window_vars) -%}
    {%- set hours = [] -%}
    {%- for name in window_vars -%}
        {%- do hours.append(var(name) * (24 if name.endswith('_days') else 1)) -%}
    {%- endfor -%}
    (watermark_at >= ends_at + interval '{{ hours | max }} hours')
{%- endmacro %}
