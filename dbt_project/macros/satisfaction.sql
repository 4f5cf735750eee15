{#- Whether a CSAT answer is one of the top two of five: of another scale the same share of it. -#}
{% macro is_satisfied(score, scale_max) -%}
    ({{ score }} * 5 >= {{ scale_max }} * 4)
{%- endmacro %}
