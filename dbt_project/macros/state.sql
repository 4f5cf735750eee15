{#- State tables (ARCHITECTURE 4). A state table holds, per native key, only values that merge in
    any order: the least of times and texts, the greatest of flags. A run folds the rows of loads
    above `folded_load_id` and merges them in. Rows that left raw with a replaced file can't be
    un-merged: their keys are deleted first and folded again from all of raw. -#}

{#- Keys that replaced files took out of raw since the last fold. -#}
{% macro retired_since_fold(raw_table) -%}
    (
        select distinct record_id
        from {{ source('ledger', 'retired_keys') }}
        where raw_table = '{{ raw_table }}' and load_id > {{ folded_load_id() }}
    )
{%- endmacro %}

{#- Whether there are any. Asked before the statement is written: a filter with "or" on them would
    look at all of raw on every ordinary day, where the load number alone reads the new rows. -#}
{% macro has_retired(raw_table) -%}
    {%- if execute and is_incremental() -%}
        {%- set found = run_query('select 1 from ' ~ retired_since_fold(raw_table) ~ ' limit 1') -%}
        {{ return(found is not none and found.rows | length > 0) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{#- The pre-hook of a state table: forget what must be folded again. -#}
{% macro forget_retired(raw_table, keys=['record_id']) -%}
    {%- if has_retired(raw_table) -%}
    delete from {{ this }}
    where
        {%- for key in keys %}
        {{ 'or ' if not loop.first }}{{ key }} in {{ retired_since_fold(raw_table) }}
        {%- endfor %}
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}

{#- The rows to fold in this run: those of new loads, and those of retired keys. -#}
{% macro rows_to_fold(raw_table, key='record_id') -%}
    {%- if not is_incremental() -%}
    true
    {%- elif has_retired(raw_table) -%}
    (load_id > {{ folded_load_id() }} or {{ key }} in {{ retired_since_fold(raw_table) }})
    {%- else -%}
    load_id > {{ folded_load_id() }}
    {%- endif -%}
{%- endmacro %}

{#- The same for persons, whom raw names as they are written: `named` lists (kind, value) pairs. -#}
{% macro persons_to_fold(named) -%}
    {%- if not is_incremental() -%}
    true
    {%- elif has_retired('identifiers') -%}
    (
        load_id > {{ folded_load_id() }}
        {%- for pair in named %}
        or {{ pair }} in (
            select
                kind,
                value
            from {{ source('ledger', 'identifiers') }}
            where identifier_hash in {{ retired_since_fold('identifiers') }}
        )
        {%- endfor %}
    )
    {%- else -%}
    load_id > {{ folded_load_id() }}
    {%- endif -%}
{%- endmacro %}

{#- A filter for models that read raw before they know the keys: on an ordinary day new loads are
    enough. -#}
{% macro new_loads_only(column) -%}
    {%- if is_incremental() and not has_retired('identifiers') -%}
    {{ column }} > {{ folded_load_id() }}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#- Whether any two lines of the send log say different things of one message. Asked before the
    statement is written: nearly always none do, and finding the newer one reads all of raw. -#}
{% macro has_differing_sends(folded_sends) -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set found = run_query(
            'select 1 from ' ~ folded_sends ~ ' where least_said <> greatest_said limit 1'
        ) -%}
        {{ return(found is not none and found.rows | length > 0) }}
    {%- endif -%}
    {{ return(true) }}
{%- endmacro %}

{#- The pre-hook of a state table that keeps a row per load: forget the loads that left raw. -#}
{% macro forget_removed_loads() -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where load_id in (select load_id from {{ source('ledger', 'loads') }} where is_removed)
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}

{#- How a state table takes in a batch: the smaller or greater of two values (DuckDB's least() and
    greatest() pass over a NULL), or a flag that one side or both sides must hold. Each is
    commutative, associative and idempotent: batches may come shuffled, split and doubled. -#}
{% macro merge_columns(least=[], greatest=[], either=[], both=[]) -%}
    {%- set merged = {} -%}
    {%- for name in least -%}
        {%- do merged.update({
            name: 'least(DBT_INTERNAL_DEST.' ~ name ~ ', DBT_INTERNAL_SOURCE.' ~ name ~ ')'
        }) -%}
    {%- endfor -%}
    {%- for name in greatest -%}
        {%- do merged.update({
            name: 'greatest(DBT_INTERNAL_DEST.' ~ name ~ ', DBT_INTERNAL_SOURCE.' ~ name ~ ')'
        }) -%}
    {%- endfor -%}
    {%- for name in either -%}
        {%- do merged.update({
            name: 'DBT_INTERNAL_DEST.' ~ name ~ ' or DBT_INTERNAL_SOURCE.' ~ name
        }) -%}
    {%- endfor -%}
    {%- for name in both -%}
        {%- do merged.update({
            name: 'DBT_INTERNAL_DEST.' ~ name ~ ' and DBT_INTERNAL_SOURCE.' ~ name
        }) -%}
    {%- endfor -%}
    {{ return(merged) }}
{%- endmacro %}

{#- The public ids of the messages that this run works out anew, those that left raw included. -#}
{% macro touched_message_ids() -%}
    select {{ message_id("'outbound'", 'record_id') }} as message_id
    from {{ ref('int_messages__touched') }}
    union all
    select {{ message_id("'inbound'", 'record_id') }} as message_id
    from {{ ref('int_messages__touched') }}
    union all
    select identifiers.identifier_hash as message_id
    from {{ ref('int_messages__touched') }} as touched
    inner join {{ source('ledger', 'identifiers') }} as identifiers
        on identifiers.kind = 'message' and touched.record_id = identifiers.value
{%- endmacro %}

{#- The pre-hook of fct_messages: take out every message of the contacts that are worked out anew,
    so that one which left raw with a replaced file doesn't stay behind. -#}
{% macro forget_touched_messages() -%}
    {%- if is_incremental() -%}
    delete from {{ this }} where message_id in ({{ touched_message_ids() }})
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}

{#- fct_messages as the run before left it; none in a full refresh: then everything is worked
    out. -#}
{% macro messages_before() -%}
    {{ return(relation_before('marts', 'fct_messages')) }}
{%- endmacro %}

{#- int_identities as the run before left it, none in a full refresh: its model is about to replace
    it, so this is the relation and no ref. -#}
{% macro identities_before() -%}
    {{ return(relation_before('intermediate', 'int_identities')) }}
{%- endmacro %}

{#- A table as the run before left it, none in a full refresh. -#}
{% macro relation_before(schema_name, table_name) -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(adapter.get_relation(target.database, schema_name, table_name)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{#- Restricts a state table to the messages of this run's batch. -#}
{% macro in_batch() -%}
    {%- if messages_before() is not none -%}
    record_id in (select record_id from {{ ref('int_messages__touched') }})
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
