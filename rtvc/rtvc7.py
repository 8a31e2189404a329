"""RTVC-7: a VITS-based synthesizer at frame rate (80 frames/s), from phonemes and a voice to a wave.

After VITS (Kim et al. 2021): a text encoder of 7 layers gives a prior, a flow of 7 coupling steps carries it to the
latents of a posterior encoder, a decoder turns latents into sound. Unlike VITS the alignment is given while training,
pitch is explicit and relative to the voice, and the decoder of 7 blocks stays at frame rate: it filters a harmonic and
a noise source in the time–frequency plane, and an inverse STFT does the rest (as in Vocos, Siuzdak 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization as init
from transformers.utils import ModelOutput

from .model_files import CheckedModel
from .onnx_part import OnnxPart
from .rtvc7_config import RTVC7Config
from .rtvc7_networks import (
    Decoder,
    DurationPredictor,
    Flow,
    PitchPredictor,
    PosteriorEncoder,
    Prior,
    TextEncoder,
    VoiceCondition,
    ZeroLinear,
    turns,
)
from .rtvc7_signal import LOWEST_PITCH, istft, log_mel, mel_to_bins, pulses, stft, white_noise

PITCH_SPREAD = 0.25  # the typical standard deviation of natural-log F0, to scale it
TOP = 2.0  # deviations above its mean: where a voice's questions end
Generators = torch.Generator | list[torch.Generator | None] | None
FURTHEST = 1.5  # natural log of magnitude, 13 dB: how far drawing latents may move a band
UNMEASURED = -3.0, 2.0  # mean and deviation of a mel band of which no speech has been heard yet
MAX_LOG_GAIN = 6.0  # of the decoder's filters: keeps an untrained one finite


def _gain(log_gain: Tensor) -> Tensor:
    return log_gain.clamp(max=MAX_LOG_GAIN).exp()


# ---------------------------------------------------------------------------------------------- the model
@dataclass
class RTVC7Output(ModelOutput):
    """What was said.

    waveform: (batch, samples); lengths: (batch,) samples of each; durations: (batch, tokens) frames;
    f0: (batch, frames) Hz, 0 = unvoiced.
    """

    waveform: Tensor | None = None
    lengths: Tensor | None = None
    durations: Tensor | None = None
    f0: Tensor | None = None


@dataclass
class ProsodyPlan:
    """Lines that are ready to be said: everything but their sound, see :meth:`RTVC7Model.plan`.

    voice, condition, average_spectrum: one vector a line; reference: (batch, number, timbre_size), see
    `reference_frames` in rtvc7_signal.py; durations: (batch, tokens) frames; hidden: (batch, frames,
    hidden_size); mask: (batch, frames, 1); curve: (batch, frames, 2), relative log F0 and voicing; f0: (batch, frames)
    Hz; source: (batch, frames · hop) pulses; noise: (batch, frames, hop + latent_size); temperature: at which latents
    are drawn, the deviation in units of the prior's own.
    """

    voice: Tensor
    condition: Tensor
    average_spectrum: Tensor
    reference: Tensor
    durations: Tensor
    hidden: Tensor
    mask: Tensor
    curve: Tensor
    f0: Tensor
    source: Tensor
    noise: Tensor
    temperature: float


class RTVC7Model(CheckedModel):
    """Phonemes + voice → wave; ``synthesize`` speaks, the parts are public for training.

    ``plan`` and ``render`` are its two halves: what is planned whole may be rendered piece by piece.
    """

    config_class = RTVC7Config
    config: RTVC7Config
    mel_mean: Tensor
    mel_deviation: Tensor
    base_model_prefix = "rtvc7"
    main_input_name = "input_ids"

    def __init__(self, config: RTVC7Config):
        super().__init__(config)
        self.condition = VoiceCondition(config)
        self.text_encoder = TextEncoder(config)
        self.duration_predictor = DurationPredictor(config)
        self.position = nn.Linear(3, config.hidden_size)
        self.pitch_predictor = PitchPredictor(config)
        self.prior = Prior(config)
        self.flow = Flow(config)
        self.posterior_encoder = PosteriorEncoder(config)
        self.decoder = Decoder(config)
        if config.onnx_sizes:
            del self.posterior_encoder  # serves training alone
        for name, size in (config.onnx_sizes or {}).items():
            setattr(self, name, OnnxPart(size))
        self.register_buffer("mel_mean", torch.full((config.latent_size,), UNMEASURED[0]))
        self.register_buffer("mel_deviation", torch.full((config.latent_size,), UNMEASURED[1]))
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, ZeroLinear):
            init.zeros_(module.weight)
            init.constant_(module.bias, module.initial_bias)
        elif isinstance(module, nn.Linear | nn.Conv1d):
            init.trunc_normal_(module.weight, std=1.0 / math.sqrt(module.weight[0].numel()), a=-2.0, b=2.0)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight)
        if isinstance(module, Flow):
            init.copy_(module.order, turns(self.config.latent_size))
        if isinstance(module, RTVC7Model):
            init.constant_(module.mel_mean, UNMEASURED[0])
            init.constant_(module.mel_deviation, UNMEASURED[1])

    # -- pieces shared by training and synthesis
    @staticmethod
    def voice(
        speaker_embedding: Tensor,
        timbre: Tensor,
        pitch_mean: Tensor,
        pitch_std: Tensor,
        tempo: Tensor,
        quality: Tensor,
    ) -> Tensor:
        """All that is known of a voice in one vector, in about unit size: embedding, statistics, average spectrum.

        speaker_embedding: (batch, speaker_size); timbre: (batch, timbre_size), see `long_term_average_spectrum` in
        rtvc7_signal.py; the statistics are (batch,): pitch_mean and pitch_std in natural log of Hz; tempo: the speaking
        rate in syllables a voiced second; quality: dB over the noise.
        """
        traits = [(pitch_mean - 5.0) / PITCH_SPREAD, (pitch_std - 0.2) / 0.1, tempo - 4.5, (quality - 40.0) / 10.0]
        return torch.cat([speaker_embedding, torch.stack(traits, -1), timbre], -1)

    def normalized_mel(self, wave: Tensor) -> Tensor:
        """(batch, samples) → (batch, frames, latent_size), log-mel with about zero mean and unit variance a band."""
        return (log_mel(wave, self.config) - self.mel_mean) / self.mel_deviation

    def expand(self, hidden: Tensor, durations: Tensor) -> Tensor:
        """Repeat each token for its frames and add where in it each frame stands.

        hidden: (batch, tokens, hidden_size); durations: (batch, tokens) whole frames → (batch, frames, hidden_size).
        """
        token, progress, length = token_of_frame(durations)
        where = torch.stack([progress, 1 - progress, torch.log(length.float())], -1).to(hidden.dtype)
        return hidden.gather(1, token[..., None].expand(-1, -1, hidden.shape[2])) + self.position(where)

    def decode(
        self, latents: Tensor, f0: Tensor, voice: Tensor, mask: Tensor, noise: Tensor, source: Tensor | None = None
    ) -> Tensor:
        """Latents (batch, frames, latent_size) and f0 (batch, frames) Hz → wave (batch, frames · hop).

        ``source``: the pulses of f0, where these frames are part of a longer line and its pulses go on.
        """
        config = self.config
        voiced = (f0 > 0).float()
        pitch = torch.stack([voiced * (f0.clamp(min=LOWEST_PITCH).log() - 5.0), voiced], -1)
        harmonic, phase, aperiodic = self.decoder(latents, pitch, voice, mask)
        envelope = latents.float() * self.mel_deviation.float() + self.mel_mean.float()
        bins = mel_to_bins(config.sampling_rate, config.n_fft, config.latent_size, config.mel_top).to(envelope.device)
        base, source = envelope @ bins, pulses(f0, config) if source is None else source
        voiced_part = stft(source, config) * torch.polar(_gain(base + harmonic), phase)
        aperiodic_part = stft(white_noise(noise, config), config) * _gain(base + aperiodic)
        return istft((voiced_part + aperiodic_part) * mask.float(), config)

    # -- synthesis
    def durations(self, hidden: Tensor, condition: Tensor, mask: Tensor, speed: float) -> Tensor:
        """Whole frames a token (batch, tokens); rounding errors are carried on, so that the whole keeps its length,
        which is one frame at least."""
        frames = torch.expm1(self.duration_predictor(hidden, condition, mask)).clamp(min=0.0) / speed
        ends = (frames * mask[..., 0]).cumsum(1).round().long()
        ends = ends + (ends[:, -1:] == 0)
        return torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1]))

    @property
    def receptive_field(self) -> int:
        """How many frames on either side a moment of sound depends on, once pitch and durations are known."""
        layers = self.config.prior_layers + self.config.flow_steps + self.config.decoder_blocks
        return layers * (self.config.kernel_size // 2) + self.config.n_fft // (2 * self.config.hop_length)

    @torch.inference_mode()
    def plan(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        speaker_embedding: Tensor,
        timbre: Tensor,
        pitch_mean: Tensor,
        pitch_std: Tensor,
        tempo: Tensor,
        speed: float = 1.0,
        pitch: float = 0.0,
        variation: float = 0.0,
        generator: Generators = None,
        rise: Tensor | None = None,
        reference: Tensor | None = None,
        edges: tuple[int, int] | None = None,
    ) -> ProsodyPlan:
        """All of some lines but their sound.

        input_ids, attention_mask: (batch, tokens); speaker_embedding: (batch, speaker_size); timbre: (batch,
        timbre_size), the long-term average spectrum; pitch_mean, pitch_std (natural log of Hz) and tempo, the speaking
        rate (syllables per voiced second): (batch,); ``pitch`` shifts by semitones; ``variation`` is the temperature at
        which latents are drawn; ``generator``: one for all lines, or a list with one for each; ``rise`` (batch, tokens)
        in 0…1: how far the pitch is drawn to the top of the voice's range at the end of each token; ``reference``:
        (batch, number, timbre_size), frames of each person's speech, frames of zeros being none; ``edges``: how many
        frames of silence a line begins and ends with at most, none: as it would be read in a longer text.
        """
        quality = torch.full_like(pitch_mean, self.config.recording_quality)
        voice = self.voice(speaker_embedding, timbre, pitch_mean, pitch_std, tempo, quality).to(self.dtype)
        condition = self.condition(voice)
        token_mask = attention_mask[..., None].to(condition.dtype)
        hidden = self.text_encoder(input_ids, condition, token_mask).to(self.dtype)
        durations = self.durations(hidden, condition, token_mask, speed)
        durations = durations if edges is None else without_silence(durations, attention_mask, *edges)
        frames = durations.sum(1)
        mask = (torch.arange(int(frames.max()), device=frames.device) < frames[:, None])[..., None].to(hidden.dtype)
        hidden = self.expand(hidden, durations)
        relative, voicing = self.pitch_predictor(hidden, condition, mask)
        if rise is not None:
            risen = ramps(rise, durations)
            relative = relative.lerp(TOP * pitch_std[:, None] / PITCH_SPREAD, risen)
            voicing = voicing + 3.0 * risen  # statements end in creak, questions do not
        voiced = ((voicing > 0) & (mask[..., 0] > 0)).float()
        curve = torch.stack([relative * voiced, voiced], -1)
        f0 = voiced * torch.exp(relative * PITCH_SPREAD + pitch_mean[:, None] + pitch * math.log(2) / 12)
        noise = _noise(frames, self.config.hop_length + self.config.latent_size, generator).to(hidden.device)
        # Pulses interpolate the pitch between frames. Behind a line's end its last pitch goes on, as it does where the
        # line is by itself; else padding to longer lines of the batch would bend the pitch of its last frame.
        continued = torch.where(mask[..., 0] > 0, f0, f0.gather(1, frames[:, None] - 1))
        source = pulses(continued, self.config) * mask[..., 0].repeat_interleave(self.config.hop_length, 1)
        reference = timbre.new_zeros(len(timbre), 0, timbre.shape[1]) if reference is None else reference
        known = voice, condition, timbre, reference
        return ProsodyPlan(*known, durations, hidden, mask, curve, f0, source, noise, variation)

    @torch.inference_mode()
    def render(self, plan: ProsodyPlan, start: int = 0, stop: int | None = None) -> Tensor:
        """The sound of the frames from ``start`` to ``stop``: (batch, (stop − start) · hop).

        Frames within :attr:`receptive_field` are computed along, so pieces joined in order equal the whole.
        """
        hop, total = self.config.hop_length, plan.mask.shape[1]
        stop = total if stop is None else min(stop, total)
        low, high = max(0, start - self.receptive_field), min(total, stop + self.receptive_field)
        hidden, mask, curve, f0, noise = (
            framewise[:, low:high] for framewise in (plan.hidden, plan.mask, plan.curve, plan.f0, plan.noise)
        )
        mean, log_deviation, context = self.prior(
            hidden, curve, plan.average_spectrum, plan.reference, plan.condition, mask
        )
        latents = self.flow.inverse(mean, context, plan.condition, mask)
        if plan.temperature:
            change = plan.temperature * log_deviation.exp() * noise[..., hop:]
            latents = self.varied(latents, mean + change, context, plan.condition, mask)
        aperiodic, source = noise[..., :hop].flatten(1), plan.source[:, low * hop : high * hop]
        wave = self.decode(latents, f0, plan.voice, mask, aperiodic, source)
        return wave[:, (start - low) * hop : (stop - low) * hop]

    def varied(self, latents: Tensor, drawn: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Latents (batch, frames, latent_size) as another draw from the prior, ``drawn``, has them, each frame as loud
        as before.

        Noise in logarithmic bands adds power, and the flow turns it into a whistle now and then: no band goes further
        than ``FURTHEST`` from where it is without.
        """
        scale = self.mel_deviation.float()
        changed = self.flow.inverse(drawn, context, condition, mask)
        apart = ((changed - latents) * scale).clamp(-FURTHEST, FURTHEST)
        levels = latents * scale + self.mel_mean.float()
        louder = (2 * (levels + apart)).logsumexp(-1, keepdim=True) - (2 * levels).logsumexp(-1, keepdim=True)
        return latents + (apart - louder / 2) / scale

    def synthesize(self, *inputs: Any, **options: Any) -> RTVC7Output:
        """Speak: all that :meth:`plan` makes of its arguments, as sound."""
        plan = self.plan(*inputs, **options)
        lengths = plan.durations.sum(1) * self.config.hop_length
        return RTVC7Output(self.render(plan), lengths, plan.durations, plan.f0)


def without_silence(durations: Tensor, attention_mask: Tensor, opening: int, closing: int) -> Tensor:
    """Durations (batch, tokens) with at most so many frames in a line's first token and in its last two.

    As the tokenizer gives them these are its start, and a pause mark and its end: nothing sounds in them.
    """
    last = attention_mask.sum(1, keepdim=True).long() - 1
    place = torch.arange(durations.shape[1], device=durations.device)
    end = durations.gather(1, last).clamp(max=closing)
    durations = torch.where(place == 0, durations.clamp(max=opening), durations)
    durations = torch.where(place == last, end, durations)
    return torch.where(place == last - 1, torch.minimum(durations, (closing - end).clamp(min=1)), durations)


def token_of_frame(durations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """durations (batch, tokens) → which token each frame belongs to, how far into it the frame is (0…1) and how long
    that token is, each (batch, frames)."""
    ends = durations.cumsum(1)
    frame = torch.arange(int(ends[:, -1].max()), device=durations.device).expand(len(durations), -1).contiguous()
    token = torch.searchsorted(ends, frame, right=True).clamp(max=durations.shape[1] - 1)
    length = durations.gather(1, token).clamp(min=1)
    return token, (frame - (ends.gather(1, token) - length) + 0.5) / length, length


def ramps(values: Tensor, durations: Tensor) -> Tensor:
    """Values at the ends of tokens (batch, tokens), 0 before the first → straight lines between (batch, frames)."""
    token, progress, _ = token_of_frame(durations)
    before = functional.pad(values, (1, 0))[:, :-1].gather(1, token)
    return before + (values.gather(1, token) - before) * progress


def _noise(frames: Tensor, size: int, generator: Generators) -> Tensor:
    """(batch, frames, size) of unit variance. A line with a generator of its own, or with none, gets the same noise in
    a batch as by itself."""
    generators = generator if isinstance(generator, list) else [generator] * len(frames)
    rows = [
        torch.randn(int(count), size, generator=own or torch.Generator().manual_seed(0))
        for count, own in zip(frames, generators, strict=True)
    ]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)
