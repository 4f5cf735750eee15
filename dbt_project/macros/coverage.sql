{#- The raw tables that some model reads, as a SQL list: an export that is loaded and that no model
    knows yet makes no KPI computable. -#}
{% macro modelled_raw_tables() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
            {%- for parent in node.depends_on.nodes -%}
                {%- if '.raw.' in parent -%}
                    {%- do names.append("'" ~ parent.split('.')[-1] ~ "'") -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names | unique | sort | join(', ') or "''") }}
{%- endmacro %}
