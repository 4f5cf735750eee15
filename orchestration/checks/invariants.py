"""The identities that must hold before a file is published: each failure is our own mistake.

MARTS, section 3, names them. They read the working file after the transform. What holds row by row
inside one model is a dbt test there as well; what compares tables stands only here.
"""

from __future__ import annotations

from orchestration.checks import ads, campaigns, loyalty, orders, service, surveys
from orchestration.checks.declaration import Check
from orchestration.checks.grains import agrees_across_grains, agrees_with_fact
from orchestration.publish import PUBLIC_SCHEMAS, PUBLIC_TYPES
from orchestration.sources import STREAMS

MESSAGE_COUNTS = (
    "messages_attempted",
    "messages_sent",
    "messages_delivered",
    "messages_read",
    "messages_failed",
    "messages_pending",
    "messages_delivery_unknown",
    "messages_received",
)
COST_COUNTS = ("messages_billable", "messages_free")
CONSENT_COUNTS = (
    "opt_ins",
    "opt_outs",
    "opt_outs_unknown",
    "contacts_deleted_opted_in",
    "contacts_created",
    "contacts_opted_in_within_window",
    "marketing_messages_after_opt_out",
)
CONTACT_COUNTS = (
    "contacts_added",
    "contacts_deleted",
    "contacts_messaged",
    "contacts_responded",
    "people_added",
    "people_deleted",
)

KEYS: dict[str, tuple[str, ...]] = {
    "marts.fct_messages": ("message_id",),
    "marts.fct_contact_days": ("contact_id", "active_on"),
    "marts.fct_link_clicks": ("click_id",),
    "marts.dim_contacts": ("contact_id",),
    "marts.dim_channels": ("channel_id",),
    "marts.dim_templates": ("template_name", "template_language"),
    "marts.kpi_messaging": ("period_grain", "period_start_on", "channel_id"),
    "marts.kpi_failures": ("period_grain", "period_start_on", "channel_id", "error_code"),
    "marts.kpi_templates": (
        "period_grain",
        "period_start_on",
        "template_name",
        "template_language",
    ),
    "marts.kpi_costs": (
        "period_grain",
        "period_start_on",
        "channel_id",
        "market",
        "category",
        "pricing_type",
    ),
    "marts.kpi_active_contacts": ("active_on",),
    "marts.kpi_engagement": ("period_grain", "period_start_on", "channel_id"),
    "marts.fct_consent_events": ("consent_event_id",),
    "marts.fct_leads": ("lead_id",),
    "marts.kpi_consent": ("period_grain", "period_start_on", "channel_id"),
    "marts.kpi_contacts": ("period_grain", "period_start_on", "created_source"),
    "marts.kpi_busiest_hours": ("channel_id", "iso_day_of_week", "hour_of_day"),
    "marts.kpi_reconciliation": (
        "source",
        "metric",
        "period_start_on",
        "reconciliation_key",
    ),
    "marts.kpi_utm_traffic": (
        "period_grain",
        "period_start_on",
        "utm_source",
        "utm_medium",
        "utm_campaign",
    ),
    **campaigns.KEYS,
    **orders.KEYS,
    **ads.KEYS,
    **loyalty.KEYS,
    **service.KEYS,
    **surveys.KEYS,
}
"""Grain of each public table; MARTS, sections 2 and 3."""


def _key_is_unique(table: str, keys: tuple[str, ...]) -> Check:
    listed = ", ".join(keys)
    missing = " or ".join(f"{key} is null" for key in keys)
    return Check(
        name=f"{table.split('.')[1]}_has_one_row_per_key",
        table=table,
        keys=keys,
        sql=f"select {listed} from {table} group by {listed} having count(*) > 1 or {missing}",
        description=f"({listed}) is unique and never NULL",
    )


def _agrees_with_messages(
    table: str, name: str, expressions: dict[str, str], messages: str
) -> Check:
    return agrees_with_fact(
        table,
        expressions,
        name=name,
        fact="marts.fct_messages",
        day="message_on",
        over={"channel_id": "channel_id"},
        where=messages,
    )


def _outbound(condition: str) -> str:
    return f"count(*) filter (where direction = 'outbound' and {condition})"


def _consent() -> tuple[Check, ...]:
    """The list of a channel: what it holds is what came, less what went."""
    return (
        Check(
            name="consent_stock_is_carried_over",
            table="marts.kpi_consent",
            keys=KEYS["marts.kpi_consent"],
            sql="""
select period_grain, period_start_on, channel_id
from (
    select
        *,
        lag(opted_in_contacts, 1, 0) over (
            partition by period_grain, channel_id order by period_start_on
        ) as opted_in_contacts_before
    from marts.kpi_consent
)
where opted_in_contacts_at_start is distinct from opted_in_contacts_before
    or opted_in_contacts is distinct from opted_in_contacts_at_start + opt_ins - opt_outs
        - contacts_deleted_opted_in
    or not coalesce(opted_in_contacts >= 0, false)
""",
            description="opted in = at start + opt-ins − opt-outs − deleted, carried over",
        ),
        Check(
            name="consent_stock_is_that_of_the_contacts",
            table="marts.kpi_consent",
            keys=("contacts_listed", "contacts_opted_in"),
            # A person may stand on several channels' lists, and signals later than the watermark
            # are in no period yet.
            sql="""
with lists as (
    select max(opted_in_contacts) as contacts_listed, sum(opted_in_contacts) as entries
    from (
        select channel_id, last(opted_in_contacts order by period_start_on) as opted_in_contacts
        from marts.kpi_consent where period_grain = 'day' group by channel_id
    )
),
people as (
    select count(*) as contacts_opted_in from marts.dim_contacts where is_opted_in and not is_test
)
select contacts_listed, contacts_opted_in
from lists cross join people
where contacts_opted_in not between coalesce(contacts_listed, 0) and coalesce(entries, 0)
    and not exists (
        select 1 from intermediate.int_consent_events
        where not has_clock_anomaly and occurred_at >= (
            select coalesce(max(ends_at), timestamp '1970-01-01') from intermediate.int_periods
            where subject = 'consent' and period_grain = 'day'
        )
    )
""",
            description="whoever is on a channel's list is opted in in dim_contacts, nobody else",
        ),
        Check(
            name="every_consent_and_lead_has_a_known_contact",
            table="marts.fct_consent_events",
            keys=("contact_id",),
            sql="""
select distinct contact_id
from (
    select contact_id from marts.fct_consent_events
    union all
    select contact_id from marts.fct_leads
)
where contact_id is null or contact_id <> 'unknown'
    and contact_id not in (select c.contact_id from marts.dim_contacts as c)
""",
            description="contact_id is in dim_contacts",
        ),
        agrees_across_grains(
            "marts.kpi_consent",
            CONSENT_COUNTS,
            over=("channel_id",),
            name="consent_agrees_across_grains",
        ),
        agrees_across_grains(
            "marts.kpi_contacts",
            CONTACT_COUNTS,
            over=("created_source",),
            name="contacts_agree_across_grains",
        ),
    )


def _ledger_matches_raw() -> Check:
    tables = "\n    union all\n".join(
        f"    select '{stream.raw_table}' as raw_table, '{stream.source}' as source, "
        f"'{stream.name}' as stream, count(*) filter (where _is_line_head) as rows_standing "
        f'from raw."{stream.raw_table}"'
        for stream in STREAMS
    )
    return Check(
        name="raw_tables_hold_what_the_ledger_says",
        table="meta.loads",
        keys=("source", "stream"),
        sql=f"""
with standing as (
{tables}
),
ledger as (
    select raw_table, sum(rows_loaded) as rows_loaded
    from raw.loads where not is_rejected and not is_removed group by all
)
select source, stream
from standing full join ledger using (raw_table)
where coalesce(rows_standing, 0) <> coalesce(rows_loaded, 0)
""",
        description="each raw table holds as many rows as its loads brought",
        advice="`make rebuild` reads the exports again",
    )


INVARIANTS: tuple[Check, ...] = (
    *(_key_is_unique(table, keys) for table, keys in KEYS.items()),
    Check(
        name="no_line_is_lost_or_counted_twice",
        table="meta.loads",
        keys=("source", "stream", "load_id"),
        sql="select source, stream, load_id from raw.loads "
        "where rows_read is distinct from rows_loaded + rows_rejected + rows_duplicate",
        description="rows_read = rows_loaded + rows_rejected + rows_duplicate, file by file",
    ),
    _ledger_matches_raw(),
    *_consent(),
    *campaigns.INVARIANTS,
    *orders.INVARIANTS,
    *ads.INVARIANTS,
    *loyalty.INVARIANTS,
    *service.INVARIANTS,
    *surveys.INVARIANTS,
    Check(
        name="message_times_stand_in_order",
        table="marts.fct_messages",
        keys=("message_id",),
        sql="select message_id from marts.fct_messages "
        "where sent_at > delivered_at or delivered_at > read_at "
        "or (delivered_at is not null and sent_at is null) "
        "or (read_at is not null and delivered_at is null) "
        "or (failed_at is not null and delivered_at is not null)",
        description="sent ≤ delivered ≤ read, none without the one before, failed only undelivered",
    ),
    Check(
        name="message_date_is_never_missing",
        table="marts.fct_messages",
        keys=("message_id",),
        sql="select message_id from marts.fct_messages "
        "where message_at is null or message_on is null or direction is null "
        "or direction not in ('inbound', 'outbound')",
        description="every message has a direction and a date",
    ),
    Check(
        name="every_message_has_a_known_contact",
        table="marts.fct_messages",
        keys=("message_id",),
        sql="select message_id from marts.fct_messages as messages "
        "where contact_id is null or contact_id not in ('none', 'unknown') and not exists "
        "(select 1 from marts.dim_contacts as c where c.contact_id = messages.contact_id)",
        description="contact_id is in dim_contacts",
    ),
    Check(
        name="first_clicks_are_those_of_the_clicks",
        table="marts.fct_messages",
        keys=("message_id",),
        sql="""
with clicks as (
    select message_id, min(clicked_at) as clicked_at from marts.fct_link_clicks
    where is_human and not has_clock_anomaly and message_id <> 'none' group by message_id
)
select message_id from marts.fct_messages left join clicks using (message_id)
where not has_clock_anomaly and first_clicked_at is distinct from clicked_at
""",
        description="first_clicked_at is the message's first human click in fct_link_clicks",
    ),
    Check(
        name="every_click_has_a_known_contact",
        table="marts.fct_link_clicks",
        keys=("click_id",),
        sql="select click_id from marts.fct_link_clicks as clicks "
        "where contact_id <> 'unknown' and not exists "
        "(select 1 from marts.dim_contacts as c where c.contact_id = clicks.contact_id)",
        description="contact_id is in dim_contacts",
    ),
    Check(
        name="only_delivered_messages_cost",
        table="marts.fct_messages",
        keys=("message_id",),
        sql="select message_id from marts.fct_messages where cost_amount <> 0 "
        "and (delivered_at is null or direction <> 'outbound') or cost_amount < 0",
        description="what was not delivered costs nothing, and nothing costs less than nothing",
    ),
    Check(
        name="funnel_never_grows",
        table="marts.kpi_messaging",
        keys=KEYS["marts.kpi_messaging"],
        # Where nobody tells of deliveries or reads, they are NULL.
        sql="select * from marts.kpi_messaging where not coalesce("
        "messages_sent <= messages_attempted "
        "and coalesce(messages_read_inferred <= messages_delivered "
        "and messages_delivered <= messages_sent, "
        "messages_delivered is null and messages_read_inferred is null) "
        "and coalesce(messages_read <= messages_read_inferred, messages_read is null), false)",
        description="read ≤ read_inferred ≤ delivered ≤ sent ≤ attempted",
    ),
    Check(
        name="outcomes_add_up",
        table="marts.kpi_messaging",
        keys=KEYS["marts.kpi_messaging"],
        sql="select * from marts.kpi_messaging where messages_failed "
        "+ coalesce(messages_delivered + messages_pending, 0) + messages_delivery_unknown "
        "is distinct from messages_attempted "
        "or (messages_delivered is null) <> (messages_pending is null) "
        "or (messages_delivered is not null and messages_delivery_unknown <> 0) "
        "or messages_in_window + messages_out_of_window is distinct from messages_attempted",
        description="failed + delivered + pending + delivery unknown = attempted "
        "= in window + out of window",
    ),
    agrees_across_grains(
        "marts.kpi_messaging",
        MESSAGE_COUNTS,
        over=("channel_id",),
        name="messaging_agrees_across_grains",
    ),
    _agrees_with_messages(
        "marts.kpi_messaging",
        "messaging_agrees_with_messages",
        {
            "messages_attempted": _outbound("true"),
            "messages_sent": _outbound("sent_at is not null"),
            "messages_delivered": _outbound("delivered_at is not null"),
            "messages_read": _outbound("read_at is not null"),
            "messages_failed": _outbound("failed_at is not null"),
            # A notice of WhatsApp itself (a number changed) is no message that was received.
            "messages_received": "count(*) filter "
            "(where direction = 'inbound' and message_type <> 'system')",
            "cost_amount": "sum(cost_amount) filter (where direction = 'outbound')",
        },
        messages="true",
    ),
    Check(
        name="failures_agree_with_messaging",
        table="marts.kpi_failures",
        keys=("period_grain", "period_start_on", "channel_id"),
        sql="""
with failures as (
    select period_grain, period_start_on, channel_id, sum(messages_failed) as by_code
    from marts.kpi_failures group by all
)
select period_grain, period_start_on, channel_id
from failures
full join marts.kpi_messaging using (period_grain, period_start_on, channel_id)
where coalesce(by_code, 0) <> coalesce(messages_failed, 0)
""",
        description="failures by error code add up to messages_failed",
    ),
    agrees_across_grains(
        "marts.kpi_costs",
        COST_COUNTS,
        over=("channel_id", "market", "category", "pricing_type"),
        name="costs_agree_across_grains",
    ),
    _agrees_with_messages(
        "marts.kpi_costs",
        "costs_are_counted_once",
        {
            "messages_billable": "count(*) filter (where is_billable)",
            "messages_free": "count(*) filter (where not is_billable)",
            "cost_amount": "sum(cost_amount)",
        },
        messages="direction = 'outbound' and delivered_at is not null",
    ),
    Check(
        name="active_contacts_grow_with_the_window",
        table="marts.kpi_active_contacts",
        keys=("active_on",),
        sql="select active_on from marts.kpi_active_contacts where not coalesce("
        "0 <= contacts_active_1d and contacts_active_1d <= contacts_active_7d "
        "and contacts_active_7d <= contacts_active_28d, false)",
        description="active in 1 day ≤ in 7 days ≤ in 28 days",
    ),
    Check(
        name="rate_card_rows_never_overlap",
        table="staging.stg_reference__rate_card",
        keys=("effective_from", "market", "rate_category", "tier_lower", "other_tier_lower"),
        sql="""
with tiers as (
    select
        effective_from,
        market,
        rate_category,
        coalesce(tier_lower, 0) as tier_lower,
        coalesce(tier_upper, 9223372036854775807) as tier_upper,
        row_number() over () as number
    from staging.stg_reference__rate_card
)
select
    one.effective_from,
    one.market,
    one.rate_category,
    one.tier_lower,
    other.tier_lower as other_tier_lower
from tiers as one
join tiers as other
    on one.effective_from = other.effective_from
    and one.market = other.market
    and one.rate_category = other.rate_category
    and one.number < other.number
    and one.tier_lower < other.tier_upper
    and other.tier_lower < one.tier_upper
""",
        description="one market, category and date has one price per volume",
        advice="Correct reference/rate_card: a message would be priced twice",
    ),
    Check(
        name="public_columns_have_plain_types",
        table="meta.loads",
        keys=("table_name", "column_name", "data_type"),
        sql="select schema_name || '.' || table_name as table_name, column_name, data_type "
        "from duckdb_columns() where database_name = current_database() "
        f"and schema_name in {PUBLIC_SCHEMAS!r} "
        f"and not regexp_full_match(upper(data_type), '{PUBLIC_TYPES.pattern}')",
        description="only types that every DuckDB reader can open",
        advice="Cast at the end of the model",
    ),
)
