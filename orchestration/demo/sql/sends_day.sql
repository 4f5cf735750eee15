-- The send log of the_day(): one line per POST /messages.
create or replace temp view send_lines as
with day_messages as (
    select
        m.*,
        c.phone_number_id,
        t.has_url_button,
        if(m.is_hidden, m.bsuid, if(r('plus', m.id, 10) < 4, '+', '') || m.dialled) as input,
    from outbound as m
    inner join channels as c using (channel_no)
    left join templates as t on t.name = m.template_name and t.language = m.template_language
    where m.occurred_at >= the_day() and m.occurred_at < the_day() + interval 1 day and m.kind <> 'echo'
)

select
    m.occurred_at,
    m.id,
    '{"requested_at":"' || iso(m.occurred_at) || '","phone_number_id":"' || m.phone_number_id
    || '","http_status":' || if(m.request_error_code is null, 200, e.http_status)
    || coalesce(',"campaign_id":"' || m.campaign_id || '"', '')
    || coalesce(',"variant":"' || m.variant || '"', '')
    -- Some programs log no sender; for templates the campaign or category tells.
    || if(m.message_type = 'template' and r('no_sender', m.id, 8) = 0, '',
        ',"sender_type":"' || m.sender_type || '"')
    || coalesce(',"agent_id":"' || m.agent_id || '"', '')
    || coalesce(',"bot_id":"' || m.bot_id || '"', '')
    || coalesce(',"flow_id":"' || m.flow_id || '","flow_step":' || m.flow_step, '')
    || coalesce(',"conversation_id":"conv-' || m.chat_id || '"', '')
    || ',"request":{"messaging_product":"whatsapp","recipient_type":"individual",'
    || if(m.is_hidden, '"recipient":"', '"to":"') || m.input || '","type":"' || m.message_type
    || '",'
    || case m.message_type
        when 'template' then
            '"template":{"name":"' || m.template_name || '","language":{"code":"'
            || m.template_language || '"},"components":[{"type":"body","parameters":[{"type":"text","text":'
            || case
                when m.category like 'auth%' then '"' || lpad(r('code', m.id, 1000000)::varchar, 6, '0') || '"'
                else to_json(m.profile_name)
            end || '}]}'
            || if(m.has_url_button,
                ',{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"'
                || case
                    when m.category like 'auth%' then lpad(r('code', m.id, 1000000)::varchar, 6, '0')
                    else link_token(m.id)
                end || '"}]}', '')
            || ']}'
        when 'interactive' then if(r('list', m.chat_id, 2) = 0,
            '"interactive":{"type":"button","body":{"text":"How can we help?"},"action":{"buttons":[{"type":"reply","reply":{"id":"orders","title":"Orders"}},{"type":"reply","reply":{"id":"agent","title":"Talk to us"}}]}}',
            '"interactive":{"type":"list","body":{"text":"How can we help?"},"action":{"button":"Topics","sections":[{"rows":[{"id":"size","title":"Sizes"},{"id":"returns","title":"Returns"}]}]}}')
        when 'text' then '"text":{"body":' || to_json(case
            when m.kind = 'survey' then survey_text(m.id)
            when m.language = 'de' then 'Gern, ich schaue kurz nach.'
            when m.language = 'pt' then 'Claro, um momento 😊'
            when m.language = 'es' then 'Claro, dame un momento.' else 'Sure, let me check.' end) || '}'
        when 'image' then '"image":{"link":"https://example.com/i/' || m.id % 100 || '.jpg"}'
        else '"audio":{"id":"' || (700000000000000 + m.id % 1000000) || '"}'
    end
    || '},"response":'
    || if(m.request_error_code is null,
        '{"messaging_product":"whatsapp","contacts":[{"input":"' || m.input || '",'
        || if(m.is_hidden, '"user_id":"' || m.bsuid, '"wa_id":"' || m.phone)
        || '"}],"messages":[{"id":"' || m.wamid || '"'
        || if(m.message_type = 'template', ',"message_status":"accepted"', '') || '}]}',
        '{"error":{"message":' || to_json('(#' || e.code || ') ' || e.title)
        || ',"type":"OAuthException","code":' || e.code
        || ',"error_data":{"messaging_product":"whatsapp","details":' || to_json(e.details)
        || '},"fbtrace_id":"A' || hex_text('trace', m.id, 16) || '"}}')
    || '}' as line,
from day_messages as m
left join errors as e on e.code = m.request_error_code;
