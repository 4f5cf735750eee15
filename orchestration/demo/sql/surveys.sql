-- What people say when they are asked elsewhere: would they recommend us (Typeform by number,
-- Delighted by e-mail), how easy it was, how they were answered in the second inbox.

create table nps_answers as
with drawn as (
    select
        contact_no * 10 as no, contact_no, r('nps', contact_no, 100) < 26 as is_typeform,
        start_at() + to_seconds(r('nps_at', contact_no, 8640000)) as answered_at,
    from steady_people
    where identity_kind = 'phone' and deleted_at is null and r('nps', contact_no, 100) < 40
),

repeated as (
    select * from drawn
    union all
    -- A second thought, days later: it replaces the first.
    select no + 1, contact_no, is_typeform, answered_at + to_seconds(86400 + r('nps_again_at', no, 345600))
    from drawn
    where is_typeform and r('nps_again', no, 100) < 15
    union all
    -- Asked again after weeks: an answer of its own.
    select no + 2, contact_no, is_typeform, answered_at + to_seconds(2678400 + r('nps_later_at', no, 864000))
    from drawn
    where r('nps_later', no, 100) < 25
)

select
    * replace (sec(answered_at) as answered_at),
    [10, 10, 10, 9, 9, 9, 9, 8, 8, 7, 7, 10, 9, 8, 6, 6, 5, 3, 2, 0][r('nps_score', no, 20) + 1] as score,
    case when r('nps_comment', no, 100) < 40 then pick([
        'Shipping was quick', 'Too expensive for me', 'Lovely people on the chat',
        'Returns take for ever', 'Sizes run small', 'Top!'
    ], 'nps_text', no) end as comment,
    -- Some give up on the way: Typeform exports them, nobody counts them.
    is_typeform and no % 10 = 0 and r('nps_partial', no, 100) < 6 as is_partial,
from repeated
where answered_at < exported_until();

create table effort_answers as
select
    contact_no * 10 as no, contact_no, sec(sent_at) as sent_at,
    if(r('effort_answers', contact_no, 100) < 55,
        sec(sent_at) + to_seconds(60 + r('effort_at', contact_no, 259200)), null) as answered_at,
    1 + r('effort', contact_no, 7) as score,
    pick(['returns', 'delivery', ''], 'effort_topic', contact_no) as topic,
from (
    select *, start_at() + to_seconds(r('effort_sent', contact_no, 8640000)) as sent_at
    from steady_people
    where identity_kind = 'phone' and r('effort_sent_to', contact_no, 100) < 22
)
where sent_at < exported_until() and (deleted_at is null or sent_at < deleted_at - interval 5 day);

create table respond_ratings as
select
    conversation_no as no, contact_no, dialled, agent_id, closed_at + interval 1 minute as sent_at,
    if(r('respond_rates', conversation_no, 100) < 62,
        closed_at + to_seconds(100 + r('respond_rated', conversation_no, 20000)), null) as answered_at,
    [5, 5, 5, 5, 4, 4, 4, 3, 2, 1][r('respond_rating', conversation_no, 10) + 1] as score,
from respond_conversations
where closed_by = 'agent' and r('respond_asks', conversation_no, 100) < 80
    and closed_at + interval 1 minute < exported_until();

update effort_answers set answered_at = null where answered_at >= exported_until();
update respond_ratings set answered_at = null where answered_at >= exported_until();
