"""The catalogue of declared streams. Adding a CSV source is one entry here."""

from orchestration.sources import chatwoot, reference, shopify, whatsapp
from orchestration.sources.declaration import Column, Identifier, Stream

STREAMS: tuple[Stream, ...] = (
    *whatsapp.STREAMS,
    *reference.STREAMS,
    *shopify.STREAMS,
    *chatwoot.STREAMS,
)
BY_KEY: dict[str, Stream] = {stream.key: stream for stream in STREAMS}

__all__ = ["BY_KEY", "STREAMS", "Column", "Identifier", "Stream"]
