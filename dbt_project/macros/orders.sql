{#- What is the same wherever an order is read. -#}

{#- The state of an order in one closed list, whatever its shop calls it. -#}
{% macro order_status(column) -%}
    case replace(replace(lower(trim({{ column }})), '-', '_'), ' ', '_')
        when 'pending' then 'pending'
        when 'on_hold' then 'pending'
        when 'unpaid' then 'pending'
        when 'authorized' then 'authorized'
        when 'paid' then 'paid'
        when 'processing' then 'paid'
        when 'completed' then 'paid'
        when 'complete' then 'paid'
        when 'fulfilled' then 'paid'
        when 'shipped' then 'paid'
        when 'delivered' then 'paid'
        when 'partially_paid' then 'partially_paid'
        when 'partially_refunded' then 'partially_refunded'
        when 'refunded' then 'refunded'
        when 'voided' then 'voided'
        when 'expired' then 'voided'
        when 'cancelled' then 'cancelled'
        when 'canceled' then 'cancelled'
        when 'failed' then 'failed'
        when 'declined' then 'failed'
        when 'returned' then 'returned'
        when 'rto' then 'returned'
        else case when {{ column }} is null then 'unknown' else 'other' end
    end
{%- endmacro %}

{#- Coupon codes of a cell, one way to write them: upper case, each once, in byte order, parted by
    bars. Codes that could be an address or a telephone number are left out. -#}
{% macro coupon_list(column) -%}
    nullif(
        array_to_string(
            list_sort(
                list_distinct(
                    list_filter(
                        list_transform(
                            regexp_split_to_array({{ column }}, '[|,;]'),
                            lambda code: upper(trim(code))
                        ),
                        lambda code: code <> ''
                            and not contains(code, '@')
                            and not regexp_full_match(code, '\+?[0-9]{9,15}')
                    )
                )
            ),
            '|'
        ),
        ''
    )
{%- endmacro %}
