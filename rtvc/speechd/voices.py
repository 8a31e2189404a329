"""The voices that programs may choose from, the model that speaks them, and the file that says which they are."""

from __future__ import annotations

import shlex
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rtvc.errors import RTVCError, VoiceError, quoted
from rtvc.files import atomic_write
from rtvc.loading import load
from rtvc.voice import Voice, voices_in

FIRST = "Hello."  # is said before anybody waits for it, which loads the dictionary and tells whether the voice is fit


class Config(NamedTuple):
    """A folder of voices, the name of the one that speaks unless another is asked for, and the model."""

    folder: Path
    voice: str
    model: str | None = None
    revision: str | None = None

    def write(self, path: Path) -> None:
        """As lines of a name and a value in quotes, as Speech Dispatcher's own files have them."""
        lines = [f"{name} {shlex.quote(str(value))}\n" for name, value in self._asdict().items() if value is not None]
        with atomic_write(path) as written:
            written.write_text("# Written by `rtvc speechd`.\n" + "".join(lines), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Config:
        """What was written.

        Raises:
            RTVCError: it cannot be read.
        """
        try:
            given = dict(shlex.split(line, comments=True) for line in path.read_text(encoding="utf-8").splitlines()[1:])
            return cls(Path(given.pop("folder")), **given)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RTVCError(f"{quoted(path.name)} cannot be read; write it again with `rtvc speechd`.") from error


def chosen(folder: Path, name: str | None) -> str:
    """The voice that speaks unless another is asked for: the one that is named, or the first.

    Raises:
        VoiceError: there is none.
    """
    try:
        names = list(voices_in(folder))
    except OSError as error:
        raise VoiceError(f"{quoted(folder)} is no folder; give the one where your voices are.") from error
    if not names:
        raise VoiceError(f"{quoted(folder.name)} holds no voice; put one there with `rtvc enroll`, or a recording.")
    if name is not None and name not in names:
        raise VoiceError(f"There is no voice {quoted(name)}; choose one of {', '.join(names[:20])}.")
    return name or names[0]


class Speaker:
    """The model and its voices.

    Raises:
        RTVCError: neither the model nor the usual voice can be used.
    """

    def __init__(self, config: Config) -> None:
        self._folder, self._usual = config.folder, chosen(config.folder, config.voice)
        self.clone = load(config.model, config.revision)
        self.rate = self.clone.model.config.sampling_rate
        self._known = lru_cache(64)(lambda path, _: self.clone.open_voice(path))
        for _ in self.clone.stream(FIRST, voice=self.find(None)):
            pass

    def names(self) -> list[str]:
        """Of the voices, the usual one first."""
        return sorted(voices_in(self._folder), key=lambda name: (name != self._usual, name))

    def find(self, name: str | None) -> Voice:
        """The voice of a name, or the usual one: better another voice than none.

        Raises:
            RTVCError: it cannot be used.
        """
        files = voices_in(self._folder)
        if name in files and name != self._usual:
            try:
                return self._of(files[name])
            except RTVCError:
                pass
        return self._of(files.get(self._usual) or files[chosen(self._folder, None)])

    def _of(self, path: Path) -> Voice:
        return self._known(path, path.stat().st_mtime_ns)
