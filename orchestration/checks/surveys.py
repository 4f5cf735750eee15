"""What must hold between the answers to surveys and their marts (MARTS 3, SEMANTICS 16).

The marts end with the watermark of surveys, kpi_csat with that of conversations, which may lie
before the last answer: days after it are left out of every comparison with the fact.
"""

from __future__ import annotations

from orchestration.checks.declaration import Check

KEYS: dict[str, tuple[str, ...]] = {
    "marts.kpi_csat": ("period_grain", "period_start_on", "channel_id"),
    "marts.kpi_nps": ("period_grain", "period_start_on"),
    "marts.kpi_feedback": ("period_grain", "period_start_on", "survey_type", "topic"),
}

_DAYS = "select day_on from intermediate.int_period_days where subject = 'surveys'"
_CSAT_DAYS = "select day_on from intermediate.int_period_days where subject = 'csat'"
_FACTS = "marts.fct_survey_responses where not has_clock_anomaly"

INVARIANTS: tuple[Check, ...] = (
    Check(
        name="surveys_are_those_of_the_fact",
        table="marts.kpi_csat",
        keys=("period_start_on", "channel_id"),
        sql=f"""
with days as (
    select sent_on as period_start_on, channel_id,
        cast(coalesce(is_delivered, true) as integer) as sent,
        cast(coalesce(not is_delivered, false) as integer) as undelivered,
        cast(answered_at is not null as integer) as answered, 0 as responses
    from {_FACTS} and survey_type = 'csat' and sent_on is not null
    union all
    select answered_on, channel_id, 0, 0, 0, 1
    from {_FACTS} and survey_type = 'csat' and answered_on is not null and score is not null
),
facts as (
    select period_start_on, channel_id, sum(sent) as sent, sum(undelivered) as undelivered,
        sum(answered) as answered, sum(responses) as responses
    from days where period_start_on in ({_CSAT_DAYS}) group by all
),
kpis as (
    select period_start_on, channel_id, surveys_sent, surveys_undelivered, surveys_sent_answered,
        responses
    from marts.kpi_csat where period_grain = 'day'
)
select period_start_on, channel_id
from kpis full join facts using (period_start_on, channel_id)
where surveys_sent is distinct from coalesce(facts.sent, 0)
    or surveys_undelivered is distinct from coalesce(facts.undelivered, 0)
    or surveys_sent_answered is distinct from coalesce(facts.answered, 0)
    or kpis.responses is distinct from coalesce(facts.responses, 0)
""",
        description="surveys sent, undelivered, answered and their answers are those of the fact",
    ),
    Check(
        name="no_more_surveys_are_answered_than_arrived",
        table="marts.kpi_csat",
        keys=KEYS["marts.kpi_csat"],
        sql="select period_grain, period_start_on, channel_id from marts.kpi_csat "
        "where not coalesce(surveys_sent_answered <= surveys_sent "
        "and responses_satisfied <= responses, false)",
        description="answered <= sent; satisfied <= responses",
    ),
    Check(
        name="each_contact_is_asked_for_a_recommendation_once_a_period",
        table="marts.kpi_nps",
        keys=KEYS["marts.kpi_nps"],
        sql=f"""
with facts as (
    select period_days.period_grain, period_days.period_start_on,
        count(distinct if(contact_id = 'unknown', survey_response_id, contact_id)) as respondents
    from marts.fct_survey_responses as answers
    inner join intermediate.int_period_days as period_days
        on answers.answered_on = period_days.day_on and period_days.subject = 'surveys'
    where survey_type = 'nps' and score is not null and not has_clock_anomaly
        and answered_on in ({_DAYS})
    group by all
)
select period_grain, period_start_on
from marts.kpi_nps as kpis full join facts using (period_grain, period_start_on)
where responses is distinct from coalesce(facts.respondents, 0)
    or promoters + passives + detractors is distinct from responses
""",
        description="responses count people; promoters, passives and detractors add up to them",
    ),
    Check(
        name="feedback_is_every_answer_once",
        table="marts.kpi_feedback",
        keys=("period_start_on", "survey_type"),
        sql=f"""
with facts as (
    select answered_on as period_start_on, survey_type, count(*) as answers,
        count(*) filter (where has_comment) as comments
    from {_FACTS} and answered_on in ({_DAYS}) group by all
),
kpis as (
    select period_start_on, survey_type, sum(responses) as answers,
        sum(responses_with_comment) as comments
    from marts.kpi_feedback where period_grain = 'day' group by all
)
select period_start_on, survey_type
from kpis full join facts using (period_start_on, survey_type)
where coalesce(kpis.answers, 0) <> coalesce(facts.answers, 0)
    or coalesce(kpis.comments, 0) <> coalesce(facts.comments, 0)
""",
        description="the topics of a day add up to the answers of the fact",
    ),
)
