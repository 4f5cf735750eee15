"""A deterministic generator of demo exports in the real formats, with the truth beside them.

The truth (who wrote what when, what was delivered, what it cost) is drawn first; the exports
are rendered from it with the faults real exports have: late, repeated and missing statuses.

The truth (`--truth FILE`, schema `truth`) says what the exports say when they are read rightly;
colleagues are in `contacts` and `messages` (`is_internal`) and in none of the counts.

- contacts, messages, message_costs, preferences: people and messages, a row each, with what
  Chatwoot tells of them (sent_at, failed_at, agent_id, bot_id).
- kpi_messaging_months, kpi_costs_months, active_contacts: channel KPIs.
- campaigns: campaign_id, campaign_type, goal, starts_at, design (`test`: A and B, links in
  clicks/links by person; `plain`: no test, links by the send log alone; `control`: A, B and a
  control arm, links by message id; `shared`: no test, one link without a person; `drip`),
  is_registered (stands in an exported registry).
- campaign_messages: a campaign message (attempted, sent, delivered, read, failed) with replied_at,
  clicked_at and opted_out_at. A reply comes within 72 hours and not after the next campaign message
  on the number, whichever message it quotes, and is no reaction, STOP or notice. A click is a
  person's, within 7 days of message_at. An opt-out changes the state on that number within 72 hours
  of any message that didn't fail.
- campaign_recipients: campaign × person × entry (a flow is entered anew after 30 days): variant
  (`none` without a test, `control`), is_control, assigned_at, planned_share, skipped_reason,
  messages_sent (attempted), first times of the above.
- kpi_campaigns: counts of campaign_recipients by campaign and variant. recipients_targeted has
  everybody, the control arm and the skipped too; recipients_clicked is NULL for a shared link and a
  control arm; `…_delivered` counts only who got a message; clicks_total has every human click.
- clicks: clicked_at, is_human, campaign_id, variant, contact_no and wamid (NULL: a shared or
  unknown link), UTM.
- consent_events: signals of all sources by person and number, is_state_change,
  is_unknown_before (an opt-out without a known opt-in).
- kpi_consent_months: opt_ins, opt_outs, opt_outs_unknown (changes of state),
  contacts_deleted_opted_in, opted_in_contacts (at the month's end); every month and number.
- leads, leads_by_source: source_system (`contacts` events or `generic` leads), source; leads,
  qualified_leads, leads_won, leads_lost.
- report_messages, kpi_report_campaigns: what a vendor's report tells of a number without webhooks;
  in none of the tables above but `campaigns` (design `report`).
- active_contacts_with_orders: active_contacts, where a human click and a valid order are activity
  too, of people who only buy as well.
- orders: an order as its newest export tells it; buyer_no is the customer, contact_no NULL where
  nobody ever messaged them; is_valid; cause (`organic`, `campaign` by the arm, `click`, `ad`) with
  campaign, arm or ad: why it was drawn, not what attribution credits it to.
- customers, kpi_orders_months: sums of the valid orders, in their own currency, net of refunds.
- checkouts: abandoned checkouts, with the order that came of them.
- campaign_lift: by campaign and arm the probability that a member orders because of it within five
  days, and conversion_rate, the share expected to order within the 14 days after assignment, with
  those who would have ordered anyway. A and B of a `test` are alike; a `control` arm has less.
- ad_spend_days: an ad's day as told last. clv_process: what organic purchases are drawn from.
- conversations: a cycle of a conversation that an inbox tells of (source `chatwoot`, `respond.io`),
  native number, times, who opened, answered and closed it, and what it came to, by SEMANTICS 5-11
  and the default vars: what an inbox knows, and what logs add while it is open. responses: turns.
  conversation_events: handoffs and what notices and notes tell of Chatwoot's. respond_messages: the
  second inbox, whose messages are in none of the tables above but active_contacts_with_orders.
- agents. survey_responses: asked and answered, of all sources; kpi_csat_months (delivered
  questions by sent_at, answers by answered_at), kpi_nps_months (the latest of a person in the
  month; an answer that another one follows within a week doesn't count).
- template_days: what template_analytics should say: messages sent, delivered, read by template and
  day.
"""

from .generator import generate
from .settings import DemoSettings, DemoSummary

__all__ = ["DemoSettings", "DemoSummary", "generate"]
