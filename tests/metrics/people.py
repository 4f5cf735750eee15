"""Who is who: identifiers seen together are one person, named by the earliest of them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable
from datetime import datetime
from functools import cache

from .exports import Sighting

BSUID = re.compile(r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")
KIND_ORDER = ("wa_id", "bsuid", "phone", "email", "platform", "shop", "external")
DASHBOARD_TEST_NUMBERS = ("16505551111", "16315551181")

NEVER = datetime.max

Identifier = tuple[str, str]


def keyed_hash(key: bytes, text: str) -> str:
    """HMAC-SHA256, first 32 hex digits."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


@cache
def identifier(kind: str, text: str) -> Identifier | None:
    """Return (type, value) of an identifier as written in an export; None where it is none."""
    text = text.strip()
    if kind == "email":
        return ("email", text.lower()) if "@" in text else None
    if kind in ("external", "shop", "platform"):
        return (kind, text) if text else None
    if BSUID.match(text):
        return "bsuid", text
    number = text.removeprefix("'").strip().removeprefix("whatsapp:").strip()
    if re.fullmatch(r"[+\d\s().\-/\u2010-\u2015]+", number):
        digits = re.sub(r"\D", "", number)
        if digits.startswith("00"):
            digits = digits[2:]
        if 7 <= len(digits) <= 15:
            return "phone", _one_spelling(digits)
    # No number, perhaps a user id: nothing inside it is taken away (SOURCES 4).
    name = text.strip()
    return ("wa_id", name) if kind == "wa_id" and name else None


def _one_spelling(digits: str) -> str:
    if re.fullmatch(r"55\d\d9\d{8}", digits):
        return digits[:4] + digits[5:]
    if re.fullmatch(r"521\d{10}", digits):
        return "52" + digits[3:]
    if re.fullmatch(r"549\d{10}", digits):
        return "54" + digits[3:]
    return digits


class People:
    """The connected components over identifiers seen together."""

    def __init__(
        self,
        sightings: Iterable[Sighting],
        key: bytes,
        max_links: int,
        anomalies: frozenset[Hashable],
        departures: Iterable[tuple[str, datetime]] = (),
    ) -> None:
        # When a number's owner left it: what is seen with it later is somebody else's.
        self.left: dict[Identifier, datetime] = {}
        for text, at in departures:
            if gone := identifier("wa_id", text):
                self.left[gone] = min(self.left.get(gone, at), at)
        # Of each identifier: is its time an anomaly, its first time, its kind there.
        first: dict[Identifier, tuple[bool, datetime, int]] = {}
        links: dict[Identifier, set[Identifier]] = defaultdict(set)
        together_at: dict[tuple[Identifier, Identifier], datetime] = {}
        for sighting in sightings:
            found = [(k, i) for k, text in sighting.identifiers if (i := identifier(k, text))]
            for kind, one in found:
                rank = KIND_ORDER.index(one[0] if one[0] == "bsuid" else kind)
                trace = sighting.event in anomalies, sighting.at, rank
                first[one] = min(first.get(one, trace), trace)
                for _, other in found:
                    if other != one:
                        together = together_at.setdefault((one, other), sighting.at)
                        together_at[one, other] = min(together, sighting.at)
                        links[one].add(other)
        self.first = first
        self.hubs = {
            one
            for one, others in links.items()
            if sum(other[0] != one[0] for other in others) > max_links
        }
        self._parent = {one: one for one in first}
        for one, others in links.items():
            for other in others:
                at = together_at[one, other]
                is_later = any(at > self.left.get(i, NEVER) for i in (one, other))
                if not is_later and not {one, other} & self.hubs:
                    self._parent[self._root(one)] = self._root(other)
        members: dict[Identifier, list[Identifier]] = defaultdict(list)
        for one in first:
            members[self._root(one)].append(one)
        self.members: dict[str, list[Identifier]] = {}
        self._contact_of: dict[Identifier, str] = {}
        for group in members.values():
            name = min(group, key=lambda one: (*first[one], one[1]))
            contact_id = keyed_hash(key, f"{name[0]}:{name[1]}")
            self.members[contact_id] = group
            self._contact_of |= dict.fromkeys(group, contact_id)

    def _root(self, one: Identifier) -> Identifier:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def contact_of(self, who: Iterable[tuple[str, str]]) -> str | None:
        """Return the contact of a record's identifiers; a shared or given-up number comes last."""
        known = [i for k, text in who if (i := identifier(k, text)) in self._contact_of and i]
        known.sort(key=lambda one: one in self.hubs or one in self.left)
        return self._contact_of[known[0]] if known else None

    def without(self, identifiers: Iterable[Identifier]) -> None:
        """Forget numbers that belong to nobody."""
        for one in identifiers:
            self.members.pop(self._contact_of.get(one, ""), None)

    def holding(self, identifiers: Iterable[Identifier]) -> set[str]:
        """Return the contacts that hold one of these identifiers."""
        return {self._contact_of[i] for i in identifiers if i in self._contact_of}
