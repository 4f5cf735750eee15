-- The messages of people with everything the exports and the truth need.

create macro wamid(digits, prefix, tail) as
    'wamid.' || to_base64(
        unhex('1c18' || lpad(lower(to_hex(length(digits))), 2, '0')) || encode(digits)
        || unhex(prefix) || encode(tail) || unhex('00')
    );
create macro hex_text(purpose, id, n) as upper(md5(purpose || id || '-' || seed_value())[1:n]);

create macro is_hidden(kind, link_at, t) as
    kind = 'bsuid' or (kind = 'linked' and t < link_at);
create macro phone_at(contact_no, wa_id, wa_id_new, t) as
    if(contact_no = 7 and t >= number_changed_at(), wa_id_new, wa_id);

create table inbound as
with drawn as (
    -- The opening message of a turn, and the second one right behind it.
    select
        turn_id * 10 as in_id,
        t.contact_no,
        t.channel_no,
        t.inbound_at as occurred_at,
        case
            when t.turn = 0 and t.origin_type = 'button' then 'button'
            when t.turn = 0 and t.origin_type <> 'organic' then 'text'
            when t.turn > 0 and t.has_bot and t.turn = 1 and p.id is not null
                and r('choose', turn_id, 10) < 8
                then if(r('list', chat_id, 2) = 0, 'button_reply', 'list_reply')
            when r('in_type', turn_id, 100) < 70 then 'text'
            when r('in_type', turn_id, 100) < 79 then 'image'
            when r('in_type', turn_id, 100) < 87 then 'audio'
            when r('in_type', turn_id, 100) < 92 then 'location'
            when r('in_type', turn_id, 100) < 97 then 'order'
            else 'text'
        end as shape,
        case
            when t.turn = 0 and t.origin_type in ('button', 'text_context') then t.origin_id
            when t.turn = 1 and t.has_bot and r('choose', turn_id, 10) < 8 then p.id
        end as context_id,
        cast(null as varchar) as stop_how,
        t.is_ctwa and t.turn = 0 as has_referral,
        turn_id as batch_id,
    from turns as t
    left join (
        select id from answered where delivered_time is not null and message_type = 'interactive'
    ) as p on p.id = t.chat_id * 10
    union all
    select
        turn_id * 10 + 1, contact_no, channel_no, inbound_at + to_seconds(extra_seconds), 'text',
        null, null, false, turn_id,
    from turns
    where extra_seconds > 0 and not_silent(channel_no, inbound_at + to_seconds(extra_seconds))
    union all
    select
        origin_id * 10 + 5, contact_no, channel_no, occurred_at,
        case reply_type when 'reaction' then 'reaction' when 'stop_button' then 'button'
            else 'text' end,
        if(reply_type in ('reaction', 'stop_button'), origin_id, null),
        if(reply_type like 'stop%', 'opt_out', null), false, origin_id,
    from replies
    where reply_type in ('reaction', 'stop_text', 'stop_button')
    union all
    select origin_id * 10 + 6, contact_no, channel_no, until_at, 'text', null, 'opt_in', false,
        origin_id,
    from stops
    where reply_type = 'stop_text' and until_at is not null and not_silent(channel_no, until_at)
    union all
    -- Once each: a number change, and a message type nobody has heard of yet.
    select 1, 7, 1, number_changed_at(), 'system', null, null, false, 1
    union all
    select 2, 7, 1, start_at() + interval 20 day + interval 9 hour, 'hologram', null, null, false, 2
),

heard_of as (
    select *, heard(occurred_at, 'hi', in_id) as arrival from drawn where occurred_at < end_at()
),

outbound_keys as (
    select id, contact_no, occurred_at from campaign_messages
    union all by name select id, contact_no, occurred_at from answered
)

select
    m.* exclude (stop_how, context_id),
    c.language,
    c.bsuid,
    c.profile_name,
    is_hidden(c.identity_kind, c.link_at, m.occurred_at) as is_hidden,
    -- The note of a number change still comes from the old number.
    if(m.shape = 'system', c.wa_id, phone_at(m.contact_no, c.wa_id, c.wa_id_new, m.occurred_at)) as phone,
    wamid(
        if(is_hidden(c.identity_kind, c.link_at, m.occurred_at), c.bsuid[4:18],
            phone_at(m.contact_no, c.wa_id, c.wa_id_new, m.occurred_at)),
        '150200121814', '3A' || hex_text('in', m.in_id, 18)
    ) as wamid,
    if(o.id is null, null, wamid(
        if(is_hidden(c.identity_kind, c.link_at, o.occurred_at), c.bsuid[4:18],
            phone_at(o.contact_no, c.wa_id, c.wa_id_new, o.occurred_at)),
        '150200111812', hex_text('out', o.id, 18)
    )) as context_wamid,
    m.stop_how as stop_event,
    case
        when m.stop_how = 'opt_in' then pick(case c.language when 'de' then ['anmelden', 'Start']
            when 'pt' then ['Voltar', 'voltar'] when 'es' then ['Alta', 'ALTA']
            else ['START', 'Unstop'] end, 'word', m.in_id)
        when m.stop_how = 'opt_out' then pick(case c.language
            when 'de' then ['STOPP', 'Abmelden', 'Stop']
            when 'pt' then ['SAIR', 'Parar', ' sair ']
            when 'es' then ['BAJA', 'Baja', 'Cancelar suscripción']
            else ['STOP', 'Unsubscribe', 'stop '] end, 'word', m.in_id)
        else pick(case c.language
            when 'de' then ['Hallo, ist meine Bestellung schon unterwegs?', 'Danke 🙏',
                'Welche Größen gibt es?', 'Kann ich das umtauschen?']
            when 'pt' then ['Oi, tudo bem?', 'Quanto custa o frete?', 'Obrigada! 😍',
                'Meu pedido não chegou']
            when 'es' then ['Hola, ¿tienen envío?', 'Gracias', '¿Dónde está mi pedido?',
                'Quiero cambiar la talla']
            else ['Hi, is this still available?', 'Thanks!', 'Where is my order?',
                'Do not stop, I love it'] end, 'text', m.in_id)
    end as body,
    c.is_internal,
from heard_of as m
inner join contacts as c using (contact_no)
left join outbound_keys as o on o.id = m.context_id;
