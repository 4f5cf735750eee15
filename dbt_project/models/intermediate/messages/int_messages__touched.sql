-- The messages to work out anew in this run: every message of every contact that something new
-- may concern. New are messages of loads not yet folded, keys that replaced files took away,
-- contacts whose identifiers belong to somebody else than before, and messages whose clock is or
-- was off. Windows, replies and prices look at a contact's other messages, so the whole contact
-- is taken, and no half of another one. In a full refresh the table stays empty and everything is
-- worked out.
-- depends_on: {{ ref('int_identities') }}
-- depends_on: {{ ref('int_identities__before') }}
-- depends_on: {{ ref('int_lookups') }}
-- depends_on: {{ ref('int_lookups__before') }}
-- depends_on: {{ ref('int_conversation_cycles') }}
-- depends_on: {{ ref('int_conversation_cycles__before') }}
-- depends_on: {{ ref('int_persons') }}
-- depends_on: {{ ref('int_message_reports') }}
-- depends_on: {{ ref('int_whatsapp_messages__folded') }}
-- depends_on: {{ ref('int_whatsapp_sends__current') }}
-- depends_on: {{ ref('int_whatsapp_statuses__folded') }}
-- depends_on: {{ ref('stg_whatsapp__statuses') }}
-- depends_on: {{ ref('stg_whatsapp__messages') }}
-- depends_on: {{ ref('stg_whatsapp__sends') }}
-- depends_on: {{ ref('stg_generic__message_reports') }}
-- depends_on: {{ source('ledger', 'retired_keys') }}
-- depends_on: {{ source('ledger', 'identifiers') }}
{% set fct = messages_before() %}
{% set is_delta = fct is not none %}
with

{% if is_delta %}
    persons as (
        select
            kind,
            value,
            identifier_hash,
            contact_id,
            is_shared
        from {{ ref('int_persons') }}
    ),

    identities as (
        select
            identifier_hash,
            contact_id,
            is_shared
        from {{ ref('int_identities') }}
    ),

    identities_before as (
        select
            identifier_hash,
            contact_id,
            is_shared
        from {{ ref('int_identities__before') }}
    ),

    statuses as not materialized (
        select
            record_id,
            person_wa_id,
            person_user_id,
            phone_number_id,
            conversation_id,
            first_pricing,
            greatest(first_status_at, sent_at, delivered_at, read_at, failed_at) as last_status_at
        from {{ ref('int_whatsapp_statuses__folded') }}
    ),

    messages as not materialized (
        select
            record_id,
            person_wa_id,
            person_user_id,
            message_at,
            phone_number_id,
            context_id
        from {{ ref('int_whatsapp_messages__folded') }}
    ),

    sends as not materialized (
        select
            record_id,
            recipient,
            recipient_user_id,
            contact_wa_id,
            contact_user_id,
            attempted_at,
            phone_number_id,
            conversation_id,
            template_name,
            template_language
        from {{ ref('int_whatsapp_sends__current') }}
    ),

    reports as not materialized (
        select
            record_id,
            phone,
            name_kind,
            name_value,
            native_channel_id,
            conversation_key,
            template_name,
            case
                when not is_only_in_inbox
                    then greatest(attempted_at, delivered_at, read_at, failed_at)
            end as last_report_at,
            told_in_inbox_at
        from {{ ref('int_message_reports') }}
    ),

    lookups as (
        select
            lookup,
            key_1,
            key_2,
            looked_up
        from {{ ref('int_lookups') }}
    ),

    lookups_before as (
        select
            lookup,
            key_1,
            key_2,
            looked_up
        from {{ ref('int_lookups__before') }}
    ),

    -- A template or number that is looked up otherwise than before.
    changed_lookups as (
        (
            select * from lookups
            except
            select * from lookups_before
        )
        union
        (
            select * from lookups_before
            except
            select * from lookups
        )
    ),

    changed_templates as (
        select distinct
            key_1 as template_name,
            key_2 as template_language
        from changed_lookups
        where lookup = 'template'
    ),

    changed_channels as (
        select distinct key_1 as phone_number_id
        from changed_lookups
        where lookup = 'channel'
    ),

    -- Beyond these lie the few messages whose clock is off, or was so far.
    clocks as (
        select
            key_1 as stream,
            min(cast(looked_up as timestamp)) as last_plausible_at
        from (
            select * from lookups
            union all
            select * from lookups_before
        ) as then_and_now
        where lookup = 'clock'
        group by key_1
    ),

    conversation_cycles as (
        select
            conversation_key,
            conversation_cycle_id,
            channel_id,
            contact_id,
            opened_at,
            closed_at
        from {{ ref('int_conversation_cycles') }}
    ),

    conversation_cycles_before as (
        select
            conversation_key,
            conversation_cycle_id,
            channel_id,
            contact_id,
            opened_at,
            closed_at
        from {{ ref('int_conversation_cycles__before') }}
    ),

    -- A platform's conversation that began or ended otherwise than it did: its messages, and those
    -- of its thread, may belong to another cycle.
    changed_cycles as materialized (
        (
            select * from conversation_cycles
            except
            select * from conversation_cycles_before
        )
        union
        (
            select * from conversation_cycles_before
            except
            select * from conversation_cycles
        )
    ),

    changed_records as materialized (
        select record_id
        from {{ ref('stg_whatsapp__statuses') }}
        where load_id > {{ folded_load_id() }}
        union
        select record_id
        from {{ ref('stg_whatsapp__messages') }}
        where load_id > {{ folded_load_id() }}
        union
        select record_id
        from {{ ref('stg_whatsapp__sends') }}
        where load_id > {{ folded_load_id() }}
        union
        select record_id
        from {{ ref('stg_generic__message_reports') }}
        where load_id > {{ folded_load_id() }}
        union
        select record_id
        from {{ source('ledger', 'retired_keys') }}
        where
            raw_table in (
                'whatsapp_webhooks',
                'whatsapp_sends',
                'generic_messages',
                'generic_message_reports'
            )
            and load_id > {{ folded_load_id() }}
        union
        select statuses.record_id
        from statuses
        inner join clocks on clocks.stream = 'webhooks'
        where statuses.last_status_at > clocks.last_plausible_at
        union
        select messages.record_id
        from messages
        inner join clocks on clocks.stream = 'webhooks'
        where messages.message_at > clocks.last_plausible_at
        union
        select sends.record_id
        from sends
        inner join clocks on clocks.stream = 'sends'
        where sends.attempted_at > clocks.last_plausible_at
        union
        select reports.record_id
        from reports
        inner join clocks on clocks.stream = 'message_reports'
        where reports.last_report_at > clocks.last_plausible_at
        union
        select reports.record_id
        from reports
        inner join clocks on clocks.stream = 'chatwoot_messages'
        where reports.told_in_inbox_at > clocks.last_plausible_at
        union
        select sends.record_id
        from sends
        semi join changed_templates
            on
                sends.template_name = changed_templates.template_name
                and sends.template_language = changed_templates.template_language
        union
        select record_id
        from reports
        where template_name in (select changed_templates.template_name from changed_templates)
        union
        select statuses.record_id
        from statuses
        semi join changed_channels on statuses.phone_number_id = changed_channels.phone_number_id
        union
        select messages.record_id
        from messages
        semi join changed_channels on messages.phone_number_id = changed_channels.phone_number_id
        union
        select sends.record_id
        from sends
        semi join changed_channels on sends.phone_number_id = changed_channels.phone_number_id
        union
        select reports.record_id
        from reports
        semi join changed_channels on reports.native_channel_id = changed_channels.phone_number_id
        union
        select key_1 as record_id
        from changed_lookups
        where lookup in ('send', 'click', 'inbox')
        union
        select record_id
        from reports
        where
            conversation_key in (select changed_cycles.conversation_key from changed_cycles)
        union
        select record_id
        from sends
        where
            'generic:' || conversation_id in (
                select changed_cycles.conversation_key
                from changed_cycles
            )
        union
        -- A quoting reply answers whatever it names, under whatever identity it comes.
        select context_id as record_id
        from {{ ref('stg_whatsapp__messages') }}
        where load_id > {{ folded_load_id() }} and context_id is not null
    ),

    -- The conversation-based regime billed a conversation once: its messages belong together.
    billed_conversations as materialized (
        select distinct conversation_id
        from statuses
        where
            conversation_id is not null
            and first_pricing like '%|CBP|%'
            and record_id in (select changed_records.record_id from changed_records)
    ),

    new_records as materialized (
        select record_id
        from changed_records
        union
        select statuses.record_id
        from statuses
        semi join billed_conversations
            on statuses.conversation_id = billed_conversations.conversation_id
    ),

    -- Materialised: each state table is read once for them, not once a column.
    new_statuses as materialized (
        select
            person_wa_id,
            person_user_id
        from statuses
        where record_id in (select new_records.record_id from new_records)
    ),

    new_messages as materialized (
        select
            person_wa_id,
            person_user_id
        from messages
        where record_id in (select new_records.record_id from new_records)
    ),

    new_sends as materialized (
        select
            recipient,
            recipient_user_id,
            contact_wa_id,
            contact_user_id
        from sends
        where record_id in (select new_records.record_id from new_records)
    ),

    new_reports as materialized (
        select
            phone,
            name_kind,
            name_value
        from reports
        where record_id in (select new_records.record_id from new_records)
    ),

    named_values as (
        select
            'phone' as kind,
            person_wa_id as value
        from new_statuses
        union
        select
            'bsuid' as kind,
            person_user_id as value
        from new_statuses
        union
        select
            'phone' as kind,
            person_wa_id as value
        from new_messages
        union
        select
            'bsuid' as kind,
            person_user_id as value
        from new_messages
        union
        select
            'phone' as kind,
            recipient as value
        from new_sends
        union
        select
            'phone' as kind,
            contact_wa_id as value
        from new_sends
        union
        select
            'bsuid' as kind,
            recipient_user_id as value
        from new_sends
        union
        select
            'bsuid' as kind,
            contact_user_id as value
        from new_sends
        union
        select
            'phone' as kind,
            phone as value
        from new_reports
        union
        select
            name_kind as kind,
            name_value as value
        from new_reports
    ),

    touched_contacts as (
        select persons.contact_id
        from named_values
        inner join persons
            on named_values.kind = persons.kind and named_values.value = persons.value
        union
        select contact_id
        from changed_cycles
        where contact_id <> 'unknown'
        union
        select identities.contact_id
        from identities
        left join identities_before
            on identities.identifier_hash = identities_before.identifier_hash
        where
            identities.contact_id is distinct from identities_before.contact_id
            or identities.is_shared is distinct from identities_before.is_shared
        union
        select identities_before.contact_id
        from identities_before
        left join identities on identities_before.identifier_hash = identities.identifier_hash
        where
            identities.contact_id is distinct from identities_before.contact_id
            or identities.is_shared is distinct from identities_before.is_shared
        union
        -- Messages that may have left with a replaced file.
        select fct.contact_id
        from {{ fct }} as fct
        where fct.message_id in (
            select {{ message_id("'outbound'", 'retired_keys.record_id') }}
            from {{ source('ledger', 'retired_keys') }} as retired_keys
            where
                retired_keys.raw_table <> 'identifiers'
                and retired_keys.load_id > {{ folded_load_id() }}
            union all
            select {{ message_id("'inbound'", 'retired_keys.record_id') }}
            from {{ source('ledger', 'retired_keys') }} as retired_keys
            where
                retired_keys.raw_table <> 'identifiers'
                and retired_keys.load_id > {{ folded_load_id() }}
            union all
            select identifiers.identifier_hash
            from {{ source('ledger', 'retired_keys') }} as retired_keys
            inner join {{ source('ledger', 'identifiers') }} as identifiers
                on identifiers.kind = 'message' and retired_keys.record_id = identifiers.value
            where retired_keys.load_id > {{ folded_load_id() }}
            union all
            -- Those of which an inbox tells otherwise now, or no more: whose they were.
            select {{ message_id('changed_lookups.key_2', 'changed_lookups.key_1') }}
            from changed_lookups
            where changed_lookups.lookup = 'inbox'
            union all
            select identifiers.identifier_hash
            from changed_lookups
            inner join {{ source('ledger', 'identifiers') }} as identifiers
                on identifiers.kind = 'message' and changed_lookups.key_1 = identifiers.value
            where changed_lookups.lookup = 'inbox'
        )
    ),

    touched_values as (
        select
            persons.kind,
            persons.value
        from persons
        inner join touched_contacts on persons.contact_id = touched_contacts.contact_id
    ),

    phones as (
        select value
        from touched_values
        where kind = 'phone'
    ),

    user_ids as (
        select value
        from touched_values
        where kind = 'bsuid'
    ),

    -- Whoever a record names …
    named_records as materialized (
        select record_id
        from statuses
        where
            person_wa_id in (select phones.value from phones)
            or person_user_id in (select user_ids.value from user_ids)
        union
        select record_id
        from messages
        where
            person_wa_id in (select phones.value from phones)
            or person_user_id in (select user_ids.value from user_ids)
        union
        select record_id
        from sends
        where
            recipient in (select phones.value from phones)
            or contact_wa_id in (select phones.value from phones)
            or recipient_user_id in (select user_ids.value from user_ids)
            or contact_user_id in (select user_ids.value from user_ids)
        union
        select record_id
        from reports
        where phone in (select phones.value from phones)
        union
        select reports.record_id
        from reports
        semi join touched_values
            on
                reports.name_kind = touched_values.kind
                and reports.name_value = touched_values.value
    ),

    named_statuses as (
        select
            record_id,
            person_wa_id,
            person_user_id
        from statuses
        where record_id in (select named_records.record_id from named_records)
    ),

    named_sends as (
        select
            record_id,
            recipient,
            recipient_user_id,
            contact_wa_id,
            contact_user_id
        from sends
        where record_id in (select named_records.record_id from named_records)
    ),

    named_messages as (
        select
            record_id,
            person_wa_id,
            person_user_id
        from messages
        where record_id in (select named_records.record_id from named_records)
    ),

    named_reports as (
        select
            record_id,
            phone,
            name_kind,
            name_value
        from reports
        where record_id in (select named_records.record_id from named_records)
    ),

    resolved_records as (
        select
            coalesce(
                named_sends.record_id,
                named_statuses.record_id,
                named_messages.record_id,
                named_reports.record_id
            ) as record_id,
            coalesce(
                {{ message_wa_id('named_sends', 'named_statuses', 'named_messages') }},
                named_reports.phone
            ) as person_wa_id,
            case
                when
                    {{ message_user_id('named_sends', 'named_statuses', 'named_messages') }}
                    is not null
                    then 'bsuid'
                else named_reports.name_kind
            end as person_name_kind,
            coalesce(
                {{ message_user_id('named_sends', 'named_statuses', 'named_messages') }},
                named_reports.name_value
            ) as person_name
        from named_statuses
        full outer join named_sends on named_statuses.record_id = named_sends.record_id
        full outer join named_messages
            on
                coalesce(named_statuses.record_id, named_sends.record_id)
                = named_messages.record_id
        full outer join named_reports
            on
                coalesce(
                    named_statuses.record_id, named_sends.record_id, named_messages.record_id
                ) = named_reports.record_id
    ),

    -- … it is the message of one person. Others that share an identifier with a touched one stay.
    whole_contacts as materialized (
        select record_id
        from new_records
        union
        select resolved_records.record_id
        from resolved_records
        left join persons as numbers
            on numbers.kind = 'phone' and resolved_records.person_wa_id = numbers.value
        left join persons as user_names
            on
                resolved_records.person_name_kind = user_names.kind
                and resolved_records.person_name = user_names.value
        semi join touched_contacts
            on {{ message_contact('numbers', 'user_names') }} = touched_contacts.contact_id
    ),

    -- Who quotes a message of the batch comes along, without the neighbours in the own thread: what
    -- depends on those (the conversation's cycle) stays as it was.
    final as (
        select
            record_id,
            true as is_whole_contact
        from whole_contacts
        union all
        select
            record_id,
            false as is_whole_contact
        from messages
        where
            context_id in (select whole_contacts.record_id from whole_contacts)
            and record_id not in (select whole_contacts.record_id from whole_contacts)
    )
{% else %}
    final as (
        select
            cast(null as varchar) as record_id,
            cast(null as boolean) as is_whole_contact
        where false
    )
{% endif %}

select * from final
