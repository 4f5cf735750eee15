{#- What is the same wherever a link or a stream of events is read. -#}

{#- The query of a link, or of the part of a link that a template's button leaves open. -#}
{% macro link_query(link) -%}
    regexp_extract({{ link }}, '\?([^#]*)', 1)
{%- endmacro %}

{#- What may tell one recipient's link from another's (SOURCES 5): the last segment of its path and
    the values of its query. A column of a select list; empty texts among them. -#}
{% macro link_tokens(link) -%}
    unnest(
        list_concat(
            [
                regexp_extract(
                    regexp_replace({{ link }}, '[?#].*$', ''), '([^/]+)/*\s*$', 1
                )
            ],
            list_transform(
                string_split({{ link_query(link) }}, '&'),
                lambda part: regexp_replace(part, '^[^=]*=', '')
            )
        )
    )
{%- endmacro %}

{#- Robots and the previews of messengers, by how they introduce themselves. A Cubot is a phone. -#}
{% macro is_robot(user_agent) -%}
    coalesce(
        regexp_matches(
            regexp_replace({{ user_agent }}, 'cubot', '', 'gi'),
            'WhatsApp/|facebookexternalhit|bot|crawler|spider|preview',
            'i'
        ),
        false
    )
{%- endmacro %}

{#- Over rows (stream, event_at): how far the clock of each stream can be believed (MARTS 1,
    Watermark), a row for each stream that has an event beyond. Such an event lies later than a gap
    of more than clock_gap_days behind which at most 3 events and 0.1 % of the stream lie (one in
    streams under 1,000): four events suffice to see one. -#}
{% macro clock_limits(events) -%}
    select
        stream,
        min(previous_event_at) as last_plausible_at
    from (
        select
            stream,
            events,
            unnest(latest) as event_at,
            unnest(latest[2:]) as previous_event_at,
            unnest(range(1, len(latest) + 1)) as events_from_here
        from (
            select
                stream,
                count(*) as events,
                max(event_at, 4) as latest
            from {{ events }}
            where event_at is not null
            group by stream
        ) as latest_events
    ) as gaps
    where
        event_at > previous_event_at + interval ({{ var('clock_gap_days') | int }}) day
        and events_from_here
        <= case when events < 1000 then 1 else least(3, floor(events * 0.001)) end
    group by stream
{%- endmacro %}
