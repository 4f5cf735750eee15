{#- The RFM segment of a customer on a date: recency (days since the last day with a valid order),
    frequency (days with one) and money (whether they have brought more than four fifths of the
    customers of that date). Decided in this order; the names are a closed list, beside `none` for
    who has not bought yet and `unknown` for orders that name no person. -#}
{% macro customer_segment(days_since_order, purchases, is_top_spender) -%}
    case
        when {{ days_since_order }} > {{ var('segment_lost_days') }} then 'lost'
        when {{ days_since_order }} > {{ var('segment_recent_days') }} and {{ purchases }} >= 2
            then 'at_risk'
        when {{ days_since_order }} > {{ var('segment_recent_days') }} then 'hibernating'
        when {{ purchases }} >= 4 and {{ is_top_spender }} then 'champions'
        when {{ purchases }} >= 2 then 'loyal'
        when {{ is_top_spender }} then 'promising'
        else 'new'
    end
{%- endmacro %}

{#- Whether a calendar month has been seen by a watermark's date: it has reached the last day. A
    cohort's cell of another month can't be observed yet. -#}
{% macro month_is_observed(month_on, watermark_on) -%}
    ({{ watermark_on }} >= last_day({{ month_on }}))
{%- endmacro %}

{#- Months from one month's first day to that of another, as bigint. -#}
{% macro months_between(from_month_on, to_month_on) -%}
    cast(date_diff('month', {{ from_month_on }}, {{ to_month_on }}) as bigint)
{%- endmacro %}
