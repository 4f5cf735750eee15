"""Campaigns: the registry of what was planned, and the audience that was assigned."""

from orchestration.sources.declaration import csv_stream

REGISTRY = csv_stream(
    "campaigns",
    "registry",
    "a campaign with its type, goal, plan and own costs",
    ("campaign_id",),
    (
        "campaign_name",
        "campaign_type",
        "goal",
        "template_name",
        "planned_at",
        "software_fee_amount",
        "incentive_amount",
        "currency_code",
        "utm_campaign",
        "coupon_codes",
    ),
    key=("campaign_id",),
    event_time="planned_at",
)
AUDIENCE = csv_stream(
    "campaigns",
    "audience",
    "a person assigned to an arm of a campaign, messaged or not",
    ("campaign_id", "assigned_at"),
    ("variant", "is_control", "planned_share", "skipped_reason"),
    key=("campaign_id", "assigned_at"),
    person="required",
    event_time="assigned_at",
)

STREAMS = (REGISTRY, AUDIENCE)
