"""Meta ads: rows of the Insights API, and the report that Ads Manager exports as CSV.

Both tell the same of an ad and a day and fill one table. Headers of the CSV are in the language of
whoever exported it: English, German, Spanish and Portuguese are known.
"""

from orchestration.sources.declaration import TEXT_TIME, Column, FileRule, Rule, Stream

# A spreadsheet turned 120210000000000123 into 1.2021E+17: other ads' ids become the same.
ROUNDED_AD_ID = Rule(
    reason="rounded_ad_id", where="regexp_full_match({ad_id}, '\\d+([.,]\\d+)?[eE]\\+?\\d+')"
)

# Rows are broken down further than by ad and day where one of these is filled.
_BREAKDOWNS = (
    "age",
    "gender",
    "country",
    "region",
    "dma",
    "publisher_platform",
    "platform_position",
    "impression_device",
    "device_platform",
    "product_id",
    "hourly_stats_aggregated_by_advertiser_time_zone",
    "hourly_stats_aggregated_by_audience_time_zone",
)
_TOTAL_LABEL = "(results? from .*|total.*|.* totals?|gesamt.*|ergebnisse? .*|resultados? .*|media)"
_IS_BROKEN_DOWN = f"coalesce({', '.join(f'{{{name}}}' for name in _BREAKDOWNS)}) is not null"
_IS_TOTAL = (
    f"{{ad_id}} is null and coalesce(regexp_full_match(lower({{ad_name}}), '{_TOTAL_LABEL}'), true)"
)

INSIGHTS = Stream(
    source="meta_ads",
    name="insights",
    record="what an ad cost and brought on one day",
    format="jsonl",
    also_csv=True,
    may_be_array=True,
    is_lenient=True,
    columns=(
        Column(
            name="ad_id",
            required=True,
            not_null=False,
            aliases=(
                "ad id",
                "anzeigen-id",
                "id der anzeige",
                "werbeanzeigen-id",
                "identificador del anuncio",
                "id. del anuncio",
                "id del anuncio",
                "identificação do anúncio",
                "id do anúncio",
            ),
        ),
        Column(
            name="ad_name",
            aliases=(
                "ad name",
                "anzeigenname",
                "name der anzeige",
                "name der werbeanzeige",
                "nombre del anuncio",
                "nome do anúncio",
            ),
        ),
        Column(
            name="campaign_name",
            aliases=(
                "campaign name",
                "kampagnenname",
                "name der kampagne",
                "nombre de la campaña",
                "nome da campanha",
            ),
        ),
        Column(
            name="day_on",
            source="day",
            aliases=("tag", "día", "dia"),
            description="the CSV's column where it is broken down by day",
        ),
        Column(
            name="starts_on",
            source="date_start",
            aliases=(
                "reporting starts",
                "berichtsstart",
                "beginn des berichts",
                "auswertungsbeginn",
                "inicio del informe",
                "início dos relatórios",
                "início do relatório",
            ),
        ),
        Column(
            name="stops_on",
            source="date_stop",
            aliases=(
                "reporting ends",
                "berichtsende",
                "ende des berichts",
                "auswertungsende",
                "fin del informe",
                "término dos relatórios",
                "encerramento dos relatórios",
                "fim dos relatórios",
                "fim do relatório",
            ),
        ),
        Column(
            name="spend_amount",
            source="spend",
            required=True,
            not_null=False,
            aliases=(
                "amount spent",
                "ausgegebener betrag",
                "importe gastado",
                "valor usado",
                "montante gasto",
                "valor gasto",
            ),
        ),
        Column(
            name="currency_code",
            source="account_currency",
            aliases=("currency", "währung", "divisa", "moneda", "moeda"),
            unit_of="spend_amount",
        ),
        Column(name="impressions", aliases=("impressionen", "impresiones", "impressões")),
        Column(
            name="link_clicks",
            source="inline_link_clicks",
            aliases=(
                "link clicks",
                "link-klicks",
                "linkklicks",
                "clics en el enlace",
                "cliques no link",
                "cliques na ligação",
            ),
        ),
        Column(
            name="conversations_started",
            source="messaging_conversations_started",
            aliases=(
                "messaging conversations started",
                "gestartete messaging-konversationen",
                "begonnene messaging-konversationen",
                "gestartete unterhaltungen über messaging",
                "conversaciones con mensajes iniciadas",
                "conversaciones de mensajes iniciadas",
                "conversaciones por mensaje iniciadas",
                "conversas por mensagem iniciadas",
                "conversas de mensagens iniciadas",
            ),
        ),
        Column(
            name="actions",
            json_type="JSON",
            description="the API's list of action types; purchase types overlap",
        ),
        *(Column(name=name) for name in _BREAKDOWNS),
        Column(
            name="spent_on",
            derived=(
                "coalesce(day_on, case when try_cast(starts_on as date) = "
                "try_cast(stops_on as date) then starts_on end)"
            ),
        ),
    ),
    natural_key=("ad_id", "spent_on"),
    rules=(
        Rule(reason="totals_row", where=_IS_TOTAL),
        Rule(reason="missing_ad_id", where="{ad_id} is null"),
        ROUNDED_AD_ID,
        Rule(reason="broken_down", where=_IS_BROKEN_DOWN),
        Rule(
            reason="several_days",
            where="{day_on} is null "
            "and try_cast({starts_on} as date) <> try_cast({stops_on} as date)",
        ),
        Rule(
            reason="no_day",
            where="try_cast(coalesce({day_on}, {starts_on}) as date) is null "
            "or ({day_on} is null and try_cast({stops_on} as date) is null)",
        ),
        # Ads Manager leaves the cell empty where an ad was shown to nobody.
        Rule(reason="missing_spend", where="{spend_amount} is null and {impressions} is not null"),
        Rule(
            reason="bad_spend_amount",
            where="{spend_amount} is not null "
            "and try_cast({spend_amount} as decimal(18, 4)) is null",
        ),
    ),
    file_rules=(
        FileRule(
            reason="several_days",
            where="ad_id is not null and spent_on is null and starts_on <> stops_on "
            "and count(day_on) over () = 0",
            message="its rows span several days, from {starts_on} to {stops_on}, and no column "
            "{day_on} tells them apart: break the report down by day (Breakdown, By time, Day) "
            "and export it again",
        ),
        FileRule(
            reason="broken_down",
            where="ad_id is not null and spent_on is not null "
            "and count(*) over (partition by ad_id, spent_on) > 1",
            message="several rows tell of one {ad_id} and day: the report is broken down further, "
            "e.g. by age or placement. Export it with the breakdown Day only",
        ),
    ),
    # Days are those of the ad account's own time zone.
    event_time=TEXT_TIME.format("spent_on"),
    export_time_pattern=r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
    owner="analytics",
)

STREAMS = (INSIGHTS,)
