{#- Whether a satisfaction answer is one of the top two of five; of another scale, as far from its
    lower end. -#}
{% macro is_satisfied(score, scale_max) -%}
    (({{ score }} - 1) * 4 >= ({{ scale_max }} - 1) * 3)
{%- endmacro %}
