"""The words of a clone, each highlighted while it is heard."""

from __future__ import annotations

import html
from collections.abc import Iterable

from rtvc.times import TimedWord

PLAYER = "result"  # the id of the player that they belong to
# The browser tells of a player's time four times a second, too seldom for words: it is asked before each frame. The
# page brings the words anew with each piece of a stream, so they are looked up each time. `element` holds them.
FOLLOW = """
const mark = (time) => {
  let heard = null;
  for (const word of element.querySelectorAll('[data-start]')) if (Number(word.dataset.start) <= time) heard = word;
  if (heard && Number(heard.dataset.end) < time) heard = null;
  for (const word of element.querySelectorAll('.now')) if (word !== heard) word.classList.remove('now');
  if (heard) heard.classList.add('now');
};
const follow = (player) => {
  mark(player.ended ? -1 : player.currentTime);
  if (!player.paused && player.isConnected) requestAnimationFrame(() => follow(player));
};
for (const event of ['playing', 'seeked', 'ended', 'emptied'])
  document.addEventListener(event, ({target}) => { if (target.closest?.('#PLAYER')) follow(target); }, true);
""".replace("PLAYER", PLAYER)


def as_html(words: Iterable[TimedWord]) -> str:
    """Words with their times, seconds, which `FOLLOW` reads."""
    return " ".join(
        f'<span data-start="{word["start"]:.3f}" data-end="{word["end"]:.3f}">{html.escape(word["word"])}</span>'
        for word in words
    )
