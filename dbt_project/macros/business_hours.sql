{#- Seconds of a channel's opening hours between two instants, by two lookups in the spine
    int_business_intervals:

        from rows
        left join channel_schedules on rows.channel_id = channel_schedules.channel_id
        {{ business_lookup('from_hours', 'channel_schedules', 'rows.started_at') }}
        {{ business_lookup('to_hours', 'channel_schedules', 'rows.ended_at') }}
        ... {{ business_seconds('from_hours', 'rows.started_at', 'to_hours', 'rows.ended_at') }}

    with the CTEs channel_schedules (channel_id, schedule_id, timezone of int_channel_schedules) and
    business_intervals (all columns of int_business_intervals). NULL where the channel has no
    schedule, an instant is unknown, or lies where the spine does not reach (a clock anomaly); 0
    where nothing was open. -#}
{% macro business_lookup(alias, schedules, instant) -%}
    asof left join business_intervals as {{ alias }}
        on
            {{ schedules }}.schedule_id = {{ alias }}.schedule_id
            and {{ schedules }}.timezone = {{ alias }}.timezone
            and {{ instant }} >= {{ alias }}.opens_at
{%- endmacro %}

{% macro business_seconds(from_alias, from_instant, to_alias, to_instant) -%}
    cast(
        {{ seconds_open_until(to_alias, to_instant) }}
        - {{ seconds_open_until(from_alias, from_instant) }} as double
    )
{%- endmacro %}

{#- Not by least(): it takes the other one for NULL in DuckDB, and NULL for the both elsewhere. -#}
{% macro seconds_open_until(alias, instant) -%}
    (
        {{ alias }}.seconds_open_before
        + epoch(
            case
                when {{ instant }} < {{ alias }}.closes_at then {{ instant }}
                else {{ alias }}.closes_at
            end - {{ alias }}.opens_at
        )
    )
{%- endmacro %}

{#- The UTC instant at which the clocks of a zone show a local time. Where a change of clock shows it
    twice the first is meant; where it is left out, the offset before the change holds: the rule of
    iCalendar (RFC 5545) and of Python. The database takes the second of two. -#}
{% macro instant_of_local_time(local_at, zone) -%}
    {%- set instant = "timezone('UTC', timezone(" ~ zone ~ ", " ~ local_at ~ "))" -%}
    {%- set day_before = "(" ~ instant ~ " - interval 1 day)" -%}
    {%- set earlier = "(" ~ local_at ~ " - (" ~ local_time(day_before, zone) ~ " - " ~ day_before ~ "))" -%}
    case
        when {{ local_time(earlier, zone) }} = {{ local_at }} then {{ earlier }}
        else {{ instant }}
    end
{%- endmacro %}

{#- What the clocks of a zone show at a UTC instant. -#}
{% macro local_time(instant, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ instant }}))
{%- endmacro %}
