"""Every KPI of the channel equals its recomputation in pandas from the raw files."""

from __future__ import annotations

PERIOD = ["period_grain", "period_start_on"]
TABLES: dict[str, tuple[list[str], list[str]]] = {
    "fct_messages": (
        ["message_id"],
        [
            *("direction", "contact_id", "channel_id", "message_type", "sender_type", "category"),
            *("template_name", "template_language", "campaign_id", "variant"),
            *("message_at", "message_on", "attempted_at", "sent_at", "delivered_at", "read_at"),
            *("inferred_read_at", "failed_at", "first_replied_at", "error_code", "error_class"),
            *("is_delivered_implied", "is_failed_overridden", "has_clock_anomaly"),
            *("is_in_service_window", "market", "pricing_type", "is_billable", "cost_amount"),
            *("cost_amount_original", "cost_currency_code"),
        ],
    ),
    "dim_contacts": (
        ["contact_id"],
        ["country_code", "created_at", "first_inbound_at", "last_active_at", "is_test"],
    ),
    "fct_contact_days": (
        ["contact_id", "active_on"],
        ["messages_received", "clicks", "orders", "is_first_active_day"],
    ),
    "kpi_messaging": (
        [*PERIOD, "channel_id"],
        [
            *("messages_attempted", "messages_sent", "messages_delivered", "messages_read"),
            *("messages_read_inferred", "messages_failed", "messages_pending", "messages_capped"),
            *("messages_in_window", "messages_out_of_window", "messages_received"),
            *("messages_total", "messages_total_all_channels", "share_of_messages"),
            *("delivery_rate", "delivery_rate_of_attempted", "failure_rate", "read_rate"),
            *("read_rate_of_sent", "read_rate_inferred", "messages_in_window_rate"),
            *("received_to_delivered_ratio", "median_seconds_to_read", "cost_amount"),
            *("messages_cost_unknown", "is_complete", "is_mature"),
        ],
    ),
    "kpi_failures": (
        [*PERIOD, "channel_id", "error_code"],
        [
            *("error_class", "messages_failed", "messages_failed_on_channel"),
            *("share_of_failures", "is_complete", "is_mature"),
        ],
    ),
    "kpi_templates": (
        [*PERIOD, "template_name", "template_language"],
        [
            *("messages_attempted", "messages_sent", "messages_delivered", "messages_read"),
            *("messages_failed", "recipients_delivered", "recipients_clicked"),
            *("recipients_replied", "recipients_opted_out", "cost_amount"),
            *("messages_cost_unknown", "delivery_rate", "read_rate", "click_through_rate"),
            *("response_rate", "opt_out_rate", "is_complete", "is_mature"),
        ],
    ),
    "kpi_costs": (
        [*PERIOD, "channel_id", "market", "category", "pricing_type"],
        [
            *("messages_delivered", "messages_billable", "messages_free"),
            *("messages_billing_unknown", "messages_cost_known", "messages_cost_unknown"),
            *("cost_amount", "cost_per_message_amount", "is_complete", "is_mature"),
        ],
    ),
    "kpi_active_contacts": (
        ["active_on"],
        [
            *("contacts_active_1d", "contacts_active_7d", "contacts_active_28d"),
            *("stickiness_rate", "is_complete"),
        ],
    ),
    "kpi_engagement": (
        [*PERIOD, "channel_id"],
        [
            *("contacts_messaged", "contacts_replied", "contact_response_rate"),
            *("contacts_active", "contacts_new", "contacts_returning", "new_contact_rate"),
            *("is_complete", "is_mature"),
        ],
    ),
}
