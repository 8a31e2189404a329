"""The loop that every stage runs in, on Accelerate.

A stage says what is drawn, what is lost and what is kept (:class:`Stage`); the loop does the rest: mixed precision,
accumulation, clipping, averaging, several processes, checkpoints, trackers, progress.

Micro-batches are numbered through all processes, and everything random about one comes from (seed, phase, number):
which process computes it, and whether the run was killed before it, changes nothing.
"""

from __future__ import annotations

import math
import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import (
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
    broadcast,
    gather_object,
    send_to_device,
)
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from rtvc.audio import SAMPLING_RATE
from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.clock import Clock, refuse_another, remember
from rtvc.training.data.corpora import Corpora
from rtvc.training.disk import whole
from rtvc.training.folders import last_checkpoint
from rtvc.training.machine import computes_bf16, refuse_separate_disks
from rtvc.training.models import describe

PATIENCE = timedelta(hours=12)  # other processes wait so long while the first one prepares data
Kept = TypeVar("Kept", bound=nn.Module)
BAR = "{desc} {percentage:5.1f} %|{bar}| {elapsed}<{remaining}{postfix}"


class Stage(Generic[Kept]):
    """What a stage brings to the loop.

    objective: holds everything that learns; called with a batch it returns the losses, ``total`` among them.
    optimizer: of the objective's parameters; ``kept``: the module that is exported, averaged by the config's
    ``average``, where it has one.
    clip: the gradient norm; chosen_by: the evaluation's figure whose lowest value decides what is exported, if any.
    evaluation_parts: how many parts the evaluation has; the processes share them.
    """

    objective: nn.Module
    optimizer: torch.optim.Optimizer
    kept: Kept
    opponent: Any = None
    clip = 1.0
    chosen_by: str | None = None
    evaluation_parts = 0

    def __init__(self, config: dict):
        self.config = config

    @property
    def phases(self) -> list[dict]:
        """One phase with the config's ``steps`` and ``minutes``."""
        return [{"steps": self.config["steps"], "minutes": self.config.get("minutes")}]

    def draw(self, random: np.random.Generator, phase: int) -> Any:
        """One micro-batch."""
        raise NotImplementedError

    def losses(self, batch: Any, clock: Clock) -> dict[str, Tensor]:
        """Named losses; without ``total`` nothing but the opponent learns in this step."""
        return self.objective(batch)

    def rates(self, clock: Clock) -> list[float]:
        """The learning rate of each parameter group."""
        raise NotImplementedError

    def clipped(self) -> list[nn.Parameter]:
        """The parameters whose gradients are clipped together."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def stepped(self) -> None:
        """After every update."""

    def evaluate_part(self, kept: Kept, number: int) -> Any:
        """Part ``number`` of the evaluation; by default named figures, of which the mean is reported."""
        raise NotImplementedError

    def summary(self, found: list) -> dict[str, float]:
        """The parts' figures as one."""
        return {name: float(np.mean([part[name] for part in found])) for name in found[0]} if found else {}

    def sounds(self, kept: Kept) -> dict[str, Tensor]:
        """Named waves at 16 kHz for the tracker."""
        return {}

    def save(self, kept: Kept, folder: Path) -> None:
        """Export what is kept to a ``from_pretrained`` folder."""
        kept.save_pretrained(folder)  # type: ignore[operator]  # a stage that keeps another module has its own


# ---------------------------------------------------------------------------------------------- the loop
class Draws(Dataset):
    """A phase's micro-batches by number."""

    def __init__(self, stage: Stage, phase: int):
        self.stage, self.phase = stage, phase

    def __getitem__(self, number: int) -> tuple[int, Any]:
        random = np.random.default_rng([self.stage.config["seed"], self.phase, number])
        return number, self.stage.draw(random, self.phase)


def _single(sample: Any) -> Any:
    return sample


class Loop:
    """One stage's run, in ``runs/<name>``: ``checkpoints`` to go on from, ``logs`` of the tracker, ``model``."""

    def __init__(self, stage: Stage, config: dict, accelerator: Accelerator, given: dict):
        self.stage, self.config, self.accelerator, self.given = stage, config, accelerator, given
        self.folder = folders.RUNS / config["name"]
        self.clock = Clock(stage.phases)
        self.inner = stage.objective
        stage.objective, stage.optimizer = accelerator.prepare(stage.objective, stage.optimizer)
        self.models = [stage.objective]
        if stage.opponent:
            self.models.append(stage.opponent.prepare(accelerator))
        self.average = None
        if decay := config.get("average"):
            self.average = AveragedModel(stage.kept, multi_avg_fn=moving_average(decay))
            accelerator.register_for_checkpointing(self.average)
        accelerator.register_for_checkpointing(self.clock)
        self.saved = self.began = time.monotonic()
        self.sums: dict[str, tuple[float, int]] = {}  # of each loss since the last log line: sum and count
        self.waited = 0.0

    # -- the run
    def run(self) -> Path:
        """Train to the end; the folder of what was exported."""
        self._resume()
        if self.clock.finished:
            self._say(f"{self.config['name']} is finished; more steps go on with it, another --name starts a new run.")
            return self.folder / "model"
        self._track()
        self.bar = tqdm(total=1.0, bar_format=BAR, disable=None if self.accelerator.is_main_process else True)
        while not self.clock.finished:
            self.bar.reset(total=1.0)
            self.bar.initial = self.clock.progress()
            self._phase()
            self._evaluate(ended=True)
            self.clock.next_phase()
            self.save()
        self.bar.close()
        for tracker in self.accelerator.trackers:  # and not its end_training: the next stage needs the same processes
            tracker.finish()
        return self.folder / "model"

    def _phase(self) -> None:
        batches = iter(self._loader())
        while self.clock.progress() < 1:
            self._step(batches)
            self.clock.tick()
            due = self._agree()
            ended = self.clock.progress() >= 1  # by everybody's clock: all evaluate, or none
            self._log()
            if self.clock.total % self.config["evaluate_every"] == 0 and not ended:
                self._evaluate()
            if due:
                self.save()

    def _loader(self) -> DataLoader:
        """The micro-batches of this process from the present step of the phase on."""
        each = self.accelerator.num_processes * self.accelerator.gradient_accumulation_steps
        phase, workers = self.clock.phases[self.clock.phase], self.config["workers"]
        first = self.clock.step * each + self.accelerator.process_index
        numbers = range(first, phase["steps"] * each, self.accelerator.num_processes)
        forks = "fork" in multiprocessing.get_all_start_methods()
        return DataLoader(
            Draws(self.stage, self.clock.phase),
            batch_size=None,
            sampler=numbers,
            num_workers=workers if forks else 0,
            multiprocessing_context="fork" if forks and workers else None,
            collate_fn=_single,
        )

    def _step(self, batches: Iterator[tuple[int, Any]]) -> None:
        """One update, after as many micro-batches as are accumulated."""
        stage, accelerator = self.stage, self.accelerator
        for group, rate in zip(stage.optimizer.param_groups, stage.rates(self.clock), strict=True):
            group["lr"] = rate
        for _ in range(accelerator.gradient_accumulation_steps):
            began = time.monotonic()
            number, batch = next(batches)
            self.waited += time.monotonic() - began
            seed(self.config["seed"], self.clock.phase, number)
            with accelerator.accumulate(*self.models):
                losses = stage.losses(send_to_device(batch, accelerator.device), self.clock)
                self._check(losses)
                if "total" in losses:
                    self._update(losses["total"])
        stage.stepped()

    def _update(self, total: Tensor) -> None:
        """Back-propagate; a gradient that is not finite is left out."""
        stage, accelerator = self.stage, self.accelerator
        accelerator.backward(total)
        if not accelerator.sync_gradients:
            return
        norm = accelerator.clip_grad_norm_(stage.clipped(), stage.clip)
        if torch.isfinite(norm):
            stage.optimizer.step()
        stage.optimizer.zero_grad()
        if self.average is not None:
            self.average.update_parameters(stage.kept)

    def _check(self, losses: dict[str, Tensor]) -> None:
        """Add the losses up; stop where one is no number."""
        for name, loss in losses.items():
            value = loss.item()
            if not math.isfinite(value):
                raise TrainingError(
                    f"The loss “{name}” of {self.config['name']} became {value} at step {self.clock.total + 1}; start "
                    "again with a lower learning rate, the run goes on from its last checkpoint."
                )
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = (total + value, count + 1)

    def _agree(self) -> bool:
        """Whether a checkpoint is due; the first process's clock is everybody's."""
        due = time.monotonic() - self.saved > 60 * self.config["save_minutes"]
        if self.accelerator.num_processes > 1:
            told = broadcast(torch.tensor([self.clock.seconds, float(due)], device=self.accelerator.device))
            self.clock.seconds, due = float(told[0]), bool(told[1])
        return due

    # -- what is kept
    def save(self) -> None:
        """A checkpoint of everything, complete on the disk before the one before it goes."""
        folder = self.folder / "checkpoints" / f"step_{self.clock.total:07d}"
        if self.accelerator.is_main_process:
            with whole(folder) as new:
                self._save_state(new)
                remember(self.given, new)
            for other in folder.parent.glob("step_*"):
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
        else:
            self._save_state(folder.with_name(f"{folder.name}.new"))
        self.saved = time.monotonic()

    def _save_state(self, folder: Path) -> None:
        """Every process's part; not as safetensors, which cannot hold a module that stands in two places."""
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(folder), safe_serialization=False)
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        found = last_checkpoint(self.folder)
        if not found:
            return
        try:
            self.accelerator.load_state(str(found))
        except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
            raise TrainingError(
                f"The checkpoint “{found}” is of another model or config; give the run another --name, or delete "
                "the folder to begin anew."
            ) from error
        self._say(f"{self.config['name']} goes on from step {self.clock.total}")

    @property
    def kept(self) -> nn.Module:
        """What would be exported now."""
        return self.stage.kept if self.average is None else self.average.module

    def _evaluate(self, ended: bool = False) -> None:
        """Figures of what is kept, sounds for the tracker, and the export, if it is the best so far.

        Of several phases each also leaves ``phase1``, ``phase2``, … when it has ``ended``.
        """
        stage, accelerator, kept = self.stage, self.accelerator, self.kept
        mine = range(accelerator.process_index, stage.evaluation_parts, accelerator.num_processes)
        found = [stage.evaluate_part(kept, number) for number in mine]
        figures = stage.summary(gather_object(found) if accelerator.num_processes > 1 else found)
        if figures:
            self._say(
                f"{self._place()} evaluation " + " ".join(f"{name} {value:.4g}" for name, value in figures.items())
            )
            accelerator.log({f"evaluation/{name}": value for name, value in figures.items()}, self.clock.total)
        best = figures.get(stage.chosen_by, -math.inf) if stage.chosen_by else -math.inf
        if accelerator.is_main_process:
            self._show(stage.sounds(kept))
            names = ["model"] if best <= self.clock.best else []
            names += [f"phase{self.clock.phase + 1}"] if ended and len(self.clock.phases) > 1 else []
            for name in names:
                with whole(self.folder / name) as folder:
                    stage.save(kept, folder)
                    describe(folder, self.config, figures, self.clock.total)
        self.clock.best = min(self.clock.best, best)
        accelerator.wait_for_everyone()

    # -- what is shown
    def _track(self) -> None:
        if not self.accelerator.log_with:
            return
        self.accelerator.init_trackers("logs", config=_flat(self.config))

    def _place(self) -> str:
        phases = len(self.clock.phases)
        phase = f" phase {min(self.clock.phase + 1, phases)} of {phases}," if phases > 1 else ""
        return f"{self.config['name']}{phase} step {self.clock.total}"

    def _log(self) -> None:
        """The losses, where they are due, and what is to be expected of them at this step."""
        every = self.config["log_every"]
        self.bar.n = self.clock.progress()
        if self.clock.total % every:
            self.bar.refresh()
        else:
            self._tell(every)
        if expected := self.config["expect"].get(self.clock.total):
            self._say(f"{self._place()} to expect: {expected}")

    def _tell(self, every: int) -> None:
        """Means of the losses over the last steps, and how much of the time the data took."""
        spent, self.began = time.monotonic() - self.began, time.monotonic()
        means = {name: total / count for name, (total, count) in self.sums.items()}
        means |= {"seconds_a_step": spent / every, "data_share": self.waited / max(spent, 1e-9)}
        self.sums, self.waited = {}, 0.0
        names = sorted(means)
        values = torch.tensor([means[name] for name in names], device=self.accelerator.device)
        means = dict(zip(names, self.accelerator.reduce(values, "mean").tolist(), strict=True))
        self.accelerator.log(means, self.clock.total)
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        self.bar.set_description_str(self._place())
        self.bar.set_postfix_str(shown)
        if self.bar.disable:
            self._say(f"{self._place()} {shown} ({self.clock.progress():.1%})")

    def _show(self, sounds: dict[str, Tensor]) -> None:
        """Waves and their spectrograms to TensorBoard."""
        writers = [tracker.writer for tracker in self.accelerator.trackers if tracker.name == "tensorboard"]
        for name, wave in sounds.items():
            shown = wave.float().cpu()
            for writer in writers:
                writer.add_audio(name, shown[None], self.clock.total, SAMPLING_RATE)
                writer.add_image(name, _picture(shown), self.clock.total)

    def _say(self, line: str) -> None:
        if self.accelerator.is_main_process:
            tqdm.write(line, file=sys.stdout)
            sys.stdout.flush()


def seed(*place: int) -> None:
    """Let everything that torch draws from now on depend on ``place`` alone."""
    torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> 1))


def moving_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Exponential, over the last steps of a run that is shorter than its horizon too: where it starts is forgotten."""

    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], number: Tensor) -> None:
        step = int(number)
        torch._foreach_lerp_(averages, values, 1 - min(decay, (1 + step) / (10 + step)))

    return update


def _picture(wave: Tensor) -> Tensor:
    """(samples,) → (1, bins, frames) 0…1: 80 dB of the short-time spectrum, low frequencies below."""
    spectrum = torch.stft(wave, 512, 160, window=torch.hann_window(512), return_complex=True).abs()
    decibels = 20 * spectrum.clamp(min=1e-6).log10()
    return ((decibels - decibels.max()) / 80 + 1).clamp(0, 1).flip(0)[None]


def _flat(config: dict, before: str = "") -> dict[str, str | int | float]:
    """Nested sections as ``a.b``, and nothing but strings and numbers: what trackers take."""
    flat: dict[str, str | int | float] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{key}.")
        else:
            flat[before + key] = value if isinstance(value, int | float | str) else str(value)
    return flat


def precision(wanted: str) -> str:
    """What is computed in: bf16 where the device does it, else float32.

    Raises:
        TrainingError: another precision. The range of fp16 is too small for the squared spectra in the losses.
    """
    if wanted not in ("bf16", "no"):
        raise TrainingError(
            f"The key “mixed_precision” must be bf16 or no, not {wanted}: the losses’ spectra overflow in anything of "
            "less range; where the device has no bf16, no is taken by itself."
        )
    return "no" if wanted == "bf16" and not computes_bf16("cuda" if torch.cuda.is_available() else "cpu") else wanted


def _accelerator(config: dict) -> Accelerator:
    tracker = config["tracker"]
    try:
        return Accelerator(
            cpu=not torch.cuda.is_available(),
            mixed_precision=precision(config["mixed_precision"] or "no"),  # YAML reads no as false
            gradient_accumulation_steps=config["gradient_accumulation_steps"],
            log_with=tracker if tracker and tracker != "none" else None,
            project_dir=folders.RUNS / config["name"],
            kwargs_handlers=[
                DistributedDataParallelKwargs(find_unused_parameters=True),  # parts of the models rest in some steps
                InitProcessGroupKwargs(timeout=PATIENCE),
            ],
        )
    except ValueError as error:
        raise TrainingError(f"{str(error).splitlines()[0]} (keys “mixed_precision” and “tracker”).") from error


def train(stage: type[Stage], config: dict, given: dict | None = None) -> Path:
    """Run a stage to its end, from its last checkpoint if there is one; the folder of what was exported.

    ``given``: the config before what it names was looked for; by it a run is known when it goes on.

    Raises:
        TrainingError: a loss is no number, a file cannot be written, a checkpoint is of another model or config.
    """
    if found := last_checkpoint(folders.RUNS / config["name"]):
        refuse_another(given or config, found)
    if config["threads"]:
        torch.set_num_threads(config["threads"])
    accelerator = _accelerator(config)
    try:
        refuse_separate_disks()
        seed(config["seed"])
        with accelerator.main_process_first():  # it fills the caches
            ready = stage(config)
        if accelerator.is_main_process and isinstance(corpora := config.get("corpora"), Corpora):
            for line in corpora.warnings(ready.evaluation_parts > 0, "noises" in config):
                print(line, flush=True)
        return Loop(ready, config, accelerator, given or config).run()
    finally:
        AcceleratorState._reset_state()  # the next stage of this process may have another precision
