"""What a program, or a person in Orca's preferences, asks of the voice: Speech Dispatcher's settings as ours."""

from __future__ import annotations

from typing import Any

from rtvc.lines import PAUSE_BETWEEN_SENTENCES

NUMBERS = ("rate", "pitch", "volume")  # each from -100 to 100
OTHERS = ("pitch_range", "punctuation_mode", "voice", "language")  # the daemon reads punctuation itself


class Settings:
    """The settings of the message to come."""

    def __init__(self) -> None:
        self._numbers = {"rate": 0, "pitch": 0, "volume": 100}
        self.voice: str | None = None
        self.spelled = self.says_capitals = False

    def change(self, name: str, value: str) -> bool:
        """Take a setting; False if it is none, or has a value that it cannot have."""
        if name in NUMBERS:
            try:
                self._numbers[name] = min(max(int(value), -100), 100)
            except ValueError:
                return False
        elif name == "synthesis_voice":
            self.voice = None if value == "NULL" else value
        elif name == "spelling_mode":
            self.spelled = value == "on"
        elif name == "cap_let_recogn":
            self.says_capitals = value in ("spell", "icon")
        else:
            return name in OTHERS
        return True

    def options(self) -> dict[str, Any]:
        """Of a call of the pipeline: a rate of 100 is four times as fast, a pitch of 100 an octave up."""
        speed = 4.0 ** (self._numbers["rate"] / 100)
        pause = min(PAUSE_BETWEEN_SENTENCES / speed, 1.0)
        return {"speed": speed, "pitch": 12.0 * self._numbers["pitch"] / 100, "pause": pause}

    @property
    def gain(self) -> float:
        """What samples are multiplied by, 1 at the daemon's usual volume of 100."""
        return (self._numbers["volume"] + 100) / 200
