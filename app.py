"""The demo page: five seconds of a voice and a line of text in, that line in that voice out.

    python app.py [FOLDER]     # of a model; the bundled one without

It opens at http://127.0.0.1:7860; GRADIO_SERVER_PORT and GRADIO_SERVER_NAME are respected. Its functions are an API and
an MCP server too. Its files lie in a folder of their own, in GRADIO_TEMP_DIR where that is set, until the page ends.

What a person sees is in `rtvc.page`, everything that it does in `rtvc`; here is only what has to be in order before.
It needs no network. The server stores no voice: saved ones lie in the visitor's browser, and every call brings the one
that it speaks with. Only the pipeline remembers the newest that it enrolled, by their sound, until the server ends.
"""

from __future__ import annotations

import contextlib
import os
import sys


def main(arguments: list[str]) -> int:
    """Load the model and open the page."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with contextlib.suppress(ImportError):
        import spaces  # noqa: F401 (a Space on ZeroGPU lends its GPU; its package must come before torch)
    import torch

    import rtvc
    from rtvc.page.files import Files

    files = Files(os.environ.get("GRADIO_TEMP_DIR") or None)
    files.remove_at_end()
    files.sweep_regularly()
    try:
        clone = rtvc.load(*arguments[:1], device=0 if torch.cuda.is_available() else -1)
    except rtvc.RTVCError as error:
        print(error, file=sys.stderr)
        return 2
    os.environ["GRADIO_TEMP_DIR"] = str(files.uploads)  # gradio asks for it when the next line imports it
    from rtvc.page.layout import serve

    serve(clone, files)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
