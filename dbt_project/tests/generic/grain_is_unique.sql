{#- Fails for every key that stands in two rows or has a NULL in it. -#}
{% test grain_is_unique(model, columns) %}

select
    {{ columns | join(',\n    ') }},
    count(*) as rows_found
from {{ model }}
group by
    {{ columns | join(',\n    ') }}
having
    count(*) > 1
    {% for column in columns -%}
    or {{ column }} is null
    {% endfor %}

{% endtest %}
