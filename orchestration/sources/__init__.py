"""The catalogue of declared streams. Adding a CSV source is one entry here."""

from orchestration.sources import (
    campaigns,
    chatwoot,
    clicks,
    consent,
    contacts,
    ga4,
    generic,
    meta_ads,
    reference,
    shopify,
    surveys,
    whatsapp,
    woocommerce,
)
from orchestration.sources.declaration import Column, Identifier, Stream

STREAMS: tuple[Stream, ...] = (
    *whatsapp.STREAMS,
    *campaigns.STREAMS,
    *consent.STREAMS,
    *contacts.STREAMS,
    *clicks.STREAMS,
    *ga4.STREAMS,
    *generic.STREAMS,
    *meta_ads.STREAMS,
    *reference.STREAMS,
    *shopify.STREAMS,
    *surveys.STREAMS,
    *woocommerce.STREAMS,
    *chatwoot.STREAMS,
)
BY_KEY: dict[str, Stream] = {stream.key: stream for stream in STREAMS}

__all__ = ["BY_KEY", "STREAMS", "Column", "Identifier", "Stream"]
