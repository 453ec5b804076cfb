"""Hostile text and numbers inside an event's data: what is refused, what is made harmless."""

from collections.abc import Callable
from typing import Any

from signals.door.fields import error, escape, shown

DEPTH_MAX = 16
NUMBER_MAX = 2**63
KEY_MAX = 200
_HARMLESS = {0: 0x2400, **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)}


def harmless(value: Any) -> Any:
    """`value` without what PostgreSQL cannot store: NUL becomes its picture, a lone surrogate
    the replacement character. Nothing is dropped: who sends such text is worth seeing."""
    if isinstance(value, str):
        return value.translate(_HARMLESS)
    if isinstance(value, dict):
        return {key.translate(_HARMLESS): harmless(item) for key, item in value.items()}
    if isinstance(value, list):
        return [harmless(item) for item in value]
    return value


class Walk:
    """One pass over an event's data: depth, numbers, names that the catalogue refuses.

    Names repeat from event to event, so each is judged once and remembered (up to a limit, for
    a sender may make up names for ever).
    """

    def __init__(self, refuses: Callable[[str], bool]) -> None:
        self.refuses = refuses
        self.known_good: set[str] = set()

    def errors(self, data: dict[str, Any], pointer: str = "/data") -> list[dict[str, str]]:
        """What is wrong, each with its place. Places are only spelled out when something is."""
        found: list[dict[str, str]] = []
        if self._clean(data, 1):
            return found
        self._walk(data, pointer, 1, found)
        return found

    def _clean(self, value: Any, depth: int) -> bool:
        """Whether nothing is wrong, as far as names known to be good can tell."""
        if depth > DEPTH_MAX:
            return False
        if type(value) is dict:
            if not self.known_good.issuperset(value):
                return False
            value = value.values()
        for item in value:
            kind = type(item)
            if kind is dict or kind is list:
                if not self._clean(item, depth + 1):
                    return False
            elif (kind is int or kind is float) and not -NUMBER_MAX < item < NUMBER_MAX:
                return False
        return True

    def _walk(self, value: Any, pointer: str, depth: int, found: list[dict]) -> None:
        if depth > DEPTH_MAX:
            found.append(error(pointer, "too_deep", f"Nest at most {DEPTH_MAX} levels deep."))
            return
        pairs = value.items() if type(value) is dict else enumerate(value)
        known_good = self.known_good
        for key, item in pairs:
            if type(key) is str and key not in known_good and not self._good(key, pointer, found):
                continue
            kind = type(item)
            if kind is str or kind is bool or item is None:
                continue
            if kind is dict or kind is list:
                self._walk(item, f"{pointer}/{escape(str(key))}", depth + 1, found)
            elif not -NUMBER_MAX < item < NUMBER_MAX and kind is int:
                found.append(
                    error(
                        f"{pointer}/{escape(str(key))}",
                        "out_of_range",
                        "A whole number must fit 64 bits; send longer ones as text.",
                    )
                )
            elif item != item or item in (float("inf"), float("-inf")):
                found.append(
                    error(
                        f"{pointer}/{escape(str(key))}",
                        "out_of_range",
                        "JSON has no NaN and no infinity, and this number is beyond a double.",
                    )
                )

    def _good(self, key: str, pointer: str, found: list[dict]) -> bool:
        if len(key) > KEY_MAX:
            found.append(error(pointer, "too_long", f"A name has at most {KEY_MAX} characters."))
            return False
        if self.refuses(key):
            found.append(
                error(
                    f"{pointer}/{escape(key)}",
                    "refused_by_catalogue",
                    f"{shown(key)} says who a person is, not what they did: the catalogue "
                    "refuses it. Leave it out and send again.",
                )
            )
            return False
        if len(self.known_good) < 10_000:
            self.known_good.add(key)
        return True
