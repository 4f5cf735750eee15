{#- The reporting-zone date of a UTC timestamp. With UTC it is a plain cast: the zone conversion
    costs a calendar lookup a row. -#}
{% macro reporting_date(timestamp_at) -%}
    {%- if var('reporting_timezone') == 'UTC' -%}
    cast({{ timestamp_at }} as date)
    {%- else -%}
    cast(timezone('{{ var("reporting_timezone") }}', timezone('UTC', {{ timestamp_at }})) as date)
    {%- endif -%}
{%- endmacro %}

{#- The UTC instant at which a reporting-zone date begins: a DST day is 23 or 25 hours long. -#}
{% macro reporting_day_start(local_on) -%}
    {%- if var('reporting_timezone') == 'UTC' -%}
    cast({{ local_on }} as timestamp)
    {%- else -%}
    timezone('UTC', timezone('{{ var("reporting_timezone") }}', cast({{ local_on }} as timestamp)))
    {%- endif -%}
{%- endmacro %}
