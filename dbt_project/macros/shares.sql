{#- How much of an amount the first `weight` of `total` units carry, to four digits. A part is the
    difference of two of these: parts of an amount add up to it, whatever the rounding. -#}
{% macro share_until(amount, weight, total) -%}
    cast(
        cast({{ amount }} as double) * {{ safe_divide(weight, total) }} as decimal(18, 4)
    )
{%- endmacro %}

{#- The sum of message costs: nothing to pay is 0, nothing known of what is to pay is NULL. -#}
{% macro known_cost(known_amount, messages_unknown) -%}
    cast(
            case
                when coalesce(sum({{ messages_unknown }}), 0) = 0
                    then coalesce(sum({{ known_amount }}), 0)
                else sum({{ known_amount }})
            end as decimal(18, 6)
        )
{%- endmacro %}

{#- A sum that one unknown part makes unknown. `is_part` leaves out rows of an outer join without a
    match: they are no part. -#}
{% macro whole_cost(amount, is_part='true') -%}
    cast(
            case
                when count(*) filter (where {{ is_part }} and {{ amount }} is null) = 0
                    then coalesce(sum({{ amount }}), 0)
            end as decimal(18, 4)
        )
{%- endmacro %}

{#- The windows that the numbers of a campaign wait for. -#}
{% macro campaign_windows() -%}
    {{ return([
        'status_window_days',
        'click_window_days',
        'response_window_hours',
        'opt_out_window_hours',
        'attribution_click_days',
        'attribution_button_days',
        'attribution_reply_days',
        'attribution_utm_days',
        'attribution_read_hours',
    ]) }}
{%- endmacro %}

{#- The sum of amounts of orders: nothing sold is 0, nothing known of what was sold is NULL. -#}
{% macro known_amount(known_amount, orders_unknown) -%}
    cast(
            case
                when coalesce(sum({{ orders_unknown }}), 0) = 0
                    then coalesce(sum({{ known_amount }}), 0)
                else sum({{ known_amount }})
            end as decimal(18, 4)
        )
{%- endmacro %}
