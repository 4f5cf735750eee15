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
    {#- Sums of years lose the last digits: within an open day it is what the clock says. #}
    round(
        cast(
            {{ seconds_open_until(to_alias, to_instant) }}
            - {{ seconds_open_until(from_alias, from_instant) }} as double
        ),
        6
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

{#- What the clocks of a zone show at a UTC instant. -#}
{% macro local_time(instant, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ instant }}))
{%- endmacro %}

{#- The UTC instant at which the clocks of a zone show a local time: the database's answer, which of
    two is the later, and by the offset before the change where the clocks leave the time out. -#}
{% macro instant_of_local_time(local_at, zone) -%}
    timezone('UTC', timezone({{ zone }}, {{ local_at }}))
{%- endmacro %}

{#- By how much the clocks were set back in the day before the instant of a local time. -#}
{% macro set_back_by(local_at, instant, zone) -%}
    {{ local_time(instant ~ " - interval 1 day", zone) }} - ({{ local_at }} - interval 1 day)
{%- endmacro %}

{#- The first of the instants at which the clocks show a local time. iCalendar (RFC 5545) and Python
    mean that one. -#}
{% macro first_instant(local_at, instant, set_back_by, zone) -%}
    case
        when
            {{ set_back_by }} > interval 0 second
            and {{ local_time(instant ~ " - " ~ set_back_by, zone) }} = {{ local_at }}
            then {{ instant }} - {{ set_back_by }}
        else {{ instant }}
    end
{%- endmacro %}
