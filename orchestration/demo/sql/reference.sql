-- The small files: templates, channels, staff, and two shop and inbox exports kept simple.

create macro cw_time(t) as strftime(t, '%Y-%m-%d %H:%M:%S.%f');

create table file_heads (name varchar, head varchar);
insert into file_heads values
    ('channels.csv', 'channel_id,name,channel_type,timezone,schedule_id'),
    ('internal_contacts.csv', 'phone'),
    ('orders_export.csv', 'Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References'),
    ('conversations.csv', 'id,account_id,inbox_id,status,assignee_id,created_at,updated_at,contact_id,display_id,contact_last_seen_at,agent_last_seen_at,additional_attributes,contact_inbox_id,uuid,identifier,last_activity_at,team_id,campaign_id,snoozed_until,custom_attributes,assignee_last_seen_at,first_reply_created_at,priority,sla_policy_id,waiting_since,cached_label_list,assignee_agent_bot_id');

create table file_lines as
select
    'templates.jsonl' as name,
    template_id as position,
    '{"name":"' || name || '","language":"' || language || '","category":"' || upper(category)
    || '","status":"' || if(r('template', template_id, 20) = 0, 'PAUSED', 'APPROVED') || '","id":"'
    || template_id || '","parameter_format":"POSITIONAL","components":[{"type":"BODY","text":"'
    || if(category = 'authentication', '{{1}} is your code.', 'Hi {{1}}, news from the demo shop.') || '"}'
    || if(has_url_button, ',{"type":"BUTTONS","buttons":[{"type":"URL","text":"Open","url":"https://example.com/l/{{1}}"}]}', '')
    || '],"quality_score":{"score":"'
    || pick(['GREEN', 'GREEN', 'GREEN', 'YELLOW', 'UNKNOWN'], 'score', template_id) || '"}}' as line,
from templates
union all
select
    'channels.csv', channel_no,
    phone_number_id || ',' || name || ',whatsapp,' || timezone || ',default'
from channels
union all
-- Of this number there are a vendor's reports, no webhooks.
select 'channels.csv', 5, '310200000000005,Partner,whatsapp,Europe/Berlin,default'
union all
-- As the shipped mapping, and with the category, which the report lacks.
select 'mapping.yml', position, line
from (
    select unnest([
        'columns:', '  message_id: sendout_id', '  phone: customer_external_id',
        '  channel_id: business_id', '  campaign_id: campaign_name', '  sent_at: sent_at',
        '  delivered_at: delivered_at', '  read_at: read_at', '  error_code: error_code',
        '  opted_out_at: opt_out_at', '  button_clicked_at: {column: button_clicks, json: "$[*].ts"}',
        '  link_clicked_at: {column: link_clicks, json: "$[*].ts"}', 'constants:',
        '  direction: outbound', '  sender_type: campaign', '  message_type: template',
        '  category: marketing', 'ignore: [error_msg]'
    ]) as line, unnest(range(18)) as position
)
union all
select 'internal_contacts.csv', contact_no, '+' || dialled from contacts where is_internal;

-- Orders: about one a day for every 400 contacts, at least one in two days, at most 40 a day.
create table order_lines as
with numbered as (
    select
        i // 25 as export_no,
        row_number() over (order by i, slot) as order_no,
        d,
        slot,
    from (
        select *, unnest(slots(i, least(40, greatest(0.5, contacts_total() / 400.0)))) as slot
        from days
    )
),

drawn as (
    select
        o.*,
        1 + r('lines', order_no, 3) as line_total,
        d + to_seconds(hour_curve()[r('order_hour', order_no, 100) + 1] * 3600
            + r('order_at', order_no, 3600)) as ordered_at,
        c.dialled,
        c.email,
        c.country_code,
        case c.country_code when 'GB' then 'GBP' when 'BR' then 'BRL' when 'MX' then 'MXN'
            when 'IN' then 'INR' when 'US' then 'USD' when 'AR' then 'USD' else 'EUR' end
            as currency,
        replace(replace(c.profile_name, '"', ''), ',', '') as person,
    from numbered as o
    inner join contacts as c on c.contact_no = 3 + r('buyer', order_no, contacts_total() - 3)
),

lines as (
    select
        *,
        1 + r('quantity', order_no * 10 + line_no, 2) as quantity,
        (900 + r('item', order_no * 10 + line_no, 6000)) as cents,
    from (select *, unnest(range(line_total)) as line_no from drawn)
),

summed as (
    select *, sum(quantity * cents) over (partition by order_no) as subtotal from lines
),

money as (
    select
        *,
        case when subtotal > 8000 then 0 else 490 end as shipping,
        case when r('coupon', order_no, 6) = 0 then subtotal // 10 else 0 end as discount,
        r('cancelled', order_no, 25) = 0 as is_cancelled,
        r('refunded', order_no, 15) = 0 as is_refunded,
        strftime(ordered_at, '%Y-%m-%d %H:%M:%S') || ' +0000' as created_text,
        strftime(ordered_at + interval 31 hour, '%Y-%m-%d %H:%M:%S') || ' +0000' as fulfilled_text,
    from summed
),

cells as (
    select
        *,
        case when line_no > 0 then repeat(',', 14)
            else (case when is_cancelled then 'voided' when is_refunded then 'partially_refunded'
                else 'paid' end) || ',' || created_text || ','
                || if(is_cancelled, 'unfulfilled,', 'fulfilled,' || fulfilled_text) || ',no,' || currency
                || ',' || cents_text(subtotal - discount) || ',' || cents_text(shipping) || ',0.00,'
                || cents_text(subtotal - discount + shipping) || ','
                || if(discount > 0, 'SAVE10', '') || ',' || cents_text(discount) || ',Standard,'
                || created_text || ','
        end as order_cells,
    from money
)

select
    export_no, order_no, line_no,
    '#' || (1000 + order_no) || ',' || email || ',' || order_cells
    || quantity || ',Demo item ' || (100 + cents % 40) || ',' || cents_text(cents) || ',,SKU-'
    || (100 + cents % 40) || ',true,true,' || if(is_cancelled, 'pending', 'fulfilled') || ','
    || if(line_no > 0, repeat(',', 26),
        person || ',Demo Street 1,Demo Street 1,,,Demo City,00000,,' || country_code || ',''+' || dialled || ','
        || person || ',Demo Street 1,Demo Street 1,,,Demo City,00000,,' || country_code || ',,'
        || ',,' || if(is_cancelled, fulfilled_text, '') || ',Demo Payments,ref-' || order_no || ','
        || if(is_refunded, cents_text(subtotal // 2), '0.00') || ',')
    || 'Demo Vendor,' || if(line_no > 0, repeat(',', 7), '0.00,,,,' || (5000000000 + order_no) || ',,Low,web')
    || ',0.00,,,,,,,,,,,' || if(line_no > 0, '', if(r('order_phone', order_no, 2) = 0, '''+' || dialled, ''))
    || ',,,,,,,,' as line,
from cells;

create table conversation_lines as
select
    conversation_no,
    conversation_no || ',1,' || channel_no || ',' || r('cw_status', chat_id, 3) || ','
    || if(has_bot, '', (1 + r('cw_agent', chat_id, 6))::varchar) || ',' || cw_time(occurred_at) || ','
    || cw_time(occurred_at + interval 1 hour) || ',' || contact_no || ',' || conversation_no || ',,,{},'
    || (contact_no * 10 + channel_no) || ',' || md5('cw' || chat_id)[1:8] || '-' || md5('cw' || chat_id)[9:12]
    || '-4' || md5('cw' || chat_id)[14:16] || '-a' || md5('cw' || chat_id)[18:20] || '-' || md5('cw' || chat_id)[21:32]
    || ',,' || cw_time(occurred_at + interval 1 hour) || ',,,,{},,' || cw_time(occurred_at + interval 10 minute)
    || ',,,,' || pick(['orders', 'returns', '', 'sizes'], 'cw_label', chat_id) || ',' as line,
from (
    select *, row_number() over (order by occurred_at, chat_id) as conversation_no
    from chats
    where occurred_at >= start_at() and occurred_at < start_at() + interval 25 day
)
where conversation_no <= 2000;
