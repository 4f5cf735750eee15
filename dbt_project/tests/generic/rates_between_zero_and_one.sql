{#- Fails for every row with a rate outside [0, 1]; NULL (nothing to divide by) is allowed. -#}
{% test rates_between_zero_and_one(model, columns) %}

select *
from {{ model }}
where
    false
    {% for column in columns -%}
    or ({{ column }} is not null and ({{ column }} between 0 and 1) is not true)
    {% endfor %}

{% endtest %}
