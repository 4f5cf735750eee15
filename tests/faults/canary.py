"""One person who is everywhere in the exports and may be nowhere in what others read."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

PHONE = "4915790012347"
BUSINESS_PHONE = "4930990077665"
CHANNEL_PHONE = "4930990055443"
BSUID = "DE.Kanarienvogel8812200345"
NAME, SURNAME = "Kanariah", "Vogelsang"
TEXT = "the canary sings of midnight parcels"
EMAIL = "kanariah@vogelsang.example"
PASSPHRASE = "zwitscher-geheimnis-4711"
AT = 1_794_500_000
"""A moment within the sample's last week."""


def _base64(text: str) -> str:
    return base64.b64encode(b"\x1d\x0b" + text.encode() + b"\x15\x02\x00").decode()


WAMID_OUT, WAMID_IN = f"wamid.{_base64(PHONE)}Out=", f"wamid.{_base64(PHONE)}In="
WAMID_SEND = f"wamid.{_base64(PHONE)}Send="

NEEDLES = {
    "phone": PHONE,
    "national number": PHONE[2:],
    "business phone": BUSINESS_PHONE,
    "channel phone": CHANNEL_PHONE,
    "user id": BSUID,
    "name": NAME,
    "surname": SURNAME,
    "text": TEXT,
    "text fragment": "sings of midnight",
    "e-mail": EMAIL,
    "callback": PASSPHRASE,
    "message id": _base64(PHONE)[:20],
    # Without the key a hash of a number is as good as the number.
    "plain sha256": hashlib.sha256(PHONE.encode()).hexdigest()[:32],
    "plain sha256 with +": hashlib.sha256(f"+{PHONE}".encode()).hexdigest()[:32],
    "plain md5": hashlib.md5(PHONE.encode()).hexdigest(),
}


def _body(field: str, value: dict[str, Any]) -> str:
    metadata = {"display_phone_number": BUSINESS_PHONE, "phone_number_id": "104200000000001"}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    change = {"field": field, "value": value}
    entry = {"id": "4711", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}) + "\n"


def _messages(*messages: dict[str, Any]) -> str:
    person = {"profile": {"name": f"{NAME} {SURNAME}"}, "wa_id": PHONE, "user_id": BSUID}
    full = [
        {"from": PHONE, "from_user_id": BSUID, "timestamp": str(AT + n), **message}
        for n, message in enumerate(messages)
    ]
    return _body("messages", {"contacts": [person], "messages": full})


def _webhooks() -> str:
    said = f"{TEXT}, {NAME} +{PHONE} {EMAIL}"
    failed = {
        "code": 131026,
        "title": f"not sent to +{PHONE}",
        "message": said,
        "error_data": {"details": said},
    }
    status = {"recipient_id": PHONE, "timestamp": str(AT), "biz_opaque_callback_data": PASSPHRASE}
    reply = {"id": PASSPHRASE, "title": said}
    return "".join(
        [
            _messages({"id": WAMID_IN, "type": "text", "text": {"body": said}}),
            _messages(
                {"id": f"{WAMID_IN}1", "type": "button", "button": {"payload": said, "text": said}},
                {
                    "id": f"{WAMID_IN}2",
                    "type": "interactive",
                    "interactive": {"type": "button_reply", "button_reply": reply},
                    "context": {"from": BUSINESS_PHONE, "id": WAMID_OUT},
                },
                {
                    "id": f"{WAMID_IN}3",
                    "type": "contacts",
                    "contacts": [{"name": {"formatted_name": NAME}, "phones": [{"phone": PHONE}]}],
                },
                {"id": f"{WAMID_IN}4", "type": "unheard_of", "unheard_of": {"said": said}},
                {"id": f"{WAMID_IN}5", "type": said},
                {"id": f"{WAMID_IN}6", "type": "text", "timestamp": said},
                {
                    "id": f"{WAMID_IN}7",
                    "type": "system",
                    "system": {"body": said, "wa_id": PHONE, "type": "user_changed_number"},
                },
                {
                    "id": f"{WAMID_IN}8",
                    "type": "text",
                    "text": {"body": "STOP"},
                    "referral": {"source_id": "1201", "headline": said, "ctwa_clid": PASSPHRASE},
                },
            ),
            _body("messages", {"statuses": [{"id": WAMID_OUT, "status": "sent", **status}]}),
            _body(
                "messages",
                {
                    "statuses": [
                        {"id": f"{WAMID_OUT}1", "status": "failed", "errors": [failed], **status},
                        {"id": f"{WAMID_OUT}2", "status": said, **status},
                        {"id": f"{WAMID_OUT}3", "status": "sent", "novelty": said, **status},
                        {
                            "id": f"{WAMID_OUT}4",
                            "status": "failed",
                            **status,
                            "errors": [{"code": said}],
                        },
                        {
                            "id": f"{WAMID_OUT}5",
                            "status": "delivered",
                            **status,
                            "pricing": {"category": said, "type": said, "pricing_model": said},
                            "conversation": {"id": PASSPHRASE, "origin": {"type": said}},
                        },
                    ]
                },
            ),
            _body("messages", {"errors": [failed], "novelty": {said: said}}),
            _body(said, {"said": said}),
            _body(
                "user_preferences",
                {
                    "contacts": [{"profile": {"name": NAME}, "wa_id": PHONE}],
                    "user_preferences": [
                        {
                            "wa_id": PHONE,
                            "detail": said,
                            "category": "marketing_messages",
                            "value": "stop",
                            "timestamp": AT,
                        }
                    ],
                },
            ),
            # Lines that are rejected are kept with their text.
            json.dumps({"contacts": [{"wa_id": PHONE}], "said": said}) + "\n",
            _messages({"id": f"{WAMID_IN}9", "type": "text", "text": {"body": said}})[:-30] + "\n",
        ]
    )


def _sends() -> str:
    parameters = [{"type": "text", "text": f"{NAME} {SURNAME}"}, {"type": "text", "text": TEXT}]
    template = {
        "name": "order_confirmation",
        "language": {"code": "en"},
        "components": [{"type": "body", "parameters": parameters}],
    }
    answer = {
        "contacts": [{"input": f"+{PHONE}", "wa_id": PHONE, "user_id": BSUID}],
        "messages": [{"id": WAMID_SEND}],
    }
    calls = [
        {
            "phone_number_id": "104200000000001",
            "request": {"to": f"+{PHONE}", "type": "template", "template": template},
            "response": answer,
            f"note for {PHONE}": TEXT,
        },
        {
            "phone_number_id": f"+{CHANNEL_PHONE}",
            "request": {"to": f"+{PHONE}", "type": "text", "text": {"body": TEXT}},
            "response": {"error": {"code": 131009, "message": f"{TEXT} {PHONE}"}},
        },
        {
            "phone_number_id": "104200000000001",
            "sender_type": "agent",
            "agent_id": EMAIL,
            "request": {"to": f"+{PHONE}", "type": "text", "text": {"body": TEXT}},
            "response": {"messages": [{"id": f"{WAMID_SEND}1"}]},
        },
        {
            "phone_number_id": "104200000000001",
            "sender_type": "bot",
            "bot_id": f"+{PHONE}",
            "request": {"to": f"+{PHONE}", "type": "text", "text": {"body": TEXT}},
            "response": {"messages": [{"id": f"{WAMID_SEND}2"}]},
        },
        {
            "phone_number_id": "104200000000001",
            "request": {"recipient": BSUID, "type": "text", "text": {"body": TEXT}},
            "response": {"error": {"code": TEXT}},
        },
    ]
    return "".join(
        json.dumps({"requested_at": f"2026-11-12T10:00:0{n}Z", "http_status": 200, **call}) + "\n"
        for n, call in enumerate(calls)
    )


def plant(raw_dir: Path) -> list[str]:
    """Write the canary into a raw folder; return the relative paths that hold its name."""
    template = {
        "name": "canary_news",
        "language": "de",
        "category": "MARKETING",
        "status": "APPROVED",
        "components": [
            {"type": "BODY", "text": "Hi {{1}}", "example": {"body_text": [[NAME, f"+{PHONE}"]]}},
            {"type": "BUTTONS", "buttons": [{"type": "PHONE_NUMBER", "phone_number": PHONE}]},
        ],
    }
    order = (
        "Name,Email,Total,Created at,Billing Name,Billing Phone,Phone,Notes\n"
        f"#9001,,10.00,2026-11-12 09:58:12 +0200,{NAME} {SURNAME},'+{PHONE},+{PHONE},"
        f'"{TEXT}"\n'
        f"#9000,{EMAIL},10.00,2026-11-12 09:58:12 +0200,{NAME} {SURNAME},,,{TEXT}\n"
        f"#9002,{EMAIL},ragged {NAME} {PHONE}\n"
    )
    conversation = (
        "id,inbox_id,created_at,contact_id,identifier,additional_attributes,cached_label_list\n"
        f'9001,9001,2026-11-01 10:00:00,9001,{EMAIL},"{{""phone"":""{PHONE}""}}",{NAME} {PHONE}\n'
    )
    files = {
        f"whatsapp/webhooks/{NAME} {SURNAME} +{PHONE}.jsonl": _webhooks(),
        f"whatsapp/sends/{NAME}.jsonl": _sends(),
        f"whatsapp/templates/{PHONE}.jsonl": json.dumps(template) + "\n",
        f"whatsapp/templates/{PHONE}.jsonl.gz": f"{NAME} {PHONE} is no gzip",
        f"shopify/orders/{EMAIL}.csv": order,
        f"chatwoot/conversations/{SURNAME}.csv": conversation,
        f"reference/internal_contacts/{SURNAME}.csv": f"phone,email\n+4915790099999,{EMAIL}\n",
        f"{NAME}/{SURNAME}/{PHONE}.csv": f"phone\n{PHONE}\n",
    }
    files |= _csv_exports() | _shop_exports() | _inbox_exports()
    for path, content in files.items():
        target = raw_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    return list(files)


def _shop_exports() -> dict[str, str]:
    """Return orders and checkouts of shops with the canary wherever a customer or a clerk writes.

    As in the CSVs the e-mail never names the person that a number names.
    """
    order_id = "gid://shopify/Order/9003"
    money = {"shopMoney": {"amount": "10.00", "currencyCode": "EUR"}}
    customer = {"id": "gid://shopify/Customer/9", "email": None, "phone": f"+{PHONE}"}
    said = f"{TEXT}, {NAME} +{PHONE}"
    visit = {
        "occurredAt": "2026-11-11T10:00:00Z",
        "landingPage": f"https://shop.example/{NAME}?phone={PHONE}",
        "utmParameters": {"source": f"+{PHONE}", "medium": EMAIL, "campaign": f"to {PHONE}"},
    }
    bulk: list[dict[str, Any]] = [
        {
            "id": order_id,
            "name": "#9003",
            "createdAt": "2026-11-12T10:00:00Z",
            "displayFinancialStatus": said,
            "displayFulfillmentStatus": said,
            "totalPriceSet": money,
            "totalRefundedSet": money,
            "phone": f"+{PHONE}",
            "customer": customer,
            "billingAddress": {"name": f"{NAME} {SURNAME}", "phone": PHONE},
            "shippingAddress": {"phone": PHONE},
            "note": said,
            "discountCodes": [PHONE, EMAIL],
            "tags": [said, NAME],
            "paymentGatewayNames": [said],
            "customAttributes": [{"key": "utm_source", "value": said}],
            "refunds": [{"id": PASSPHRASE, "note": said, "totalRefundedSet": money}],
            "transactions": [{"id": PASSPHRASE, "kind": said}],
            "fulfillments": [{"status": said, "trackingInfo": PHONE}],
            "customerJourneySummary": {"lastVisit": visit},
        },
        {
            "id": "gid://shopify/LineItem/9003",
            "title": said,
            "quantity": 1,
            "__parentId": order_id,
        },
        {
            "id": "gid://shopify/AbandonedCheckout/9002",
            "createdAt": "2026-11-12T09:00:00Z",
            "customer": {"id": "gid://shopify/Customer/8", "email": EMAIL},
            "totalPriceSet": money,
        },
        {
            "id": "gid://shopify/AbandonedCheckout/9003",
            "createdAt": "2026-11-12T09:00:00Z",
            "customer": customer,
            "billingAddress": {"phone": PHONE},
            "totalPriceSet": money,
            "abandonedCheckoutUrl": f"https://shop.example/{PASSPHRASE}?email={EMAIL}",
        },
        {"said": said},
    ]
    attribution = [
        {"key": f"_wc_order_attribution_utm_{key}", "value": value}
        for key, value in (("source", PHONE), ("medium", EMAIL), ("campaign", f"tel:+{PHONE}"))
    ]
    woo: list[dict[str, Any]] = [
        {
            "id": 9004,
            "number": "9004",
            "status": said,
            "currency": "EUR",
            "date_created_gmt": "2026-11-12T10:00:00",
            "total": "10.00",
            "customer_id": 9,
            "customer_note": said,
            "billing": {"first_name": NAME, "last_name": SURNAME, "phone": PHONE},
            "shipping": {"first_name": NAME, "phone": PHONE},
            "payment_method": said,
            "payment_method_title": said,
            "line_items": [{"name": said, "quantity": 1}],
            "coupon_lines": [{"code": EMAIL}, {"code": PHONE}],
            "refunds": [{"id": 1, "reason": said, "total": "-1.00"}],
            "meta_data": [*attribution, {"key": "said", "value": said}],
        },
        {"id": 9005, "customer_note": said},
    ]
    return {
        f"shopify/orders_bulk/{NAME}.jsonl": "".join(json.dumps(line) + "\n" for line in bulk),
        f"woocommerce/orders/{NAME}.json": json.dumps(woo),
    }


def _inbox_exports() -> dict[str, str]:
    """Return dumps of Chatwoot's tables with the canary wherever somebody writes or is named."""
    at = "2026-11-12 10:00:00"
    said = f"{TEXT}, {NAME} +{PHONE}"
    about = f'"{{""external_error"":""{PHONE}: {EMAIL}"",""by"":""{NAME}""}}"'
    tables: dict[str, tuple[str, list[str]]] = {
        "contacts": (
            "id,created_at,name,email,phone_number,identifier,additional_attributes",
            [
                f"9001,{at},{NAME},,+{PHONE},{NAME} {SURNAME},{about}",
                f"9002,{at},{NAME},{EMAIL},,,",
            ],
        ),
        "contact_inboxes": (
            "id,contact_id,inbox_id,source_id,created_at,pubsub_token",
            [f"9001,9001,9001,{PHONE},{at},{PASSPHRASE}"],
        ),
        "inboxes": (
            "id,channel_type,name,email_address,greeting_message,timezone",
            [f"9001,Channel::Whatsapp,{NAME} {BUSINESS_PHONE},{EMAIL},{TEXT},UTC"],
        ),
        "users": (
            "id,name,display_name,email,uid,encrypted_password,tokens,message_signature",
            [f'9001,{NAME} {SURNAME},{NAME},{EMAIL},{EMAIL},{PASSPHRASE},{PASSPHRASE},"{said}"'],
        ),
        "agent_bots": (
            "id,name,description,outgoing_url",
            [f"9001,{NAME},{TEXT},https://bots.example/{PASSPHRASE}?by={EMAIL}"],
        ),
        "teams": ("id,name,description", [f'9001,night shift,"{said}"']),
        "csat_survey_responses": (
            "id,conversation_id,message_id,rating,feedback_message,contact_id,assigned_agent_id,"
            "created_at,csat_review_notes",
            [f'{PHONE},9001,9002,{NAME},"{said}",9001,9001,{at},"{said}"'],
        ),
        "messages": (
            "id,inbox_id,conversation_id,message_type,created_at,private,status,source_id,"
            "content_type,content,content_attributes,sender_type,sender_id",
            [
                f'9001,9001,9001,0,{at},f,0,{WAMID_IN},0,"{said}",{about},Contact,9001',
                f'9002,9001,9001,1,{at},f,3,,{NAME} {PHONE},"{said}",{about},User,9001',
                f'9003,9001,9001,1,{at},t,0,,0,"{said}",,User,9001',
                f'9004,9001,9001,2,{at},f,0,,0,"Assigned to {NAME} by {EMAIL}",,,',
                f'9005,9001,9001,1,{at},f,0,{WAMID_OUT},0,"{said}",,AgentBot,9001',
            ],
        ),
    }
    return {
        f"chatwoot/{table}/{SURNAME}.csv": "\n".join([header, *rows]) + "\n"
        for table, (header, rows) in tables.items()
    }


def _csv_exports() -> dict[str, str]:
    """Return exports with our own columns: the canary in every cell that isn't the business' own.

    Numbers and e-mail stand in different rows: the e-mail is of the business' own people.
    """
    at = "2026-11-12 10:00:00"
    url = f"https://go.example/{NAME}?phone={PHONE}"
    tables: dict[str, tuple[str, list[str]]] = {
        "campaigns/audience": (
            "campaign_id,phone,user_id,external_id,assigned_at,skipped_reason",
            [f"canary,+{PHONE},{BSUID},{NAME} {SURNAME},{at},asked by {NAME} ({PHONE})"],
        ),
        "consent/events": (
            "phone,email,event,occurred_at,source,channel_id",
            [
                f"+{PHONE},,opt_in,{at},form of {NAME},{CHANNEL_PHONE}",
                f",{EMAIL},opt_out,{at},{EMAIL},",
                f"+{PHONE},,call {PHONE},{at},{TEXT},",
            ],
        ),
        "contacts/events": (
            "phone,external_id,event,occurred_at,source,actor,value",
            [
                f"+{PHONE},{NAME},created,{at},{EMAIL},{EMAIL},{TEXT}",
                f"+{PHONE},,merged,{at},{PHONE},{PHONE},{NAME}.{SURNAME}",
                f"+{PHONE},,stage,{at},{NAME},{NAME} {SURNAME},{PHONE}",
                f"+{PHONE},,lead,{at},+{PHONE},{NAME},{PHONE}",
                f"+{PHONE},,goal,{at},{TEXT},{NAME},{TEXT}",
                f"+{PHONE},,{NAME} wrote {PHONE},{at},{TEXT},{NAME},{TEXT}",
            ],
        ),
        "clicks/links": (
            "url,campaign_id,phone,message_id,destination_url",
            [f"{url},canary,+{PHONE},{WAMID_OUT},{url}&name={SURNAME}"],
        ),
        "clicks/short_io": (
            "link,time,ip,user agent,human,utm_source,utm_medium,utm_campaign",
            [f"{url},{at},10.0.0.1,Browser of {NAME},yes,+{PHONE},{EMAIL},to {NAME} {PHONE}"],
        ),
        "generic/messages": (
            "message_id,channel_id,phone,direction,sent_at,agent_id,bot_id,message_type,error_code",
            [
                f"{PHONE}-1,{CHANNEL_PHONE},+{PHONE},outbound,{at},{EMAIL},{NAME} {SURNAME},"
                f"{NAME} {PHONE},{PHONE}",
                f"{WAMID_IN},{CHANNEL_PHONE},+{PHONE},inbound,{at},,,,",
            ],
        ),
        "generic/message_reports": (
            "message_id,channel_id,external_id,direction,sent_at,agent_id,conversation_id,category,"
            "error_code,last_status",
            [
                f"{PHONE}-2,{CHANNEL_PHONE},{NAME} {SURNAME},outbound,{at},{PHONE},{NAME},"
                f"{TEXT},Call {PHONE},failed"
            ],
        ),
        "generic/conversations": (
            "conversation_id,channel_id,phone,opened_at,opened_by,closed_by_agent_id,category,"
            "assignee_agent_id",
            [
                f"{PHONE},{CHANNEL_PHONE},+{PHONE},{at},{NAME} {PHONE},{EMAIL},call {PHONE},"
                f"{NAME} {SURNAME}"
            ],
        ),
        "generic/conversation_events": (
            "event_id,conversation_id,event_type,occurred_at,actor_type,actor_agent_id,"
            "assignee_agent_id,bot_id",
            [
                f"{PHONE}-1,{PHONE},assigned,{at},{NAME} {PHONE},{EMAIL},{NAME} {SURNAME},",
                f"{PHONE}-2,{PHONE},{NAME} called {PHONE},{at},,,,{NAME} {PHONE}",
            ],
        ),
        "generic/agents": (
            "agent_id,name,team_id,team_name",
            [
                f"{EMAIL},{NAME} {SURNAME},{PHONE},shift of {NAME} ({PHONE})",
                f"{NAME} {SURNAME},{NAME} {SURNAME},{NAME}@{SURNAME},{PHONE}",
            ],
        ),
        "generic/contacts": (
            "phone,external_id,created_at,source,country_code,labels",
            [f"+{PHONE},{NAME} {SURNAME},{at},{EMAIL},{PHONE},{TEXT}"],
        ),
        "generic/link_clicks": (
            "click_id,clicked_at,url,phone,user_agent,utm_source,utm_medium,utm_campaign",
            [f"{PHONE},{at},{url},+{PHONE},{NAME},{PHONE},{NAME}@{SURNAME}.example,{PHONE}"],
        ),
        "generic/survey_responses": (
            "response_id,survey_type,phone,conversation_id,answered_at,score,comment,topic,agent_id",
            [
                f"{PHONE},csat,+{PHONE},{PHONE},{at},{NAME},{TEXT},{NAME} {PHONE},{EMAIL}",
                f"{PHONE}-2,{NAME} {PHONE},+{PHONE},,{at},4,{TEXT},{TEXT},{NAME} {SURNAME}",
            ],
        ),
        "surveys/typeform": (
            "#,Happy?,comment,phone,external_id,topic,agent_id,conversation_id,Submit Date (UTC)",
            [f"{PHONE},4,{TEXT},'+{PHONE},{NAME} {SURNAME},{TEXT},{EMAIL},{PHONE},{at}"],
        ),
        "surveys/surveymonkey": (
            "Respondent ID,Collector ID,End Date,Email Address,First Name,Happy?,topic",
            [
                ",,,,,Response,Response",
                f"{PHONE},1,{at},{NAME}@{SURNAME}.example,{NAME},5,{NAME} {PHONE}",
            ],
        ),
        "surveys/delighted": (
            "Person ID,Name,Phone Number,Response ID,Score,Comment,Time,Survey Type",
            [
                f"{PHONE},{NAME} {SURNAME},,{PHONE},9,{TEXT},{at},nps",
                f"8,{NAME},+{PHONE},{PHONE}-2,{TEXT},{TEXT},{at},of {NAME} ({PHONE})",
            ],
        ),
        "generic/leads": (
            "lead_id,phone,created_at,source",
            [f"L-1,+{PHONE},{at},{NAME} {SURNAME} {PHONE}"],
        ),
        "generic/ad_spend": (
            "ad_id,spent_on,spend_amount,currency_code,ad_name,campaign_name,impressions",
            [
                f"9001,2026-11-12,3,{NAME},call {PHONE},{EMAIL},1",
                f"9001,{PHONE},3,EUR,{NAME},{NAME},1",
            ],
        ),
        "meta_ads/insights": (
            "Ad ID,Day,Amount spent (EUR),Ad name,Campaign name,Result indicator,Currency",
            [
                f"9002,2026-11-12,3,to +{PHONE},{EMAIL},{TEXT},{SURNAME}",
                f",{TEXT},3,{NAME} {PHONE},{EMAIL},{TEXT},",
            ],
        ),
        "generic/orders": (
            "order_id,ordered_at,total_amount,currency_code,phone,external_id,status,coupon_codes,"
            "utm_source,utm_medium,utm_campaign",
            [
                f"O-1,{at},10.00,EUR,+{PHONE},{NAME} {SURNAME},paid by {NAME} ({PHONE}),"
                f"{EMAIL}|+{PHONE},+{PHONE},{EMAIL},to {NAME} {PHONE}"
            ],
        ),
        "generic/abandoned_checkouts": (
            "checkout_id,created_at,phone,external_id,value_amount,currency_code",
            [f"C-1,{at},+{PHONE},{NAME} {SURNAME},10.00,EUR"],
        ),
        "ga4/sessions": (
            "date,session_source,session_medium,session_campaign,sessions",
            [f"2026-11-12,{PHONE},{EMAIL},tel:+{PHONE},3"],
        ),
    }
    return {
        f"{stream}/{SURNAME}.csv": "\n".join([header, *rows]) + "\n"
        for stream, (header, rows) in tables.items()
    }


def found_in_text(text: str) -> list[str]:
    """Return which needles stand in a text, plain or in base64 within it."""
    lowered = text.lower()
    found = {what for what, needle in NEEDLES.items() if needle.lower() in lowered}
    for candidate in re.findall(r"[A-Za-z0-9+/_-]{16,}={0,2}", text):
        for shift in range(4):
            part = candidate.replace("-", "+").replace("_", "/").rstrip("=")[shift:]
            part = part[: len(part) // 4 * 4]
            plain = base64.b64decode(part).decode("latin-1").lower()
            found |= {f"{what} in base64" for what, needle in NEEDLES.items()
                      if needle.lower() in plain}  # fmt: skip
    return sorted(found)


def found_in_bytes(content: bytes) -> list[str]:
    """Return which needles stand in a file: UTF-8, UTF-16, JSON-escaped or in base64."""
    text = content.decode("latin-1") + content.replace(b"\0", b"").decode("latin-1")
    return found_in_text(text)


def found_in_tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, list[str]]]:
    """Return (table, column, needles) of every column of every table, and of their names."""
    found = []
    columns = con.execute(
        "select schema_name, table_name, column_name, coalesce(comment, '') from duckdb_columns() "
        "where not internal order by all"
    ).fetchall()
    for schema, table, column, comment in columns:
        rows = con.execute(
            f'select distinct cast("{column}" as varchar) from {schema}."{table}"'
        ).fetchall()
        text = "\n".join([schema, table, column, comment, *(str(value) for (value,) in rows)])
        if needles := found_in_text(text):
            found.append((f"{schema}.{table}", column, needles))
    return found


def found_in_files(paths: Iterable[Path]) -> list[tuple[str, list[str]]]:
    """Return (path, needles) of files, their names included."""
    found = []
    for path in paths:
        if needles := found_in_bytes(path.read_bytes() + str(path).encode()):
            found.append((str(path), needles))
    return found


def files_below(*folders: Path) -> Iterator[Path]:
    """Yield every regular file below some folders."""
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())
