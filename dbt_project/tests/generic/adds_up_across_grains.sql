{#- Fails for every key whose days, weeks and months don't sum to the same total. -#}
{% test adds_up_across_grains(model, keys, columns) %}

select
    {{ keys | join(',\n    ') }}
from {{ model }}
group by
    {{ keys | join(',\n    ') }}
having
    count(distinct period_grain) <> 3
    {% for column in columns -%}
    or coalesce(sum({{ column }}) filter (where period_grain = 'day'), 0)
    <> coalesce(sum({{ column }}) filter (where period_grain = 'week'), 0)
    or coalesce(sum({{ column }}) filter (where period_grain = 'week'), 0)
    <> coalesce(sum({{ column }}) filter (where period_grain = 'month'), 0)
    {% endfor %}

{% endtest %}
