"""What Speech Dispatcher starts: `python -m rtvc.speechd CONFIG`."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from rtvc.speechd.protocol import Module
from rtvc.speechd.voices import Config, Speaker

AWAKE = 0.001  # seconds, of usually 5, until a thread that computes lets the one that hears a stop go on


def main(config: str) -> int:
    """Answer the daemon on standard output, which nobody else may write to; its exit code."""
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)
        warnings.filterwarnings("ignore")
        sys.setswitchinterval(AWAKE)
        source = sys.stdin.buffer
        if source.readline() != b"INIT\n":
            return 3
        try:
            speaker = Speaker(Config.read(Path(config)))
        except Exception as error:  # the daemon takes another module instead
            sink.write(f"399-{' '.join(str(error).split())}\n399 ERR CANT INIT MODULE\n".encode())
            return 1
        sink.write(b"299-rtvc speaks.\n299 OK LOADED SUCCESSFULLY\n")
        sink.flush()
        Module(speaker, source, sink).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [""]))
