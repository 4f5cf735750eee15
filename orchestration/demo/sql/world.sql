-- The world: business numbers, people, templates. Everything is invented; see data/raw/README.md
-- for how telephone numbers are chosen. Parameters come as macros (seed_value(), start_at(), …).

-- The purpose is hashed with the key and then hashed once more: DuckDB combines the hashes of
-- several arguments with XOR, so without the outer hash two purposes would be correlated.
create macro u(purpose, k) as
    cast(hash(hash(purpose, k, seed_value())) >> 11 as double) / 9007199254740992.0;
create macro r(purpose, k, n) as
    cast(hash(hash(purpose, k, seed_value())) >> 11 as bigint) % n;
create macro pick(options, purpose, k) as options[r(purpose, k, len(options)) + 1];
create macro iso(t) as strftime(t, '%Y-%m-%dT%H:%M:%S.%g') || 'Z';
-- Whole seconds: what a webhook timestamp can hold.
create macro sec(t) as date_trunc('second', t);
-- Days a per-day quantity x (a fraction at small scale) spreads over: the rows of day i.
create macro slots(i, x) as
    range(cast(floor((i + 1) * x) as bigint) - cast(floor(i * x) as bigint));
create macro cents_text(n) as (n // 100)::varchar || '.' || lpad((n % 100)::varchar, 2, '0');
-- Stride through all contacts with a prime: nobody comes twice before everybody came once.
create macro rotate(i, n, shift) as ((i % n) * 2147483647 + shift) % n;

-- What is older than the period stands in the first export.
create macro export_of(t) as
    case when t is not null then greatest(date_diff('day', start_at(), t), 0) // export_days() end;
create macro export_ends(n) as start_at() + to_days(cast((n + 1) * export_days() as integer));

create table channels as
select * from (values
    (1, '104200000000001', '493023125001', 'Europe', 'Europe/Berlin', '200000000000001', false),
    (2, '104200000000002', '552030000002', 'Latin America', 'America/Sao_Paulo',
        '200000000000001', true),
    (3, '104200000000003', '12025550103', 'United States', 'America/New_York',
        '200000000000002', false),
    (4, '104200000000004', '442079460104', 'UK pilot', 'Europe/London', '200000000000001', false)
) as t (channel_no, phone_number_id, display_phone_number, name, timezone, waba_id, is_wrapped);

-- Two of the numbers are answered in Chatwoot. is_single: a person has one conversation for ever,
-- which is opened again; else each contact after a resolution is a new one.
create table inboxes as
select * from (values
    (2, 11, 'Latin America', true, 1, 'Bot Olá', 1, 'Equipe Latam'),
    (3, 12, 'United States', false, 2, 'Menu bot', 2, 'US team')
) as t (channel_no, inbox_id, inbox_name, is_single, bot_no, bot_name, team_no, team_name);

create macro is_in_inbox(channel) as channel in (2, 3);
-- A chat is one agent's; each number has two.
create macro agent_no(channel, chat_id) as channel * 2 - r('agent', chat_id, 2);
create macro agent_name(no) as
    ['Rosa', 'Anna', 'Ana', 'Bruno', 'Cora', 'Dan', 'Eve', 'Finn'][no] || ' Demo';

create table countries as
select * from (values
    ('DE', 'Germany', 'de', 'de', 60, 1,
        ['Lena', 'Jonas', 'Mia', 'Felix', 'Emma', 'Paul', 'Jörg', 'Käthe', 'Emre', 'Zoë 🌱']),
    ('BR', 'Brazil', 'pt_BR', 'pt', -180, 2,
        ['João', 'Ana', 'Beatriz', 'Luiz', 'Caio', 'Márcia', 'Thaís', 'Rafa 👋🏽', 'Iara', 'Davi']),
    ('MX', 'Mexico', 'es_MX', 'es', -360, 2,
        ['Sofía', 'Mateo', 'Ximena', 'José', 'Renata', 'Íñigo', 'Lupita', 'Ana "Nani"', 'Luis',
         'Paola']),
    ('GB', 'United Kingdom', 'en_GB', 'en', 0, 1,
        ['Oliver', 'Amelia', 'Isla', 'George', 'Siân', 'Niamh O''Hara', 'Harry', 'Ava', 'Leo',
         'Freya']),
    ('IN', 'India', 'en', 'en', 330, 1,
        ['Aarav', 'Diya', 'Ishaan', 'Kavya', 'Rohan', 'Meera', 'Anaya', 'Vihaan', 'प्रिया', 'Sai']),
    ('US', 'North America', 'en_US', 'en', -300, 3,
        ['Liam', 'Noah', 'Ella', 'Mason', 'Chloe', 'Grace', 'Ethan', 'Nora', 'Owen', 'Ruby']),
    ('AR', 'Argentina', 'es_AR', 'es', -180, 2,
        ['Valentina', 'Tomás', 'Martina', 'Benja', 'Agustín', 'Lola', 'Nicolás', 'Mora', 'Bruno',
         'Emilia'])
) as t (country_code, market, template_language, language, utc_offset_minutes, channel_no,
        first_names);

create table contacts as
with drawn as (
    select
        i as contact_no,
        case when i in (0, 7) then 0 when i = 1 then 30 when i = 2 then 65
            else r('country', i, 100) end as country_draw,
        case when i in (0, 1, 2, 7) then 99 else r('identity', i, 100) end as identity_draw,
    from range(contacts_total()) as t (i)
),

placed as (
    select
        contact_no,
        case
            when country_draw < 26 then 'DE'
            when country_draw < 48 then 'BR'
            when country_draw < 62 then 'MX'
            when country_draw < 74 then 'GB'
            when country_draw < 84 then 'IN'
            when country_draw < 94 then 'US'
            else 'AR'
        end as country_code,
        -- bsuid: only a business-scoped user id, for ever; linked: the phone appears later.
        case when identity_draw < 5 then 'bsuid' when identity_draw < 9 then 'linked'
            else 'phone' end as identity_kind,
    from drawn
),

ranked as (
    select
        *,
        row_number() over (partition by country_code order by contact_no) - 1 as k,
    from placed
),

numbered as (
    select
        *,
        -- dialled: as the business has it; canonical: as SOURCES section 4 normalises it.
        case country_code
            when 'DE' then '491500' || lpad(k::varchar, 7, '0')
            when 'GB' then (447700900000 + k)::varchar
            when 'IN' then (915555500000 + k)::varchar
            when 'BR' then '55' || [20, 23, 25, 26, 29][k % 5 + 1] || '99'
                || lpad((k // 5)::varchar, 7, '0')
            when 'MX' then '52' || [55, 33, 81][k % 3 + 1] || '0' || lpad((k // 3)::varchar, 7, '0')
            when 'AR' then '54' || if(r('ar_to', contact_no, 2) = 0, '9', '') || '110'
                || lpad(k::varchar, 7, '0')
            else '1' || [201, 202, 212, 213, 214, 215, 303, 305, 310, 312, 313, 314, 404, 407,
                408, 410, 412, 414, 415, 503, 504, 512, 513, 602, 603, 612, 615, 617, 619, 702,
                703, 704, 713, 716, 718, 801, 804, 808, 813, 907][k % 40 + 1]
                || '555' || lpad((100 + k // 40)::varchar, 4, '0')
        end as dialled,
    from ranked
)

select
    n.contact_no,
    n.country_code,
    n.identity_kind,
    n.dialled,
    -- What Meta shows: Brazil mostly without the ninth digit, Mexico 521 or 52, Argentina 549.
    case
        when n.country_code = 'BR' and r('br_wa', n.contact_no, 10) < 7
            then n.dialled[1:4] || n.dialled[6:]
        when n.country_code = 'MX' and r('mx_wa', n.contact_no, 2) = 0
            then '521' || n.dialled[3:]
        when n.country_code = 'AR' then '549' || right(n.dialled, 10)
        else n.dialled
    end as wa_id,
    case n.country_code
        when 'BR' then n.dialled[1:4] || n.dialled[6:]
        when 'AR' then '54' || right(n.dialled, 10)
        else n.dialled
    end as phone_canonical,
    if(n.contact_no = 7, '4915009999007', null) as wa_id_new,
    n.country_code || '.' || (100000000000000000 + r('bsuid', n.contact_no, 900000000000000000))
        as bsuid,
    if(
        n.identity_kind = 'linked',
        greatest(start_at() + to_days(50 + cast(r('link', n.contact_no, 30) as integer)),
            timestamp '2026-07-01') + interval 6 hour,
        null
    ) as link_at,
    pick(c.first_names, 'name', n.contact_no) || ' '
        || chr(cast(65 + r('initial', n.contact_no, 26) as integer)) || '.' as profile_name,
    'person' || n.contact_no || '@example.com' as email,
    c.market,
    c.language,
    c.template_language,
    c.utc_offset_minutes,
    c.channel_no,
    r('receipts', n.contact_no, 100) < 17 as has_receipts_off,
    n.contact_no < 3 as is_internal,
    -- Somebody asked to be forgotten: nothing is sent to them afterwards, and they write no more.
    if(
        n.identity_kind = 'phone' and n.contact_no > 7
        and (n.contact_no = 20 or r('deleted', n.contact_no, 60) = 0),
        start_at() + to_days(30 + cast(r('deleted_on', n.contact_no, 60) as integer))
        + interval 8 hour,
        null
    ) as deleted_at,
from numbered as n
inner join countries as c using (country_code)
order by n.contact_no;

-- What a campaign is, its plan and its test; the registry, the links and the audience follow it.
-- Broadcasts take turns: a test of two, a plain one, a test with a control arm, and one with a link
-- that everybody shares.
create table campaigns as
with numbered as (
    select
        cast(no as integer) as campaign_no,
        start_at() + to_days(cast(no * 14 as integer)) as starts_at,
        ['test', 'plain', 'control', 'shared'][no % 4 + 1] as design,
    from range(days_total() // 14 + 2) as t (no)
)

select
    campaign_no,
    'bc-' || strftime(starts_at, '%Y-%m-%d') as campaign_id,
    'Broadcast of ' || strftime(starts_at, '%Y-%m-%d') as campaign_name,
    'broadcast' as campaign_type,
    case design when 'plain' then 'lead' when 'shared' then 'event:loyalty_signup' else 'order' end
        as goal,
    case design when 'shared' then 'loyalty_points' when 'plain' then 'new_arrivals'
        else 'seasonal_offer' end as template_name,
    starts_at,
    starts_at + interval 9 hour as planned_at,
    -- Campaigns get into the registry ten days ahead.
    greatest(campaign_no * 14 - 10, 0) // export_days() as export_no,
    design,
    case design when 'control' then 'USD' else 'EUR' end as currency_code,
    case design when 'shared' then null else '25.00' end as software_fee_amount,
    case design when 'control' then '60.00' when 'test' then '40.00' end as incentive_amount,
    'broadcast_' || strftime(starts_at, '%Y%m%d') as utm_campaign,
    case design when 'test' then 'SAVE10|AUTUMN' || (10 + campaign_no) end as coupon_codes,
from numbered
union all
select
    -1, 'drip-welcome', 'Welcome', 'drip', 'order', 'welcome_1', start_at(), start_at(), 0, 'drip',
    'EUR', '12.50', null, 'welcome', 'WELCOME10'
union all
-- Sendouts by another system, under the name that its report gives them.
select
    cast(-10 - no as integer), 'partner-' || strftime(starts_at, '%Y-%m-%d'),
    'Partner offer of ' || strftime(starts_at, '%Y-%m-%d'), 'broadcast', 'order', null, starts_at,
    starts_at + interval 15 hour, greatest(no * 20 - 4, 0) // export_days(), 'report', 'EUR', '18.00',
    null, 'partner_' || strftime(starts_at, '%Y%m%d'), null,
from (
    select no, start_at() + to_days(cast(no * 20 + 6 as integer)) as starts_at
    from range(days_total() // 20 + 1) as t (no)
);

create table templates as
select
    t.name,
    l.language,
    t.category,
    900000000000000 + 100 * row_number() over (order by t.name, l.language) as template_id,
    t.has_url_button,
from (values
    ('seasonal_offer', 'marketing', true), ('seasonal_offer_b', 'marketing', true),
    ('new_arrivals', 'marketing', true), ('new_arrivals_b', 'marketing', true),
    ('loyalty_points', 'marketing', false), ('loyalty_points_b', 'marketing', false),
    ('welcome_1', 'marketing', false), ('welcome_2', 'marketing', true),
    ('welcome_3', 'marketing', false), ('order_confirmation', 'utility', false),
    ('shipping_update', 'utility', true), ('payment_reminder', 'utility', false),
    ('verification_code', 'authentication', true)
) as t (name, category, has_url_button)
cross join (select distinct template_language as language from countries) as l
order by t.name, l.language;

-- Errors as Meta words them. is_request: the answer of POST /messages, no webhook follows.
create table errors as
select * from (values
    (131026, false, 400, 'Message undeliverable', 'Message Undeliverable.'),
    (131047, false, 400, 'Re-engagement message',
        'Message failed to send because more than 24 hours have passed since the customer last replied to this number.'),
    (131049, false, 400,
        'This message was not delivered to maintain healthy ecosystem engagement.',
        'In order to maintain a healthy ecosystem engagement, the message failed to be delivered.'),
    (131050, false, 400, 'Recipient has opted out of marketing messages',
        'Recipient has opted out of marketing messages from this business.'),
    (130472, false, 400, 'User''s number is part of an experiment',
        'Failed to send message because this user''s phone number is part of an experiment.'),
    (131053, false, 400, 'Media upload error', 'Downloading media from weblink failed.'),
    (131042, false, 400, 'Business eligibility payment issue',
        'Message failed to send because there were one or more errors related to your payment method.'),
    (132001, true, 404, 'Template name does not exist in the translation',
        'template name does not exist in the requested language'),
    (131009, true, 400, 'Parameter value is not valid', 'Please check the parameters provided.'),
    (130429, true, 429, 'Rate limit hit', 'Message failed to send because there were too many messages sent from this phone number in a short period of time.')
) as t (code, is_request, http_status, title, details);
