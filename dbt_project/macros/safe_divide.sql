{#- numerator ÷ denominator as double; NULL when the denominator is 0 or NULL. The only division
    in the project: in DuckDB 1/0 is inf and 0/0 is NaN, and either would poison a report. -#}
{% macro safe_divide(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}
