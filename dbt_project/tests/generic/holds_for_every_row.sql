{#- Fails for every row where the expression is false or NULL. -#}
{% test holds_for_every_row(model, expression) %}

select *
from {{ model }}
where ({{ expression }}) is not true

{% endtest %}
