"""What the browser does by itself: it loses no text by a reload and no voice by a second tab, and says in a sentence
what gradio says in none, or in a list of types."""

from __future__ import annotations

import gradio as gr

from rtvc.page.serving import QUIET
from rtvc.page.shelf import choices

ELSEWHERE = "shelf-elsewhere"  # the id of a button that nobody sees: the shelf was changed in another tab
REFUSED = "no-microphone"  # likewise: the browser, or its owner, refused
NO_MICROPHONE = "The browser gives the page no microphone; allow it beside the address, or upload a recording."
NO_SOUND = "This file cannot be used here; a recording is WAV, FLAC, OGG or MP3, and a saved voice ends in .voice."
# A text stays in its tab until that is closed. What a link brings goes before it. gradio makes a box when its tab or
# fold is first opened, and tells of none.
BEGIN = """() => {
  const boxes = ['words', 'script', 'names'], waiting = new Set(location.search ? [] : boxes);
  document.addEventListener('input', ({target}) => {
    const box = target.closest('#words, #script, #names');
    if (box) sessionStorage.setItem(`rtvc-${box.id}`, target.value);
  });
  const media = navigator.mediaDevices, open = media?.getUserMedia.bind(media);
  if (media) media.getUserMedia = (wanted) => open(wanted).catch((error) => {
    document.querySelector('#REFUSED').click();
    throw error;
  });
  const look = () => {
    for (const toast of document.querySelectorAll('.toast-text'))
      if (toast.textContent.startsWith('Invalid file type')) toast.textContent = 'NO_SOUND';
    for (const id of waiting) {
      const area = document.querySelector(`#${id} textarea`), text = sessionStorage.getItem(`rtvc-${id}`);
      if (!area) continue;
      waiting.delete(id);
      if (text === null || text === area.value) continue;
      area.value = text;
      area.dispatchEvent(new Event('input', {bubbles: true}));
    }
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
  look();
  window.rtvcTabs = new BroadcastChannel('rtvc-shelf');
  window.rtvcTabs.onmessage = ({data}) => {
    if (data === window.rtvcShelf) return;
    window.rtvcShelf = data;
    document.querySelector('#ELSEWHERE').click();
  };
}"""
for name, value in (("ELSEWHERE", ELSEWHERE), ("REFUSED", REFUSED), ("NO_SOUND", NO_SOUND)):
    BEGIN = BEGIN.replace(name, value)
# Each tab has read the shelf when it was opened, and writes the whole of it: it would write over what another one kept.
TELL = """(shelf) => {
  const text = JSON.stringify(shelf);
  if (text !== window.rtvcShelf) {
    window.rtvcShelf = text;
    window.rtvcTabs?.postMessage(text);
  }
  return [];
}"""


def build(demo: gr.Blocks, shelf: gr.BrowserState, chosen: gr.Dropdown, other: gr.Dropdown) -> None:
    """What happens when the page is opened, and when the shelf is changed, here or elsewhere."""
    elsewhere = gr.Button("The shelf was changed in another tab", elem_id=ELSEWHERE)
    refused = gr.Button("The microphone was refused", elem_id=REFUSED)
    refused.click(lambda: gr.Warning(NO_MICROPHONE), **QUIET)
    demo.load(None, js=BEGIN, **QUIET)
    shelf.change(None, shelf, None, js=TELL, **QUIET)
    elsewhere.click(None, None, shelf, js="() => [JSON.parse(window.rtvcShelf)]", **QUIET).then(
        choices, [shelf, chosen], [chosen, other], **QUIET
    )
