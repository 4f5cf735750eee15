{#- A count of an ad's report: what a row leaves out is 0 where other rows of its file tell it. -#}
{% macro count_told(column) -%}
    case
            when {{ column }} is not null then try_cast({{ column }} as bigint)
            when count({{ column }}) over (partition by _load_id) > 0 then 0
        end
{%- endmacro %}
