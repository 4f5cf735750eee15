{#- Folder schemas are used as written (`marts`, not `main_marts`): people's queries name them. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
