"""Clone a dataset across processes or GPUs: accelerate launch --num_processes 2 examples/batch.py ROWS.csv OUTPUT

Without GPUs, two processes are `torchrun --nproc_per_node 2 examples/batch.py ROWS.csv OUTPUT`. A row has the columns
`name`, `text` and `voice` (a recording or a saved voice; paths may be relative to the table). Each becomes
OUTPUT/name.wav; what is there already is passed over, so a run that stopped goes on. What is refused is listed in
OUTPUT/refused-*.txt and stops nothing.
"""

from __future__ import annotations

import csv
import sys
from functools import lru_cache
from pathlib import Path

import torch
from accelerate import PartialState
from transformers import pipeline

from rtvc import RTVCError, Voice, audio


def main(table: str, output: str) -> None:
    state, folder = PartialState(cpu=not torch.cuda.is_available()), Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    left = [row for row in rows if not (folder / f"{row['name']}.wav").exists()]
    state.wait_for_everyone()  # all have looked before anyone writes, so that all share out the same rows
    clone = pipeline("voice-cloning", device=state.device)

    @lru_cache(maxsize=256)
    def voice(path: str) -> Voice:
        place = Path(table).parent / path
        return Voice.load(place) if place.suffix == ".voice" else clone.enroll(place)

    refused = []
    with state.split_between_processes(left) as mine:
        for row in mine:
            try:
                speech = clone(row["text"], voice=voice(row["voice"]))
                audio.write(folder / f"{row['name']}.wav", speech["audio"], speech["sampling_rate"], clone.provenance)
            except RTVCError as error:
                refused.append(f"{row['name']}: {error}")
    (folder / f"refused-{state.process_index}.txt").write_text("\n".join(refused))
    print(f"process {state.process_index}: {len(mine) - len(refused)} of {len(rows)} made, {len(refused)} refused")
    state.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
