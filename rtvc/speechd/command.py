"""`rtvc speechd`: makes the voices of a folder known to Speech Dispatcher."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from rtvc.errors import RTVCError, quoted
from rtvc.files import atomic_write
from rtvc.loading import model_folder
from rtvc.speechd.voices import Config, chosen

SCRIPT = """#!/bin/sh
# Written by `rtvc speechd`: Speech Dispatcher starts this, with the path of its configuration.
exec {} -m rtvc.speechd "$@"
"""


def install(folder: str, voice: str | None = None, model: str | None = None, revision: str | None = None) -> list[Path]:
    """Write the module's configuration and the program that the daemon starts, where it looks for those of a person.

    Args:
        folder: of saved voices and recordings.
        voice: the one that speaks unless another is asked for; the first without it.
        model, revision: as of :func:`rtvc.load`.

    Returns:
        the two files.

    Raises:
        RTVCError: the voices or the model cannot be used, or the files cannot be written.
    """
    usual = chosen(Path(folder), voice)
    if model is not None:
        place = model_folder(model, revision)
        model = str(place.resolve()) if place.exists() and Path(model).exists() else model
    home = Path.home()
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "speech-dispatcher" / "modules"
    programs = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share").parent / "libexec"
    config, program = settings / "rtvc.conf", programs / "speech-dispatcher-modules" / "sd_rtvc"
    try:
        for path in (config, program):
            path.parent.mkdir(parents=True, exist_ok=True)
        Config(Path(folder).resolve(), usual, model, revision).write(config)
        with atomic_write(program) as written:
            written.write_text(SCRIPT.format(shlex.quote(sys.executable)), encoding="utf-8")
        program.chmod(0o755)
    except OSError as error:
        raise RTVCError(f"{quoted(error.filename or config)} cannot be written ({error.strerror}).") from error
    return [config, program]
