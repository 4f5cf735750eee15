"""Surveys: exports of Typeform, SurveyMonkey and Delighted, as CSV or JSON.

Each form has its own questions: `survey.yml` in the file's folder names those that we read. What a
vendor's export always has (ids, times, who answered) is declared here.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.sources.declaration import (
    CSV_FILES,
    JSON_LINES_ALL,
    NO_PLAIN_ID,
    TEXT_TIME,
    Column,
    Identifier,
    Stream,
)

SURVEY_TYPES = ("nps", "csat", "ces", "review", "other")


@dataclass(frozen=True)
class Vendor:
    """What is the same in all exports of a vendor.

    Args:
        no_questions: headers that are neither questions nor columns of ours.
        times: how times are written, as in `time.format` of survey.yml.
        marks: headers by which `make check` knows the vendor's CSV.
        person_prefix: its own id of a person, where it has one, is no customer id of the business:
            it counts with this prefix, and only where nothing else names the person.
    """

    no_questions: tuple[str, ...]
    times: tuple[str, ...]
    marks: tuple[str, ...]
    has_two_headers: bool = False
    person_column: str = ""
    person_prefix: str = ""


VENDORS = {
    "typeform": Vendor(
        no_questions=(
            "Start Date (UTC)",
            "Stage Date (UTC)",
            "Network ID",
            "Tags",
            "Ending",
            "landed_at",
            "staged_at",
            "token",
            "landing_id",
            "form_id",
        ),
        times=("iso",),
        marks=("#", "Submit Date (UTC)"),
    ),
    "surveymonkey": Vendor(
        no_questions=(
            "Collector ID",
            "Start Date",
            "Date Created",
            "IP Address",
            "First Name",
            "Last Name",
            "Custom Data 1",
            "Custom Data 2",
            "Custom Data 3",
            "Custom Data 4",
            "Custom Data 5",
            "Custom Data 6",
            "Total Time",
            "Survey ID",
            "Recipient ID",
            "Collection Mode",
            "Language",
        ),
        times=("iso", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y"),
        marks=("Respondent ID", "Collector ID"),
        has_two_headers=True,
    ),
    "delighted": Vendor(
        no_questions=(
            "Name",
            "Customer Name",
            "Response Type",
            "Permalink",
            "Tags",
            "Notes",
            "Source",
            "Locale",
            "Browser",
            "Operating System",
            "Device Type",
            "Score Group",
            "NPS Group",
            "updated_at",
            "Person ID",
            "person",
        ),
        times=("iso", "unix", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%b %d, %Y %I:%M %p"),
        marks=("Response ID", "Score"),
        person_column="Person ID",
        person_prefix="delighted:",
    ),
}

# Names under which people pass on who answered, and about what: hidden fields, contact fields.
_PERSON = (
    Column(
        name="phone",
        personal=True,
        aliases=("phone number", "mobile", "whatsapp", "wa_id", "customer phone", "telefon"),
    ),
    Column(name="user_id", personal=True, aliases=("bsuid",)),
    Column(name="email", personal=True, aliases=("e-mail", "email address", "customer email")),
    Column(name="external_id", personal=True, aliases=("customer_id", "contact_id")),
)
_ABOUT = (
    Column(name="conversation_id", personal=True, aliases=("conversation",)),
    Column(name="agent_id", personal=True, aliases=("agent",)),
    Column(
        name="ids_of",
        description="whose conversations and agents the ids name: chatwoot, or a mapped vendor",
    ),
)
_ID = {
    "typeform": ("#", "response_id", "response id"),
    "surveymonkey": ("respondent id", "response id"),
    "delighted": ("response id", "survey response id", "id"),
}
_ANSWERED = {
    "typeform": ("submit date (utc)", "submitted_at"),
    "surveymonkey": ("end date", "date modified"),
    "delighted": (
        "time",
        "response time",
        "responded at",
        "survey response created at",
        "created_at",
    ),
}
_STATUS = {
    "typeform": ("response type",),
    "surveymonkey": ("response status",),
    "delighted": (),
}
_SENT = {
    "typeform": (),
    "surveymonkey": (),
    "delighted": ("survey sent at", "survey request sent at"),
}
_ASKED = {
    "typeform": {},
    "surveymonkey": {},
    # The one question that each of its surveys has.
    "delighted": {
        "survey_type": ("survey type",),
        "score": ("score", "rating"),
        "comment": ("comment", "feedback"),
    },
}


def _survey(vendor: str, record: str) -> Stream:
    asked = _ASKED[vendor]
    own = Column(
        name="response_key",
        personal=True,
        derived=(
            f"concat_ws('|', '{vendor}', survey, coalesce(response_id, concat_ws('|', "
            "coalesce(answered_at, sent_at), coalesce(phone, user_id, email, external_id), "
            "score, comment)))"
        ),
        description="what tells a response from all others of the vendor",
    )
    return Stream(
        source="surveys",
        name=vendor,
        record=record,
        format="csv",
        reader="survey",
        patterns=(*CSV_FILES, *JSON_LINES_ALL),
        is_lenient=True,
        columns=(
            Column(name="response_id", personal=True, aliases=_ID[vendor]),
            Column(name="survey", personal=True, description="which survey: its name or question"),
            Column(name="survey_type", aliases=asked.get("survey_type", ())),
            Column(name="score", personal=True, aliases=asked.get("score", ())),
            Column(name="scale_max"),
            Column(name="comment", personal=True, aliases=asked.get("comment", ())),
            Column(name="topic", personal=True),
            Column(name="answered_at", aliases=_ANSWERED[vendor]),
            Column(name="sent_at", aliases=_SENT[vendor]),
            Column(name="response_status", aliases=_STATUS[vendor]),
            *_PERSON,
            *_ABOUT,
            own,
        ),
        natural_key=("response_key",),
        identifiers=(
            Identifier(kind="phone", column="phone"),
            Identifier(kind="bsuid", column="user_id"),
            Identifier(kind="email", column="email"),
            Identifier(kind="external", column="external_id"),
            Identifier(kind="survey", column="response_key"),
            Identifier(kind="agent", column="agent_id", where=NO_PLAIN_ID.format("agent_id")),
        ),
        event_time=TEXT_TIME.format("coalesce(answered_at, sent_at)"),
        export_time_pattern=r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
        owner="analytics",
    )


TYPEFORM = _survey("typeform", "a response to a typeform")
SURVEYMONKEY = _survey("surveymonkey", "a response to a SurveyMonkey survey")
DELIGHTED = _survey("delighted", "a response to a Delighted survey")

STREAMS = (TYPEFORM, SURVEYMONKEY, DELIGHTED)
