"""Which characters of a text each character of what it was turned into comes from."""

from __future__ import annotations

import os
import re
from difflib import SequenceMatcher

Span = tuple[int, int]


class Trace:
    """The origins of a text's characters, while rules rewrite it. A replaced piece comes from all that it replaces."""

    def __init__(self, text: str) -> None:
        self.origins: list[Span] = [(place, place + 1) for place in range(len(text))]

    def sub(self, pattern: re.Pattern[str], replacement: object, text: str) -> str:
        """`pattern.sub(replacement, text)`."""
        pieces, origins, end = [], [], 0
        for match in pattern.finditer(text):
            new = replacement(match) if callable(replacement) else match.expand(str(replacement))
            pieces += [text[end : match.start()], new]
            origins += self.origins[end : match.start()] + self._replaced(match[0], new, match.start())
            end = match.end()
        if not pieces:
            return text
        self.origins = origins + self.origins[end:]
        return "".join([*pieces, text[end:]])

    def change(self, before: str, after: str) -> str:
        """A step that changes single characters here and there; returns what it has made.

        Letters and digits that are all kept are the same ones, whatever became of what stands between them.
        """
        if before == after:
            return after
        old, new = ([place for place, c in enumerate(text) if c.isalnum() or c == "Ⓐ"] for text in (before, after))
        if [before[place].lower() for place in old] == [after[place].lower() for place in new]:
            self.origins = self._between(before, after, old, new)
            return after
        origins = []
        old_small, new_small = (text.lower() if len(text.lower()) == len(text) else text for text in (before, after))
        for kind, start, stop, first, last in SequenceMatcher(None, old_small, new_small, False).get_opcodes():
            kept = self.origins[start:stop]
            origins += kept if kind == "equal" else [self._span(start, stop)] * (last - first)
        self.origins = origins
        return after

    def _between(self, before: str, after: str, old: list[int], new: list[int]) -> list[Span]:
        """The origins where the characters at the places `old` and `new` are the same."""
        origins, start, first = [], 0, 0
        for stop, last in zip([*old, len(before)], [*new, len(after)], strict=True):
            kept = self.origins[start:stop]
            origins += kept if before[start:stop] == after[first:last] else [self._span(start, stop)] * (last - first)
            origins += self.origins[stop : stop + 1]
            start, first = stop + 1, last + 1
        return origins

    def _replaced(self, old: str, new: str, start: int) -> list[Span]:
        """Of a new piece; what it begins and ends with like the old one stays where it was."""
        head = len(os.path.commonprefix([old, new]))
        tail = len(os.path.commonprefix([old[head:][::-1], new[head:][::-1]]))
        middle = self._span(start + head, start + len(old) - tail)
        kept = self.origins[start : start + len(old)]
        return kept[:head] + [middle] * (len(new) - head - tail) + kept[len(old) - tail :]

    def _span(self, start: int, stop: int) -> Span:
        """From the first to the last origin of some characters; of none, the empty span before the next."""
        some = self.origins[start:stop]
        if some:
            return min(first for first, _ in some), max(last for _, last in some)
        place = self.origins[start][0] if start < len(self.origins) else self.origins[-1][1] if self.origins else 0
        return place, place
