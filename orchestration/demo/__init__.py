"""A deterministic generator of demo exports in the real formats, with the truth beside them.

The truth (who wrote what when, what was delivered, what it cost) is drawn first; the exports
are rendered from it with the faults real exports have: late, repeated and missing statuses.
"""

from .generator import generate
from .settings import DemoSettings, DemoSummary

__all__ = ["DemoSettings", "DemoSummary", "generate"]
