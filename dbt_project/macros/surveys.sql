{#- What is the same wherever an answer to a survey is read. -#}

{#- One of the closed list of types, as systems call them; `other` where it is none of them. What is
    added here belongs into the seed known_values too. -#}
{% macro survey_type(column) -%}
    case lower({{ column }})
        when 'nps' then 'nps'
        when 'csat' then 'csat'
        when 'csat3' then 'csat'
        when 'csat7' then 'csat'
        when 'ces' then 'ces'
        when 'ces7' then 'ces'
        when 'review' then 'review'
        when 'five_star' then 'review'
        when 'stars' then 'review'
        else 'other'
    end
{%- endmacro %}

{#- The highest answer: as told, else what the type has. NPS has one scale only. -#}
{% macro survey_scale(type_column, scale_column) -%}
    case
        when lower({{ type_column }}) = 'nps' then 10.0
        when try_cast({{ scale_column }} as double) between 2 and 100
            then try_cast({{ scale_column }} as double)
        when lower({{ type_column }}) = 'csat3' then 3.0
        when lower({{ type_column }}) in ('csat', 'five_star', 'stars', 'review') then 5.0
        when lower({{ type_column }}) in ('csat7', 'ces7') then 7.0
    end
{%- endmacro %}

{#- The score as a number, NULL where the answer is none: NPS is 0 to 10 and CSAT 1 to the end of
    its scale, in whole numbers; of the other types any number that the scale holds. -#}
{% macro survey_score(type_column, scale_column, text_column) -%}
    case
        when not isfinite(try_cast({{ text_column }} as double)) then null
        when {{ type_column }} in ('nps', 'csat')
            and try_cast({{ text_column }} as double) <> floor(try_cast({{ text_column }} as double))
            then null
        when try_cast({{ text_column }} as double) < case {{ type_column }} when 'csat' then 1 else 0 end
            then null
        when try_cast({{ text_column }} as double) > {{ scale_column }} then null
        else try_cast({{ text_column }} as double)
    end
{%- endmacro %}

{#- The public id. response_ref holds a keyed hash, or an id of WhatsApp's with randomness of its
    own: nobody can guess it. -#}
{% macro survey_response_id(source_column, ref_column) -%}
    left(sha256('survey|' || {{ source_column }} || '|' || {{ ref_column }}), 32)
{%- endmacro %}
