"""What the models are trained by: RTVC-7's spectra, voices kept the same, SayEN's objectives, Tuned-GE2E's GE2E.

A published model holds none of this.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.audio_utils import mel_filter_bank

from rtvc.earspeech import EarSpeechModel
from rtvc.rtvc7_config import RTVC7Config
from rtvc.rtvc7_signal import LOG_FLOOR, UNIT_RATE, band_edges, log_mel, mel_filters, stft
from rtvc.sayen import TINY, SayENConfig, SayENModel, compress, ear_aligned_stft
from rtvc.training import speaker_teacher
from rtvc.tuned_ge2e import TunedGE2EModel

# ---------------------------------------------------------------------------------------------- RTVC-7
RESOLUTIONS = (256, 512, 1024)  # windows of the spectra compared, in samples at 16 kHz; a quarter of it is the hop
MEL_WEIGHT = 1.0
POWER_SECONDS = 0.125  # over which a band's power is averaged
ROOM = 0.95, 0.9  # of a bandwidth: sound ends there, fading from here on; what resamplers and codecs leave of it


def magnitudes(wave: Tensor, window_length: int, rate: int) -> Tensor:
    """(batch, samples) at ``rate`` Hz → (batch, bins, frames), a sound's being the same at any rate.

    ``window_length`` is in samples at 16 kHz; white noise of unit variance at 16 kHz has power 1.
    """
    size = window_length * rate // UNIT_RATE
    window = torch.hann_window(size, device=wave.device)
    spectra = torch.stft(wave, size, size // 4, size, window, return_complex=True)
    return spectra.abs() / (window.square().sum() * (rate / UNIT_RATE)).sqrt()


def _limit(bandwidth: Tensor, rate: int) -> Tensor:
    """Hz up to which recordings of a bandwidth (rows,) teach a model of that rate; infinite where they hold all."""
    return torch.where(bandwidth >= rate / 2, torch.inf, ROOM[0] * bandwidth)


def bands_heard(bandwidth: Tensor, config: RTVC7Config) -> Tensor:
    """(rows,) Hz → (rows, latent_size), 1.0 for the mel bands in which recordings of these bandwidths hold sound."""
    top = torch.from_numpy(band_edges(config.latent_size, config.mel_top)[2:]).to(bandwidth)
    return (top <= _limit(bandwidth, config.sampling_rate)[:, None]).to(bandwidth)


def band_limited(waves: Tensor, bandwidth: Tensor, rate: int) -> Tensor:
    """(rows, samples) without what lies above each row's ``bandwidth`` (rows,), so that a recording that never had it
    can be compared with speech that has."""
    limit = _limit(bandwidth, rate)[:, None]
    if torch.isinf(limit).all():
        return waves
    spectra = torch.fft.rfft(waves.float())
    frequencies = torch.linspace(0, rate / 2, spectra.shape[1], device=waves.device)
    width = bandwidth[:, None] * (ROOM[0] - ROOM[1])
    return torch.fft.irfft(spectra * ((limit - frequencies) / width).clamp(0, 1), waves.shape[1])


def at_16_khz(waves: Tensor, rate: int) -> Tensor:
    """(rows, samples) at ``rate`` → (rows, samples · 16,000 / rate), for listeners that hear no more."""
    if rate == UNIT_RATE:
        return waves
    samples = waves.shape[1] * UNIT_RATE // rate
    spectra = torch.fft.rfft(waves.float())[:, : samples // 2 + 1]
    return torch.fft.irfft(spectra, samples) * (samples / waves.shape[1])


def spectral_loss(generated: Tensor, real: Tensor, config: RTVC7Config) -> Tensor:
    """Log-magnitude L1 and spectral convergence (Yamamoto et al. 2020) at three resolutions, plus log-mel L1.

    All hear down to where the latents do, 60 dB below speech: 20 dB above that lie four fifths of what a wide
    recording holds above 8 kHz, and half of everything.
    """
    with torch.autocast(generated.device.type, enabled=False):
        return _spectral_loss(generated.float(), real.float(), config)


def _spectral_loss(generated: Tensor, real: Tensor, config: RTVC7Config) -> Tensor:
    total = MEL_WEIGHT * functional.l1_loss(log_mel(generated, config), log_mel(real, config))
    for size in RESOLUTIONS:
        mine, theirs = (magnitudes(wave, size, config.sampling_rate) for wave in (generated, real))
        logs = functional.l1_loss(mine.clamp(min=LOG_FLOOR).log(), theirs.clamp(min=LOG_FLOOR).log())
        convergence = (mine - theirs).norm() / theirs.norm().clamp(min=1e-3)
        total = total + (logs + 0.5 * convergence) / len(RESOLUTIONS)
    return total


def band_power_loss(generated: Tensor, real: Tensor, config: RTVC7Config) -> Tensor:
    """L1 of the logarithm of each mel band's mean power in an eighth of a second.

    What is likeliest in logarithms lies below the mean: a voice that is sure of its level at no moment whispers where a
    person's level varies, as above 8 kHz.
    """
    with torch.autocast(generated.device.type, enabled=False):
        mine, theirs = (_band_levels(wave.float(), config) for wave in (generated, real))
        return functional.l1_loss(mine, theirs)


def _band_levels(wave: Tensor, config: RTVC7Config) -> Tensor:
    """(rows, samples) → (rows, bands, times), natural logarithms of the root of the mean power."""
    filters = mel_filters(config.sampling_rate, config.n_fft, config.latent_size, config.mel_top).to(wave.device)
    power = (stft(wave, config).abs().square() @ filters).transpose(1, 2)
    frames = min(power.shape[2], round(POWER_SECONDS * config.sampling_rate / config.hop_length))
    means = functional.avg_pool1d(power, frames, max(1, frames // 2))
    return 0.5 * means.clamp(min=LOG_FLOOR**2).log()


class Consistency(nn.Module):
    """1 − cosine of a frozen encoder's embeddings of speech generated and real (YourTTS, Casanova et al. 2022).

    Both (batch, samples) at 16 kHz with the same words, so that only the voice is compared.
    """

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            target = self.embed(real)
        return 1 - (self.embed(generated) * target).sum(-1).mean()

    def embed(self, wave: Tensor) -> Tensor:
        """(batch, samples) at 16 kHz → (batch, 256) of unit length."""
        raise NotImplementedError


class SpeakerConsistency(Consistency):
    """By EarSpeech and Tuned-GE2E."""

    def __init__(self, earspeech: nn.Module, tuned_ge2e: nn.Module):
        super().__init__()
        self.earspeech, self.encoder = (module.eval().requires_grad_(False) for module in (earspeech, tuned_ge2e))

    def embed(self, wave: Tensor) -> Tensor:
        features = self.earspeech(wave).features
        return self.encoder(features).speaker_embedding


class SpeakerFeatures(nn.Module):
    """How far what EarSpeech and Tuned-GE2E make of each moment is from what they make of the recording's.

    The embedding of a whole window says that a voice is another, the features of its frames where and how. Waves
    generated and real, each (batch, samples) at 16 kHz, said at the same time → mean L1, relative to the size of the
    features.
    """

    def __init__(self, earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel):
        super().__init__()
        self.earspeech, self.encoder = earspeech.eval().requires_grad_(False), tuned_ge2e.eval().requires_grad_(False)

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self._features(real)
        pairs = zip(self._features(generated), wanted, strict=True)
        return torch.stack([(mine - right).abs().mean() / right.abs().mean() for mine, right in pairs]).mean()

    def _features(self, wave: Tensor) -> list[Tensor]:
        features = self.earspeech(wave).features
        hidden, mask = self.encoder.stem(features, features.new_ones(len(features), 1, features.shape[1]))
        maps = [features, hidden]
        for block in self.encoder.blocks:
            maps.append(block(maps[-1], mask))
        return maps


class SpeakerTeacherConsistency(Consistency):
    """By the speaker teacher, which taught Tuned-GE2E.

    A second listener hears in a voice what the first one, whose embedding the voice was made from, does not.
    """

    N_FFT, HOP_LENGTH, BANDS = 400, 160, 40  # of the power mel spectrum that it was trained on
    bank: Tensor
    QUIET = 10 ** (-30 / 20)  # of full scale, root mean square: what is quieter is raised to this

    def __init__(self) -> None:
        super().__init__()
        self.encoder: Any = speaker_teacher.load()
        bank = mel_filter_bank(
            self.N_FFT // 2 + 1,
            self.BANDS,
            0.0,
            speaker_teacher.SAMPLING_RATE / 2,
            speaker_teacher.SAMPLING_RATE,
            "slaney",
            "slaney",
        )
        self.register_buffer("bank", torch.from_numpy(bank).float())

    def embed(self, wave: Tensor) -> Tensor:
        with torch.autocast(wave.device.type, enabled=False):
            wave = wave.float()
            level = wave.detach().square().mean(1, keepdim=True).sqrt()
            wave = wave * (self.QUIET / level.clamp(min=1e-5)).clamp(min=1.0)
            window = torch.hann_window(self.N_FFT, device=wave.device)
            spectra = torch.stft(
                wave, self.N_FFT, self.HOP_LENGTH, self.N_FFT, window, pad_mode="constant", return_complex=True
            )
            self.encoder.lstm.train()  # or cuDNN refuses its gradient; without dropout it computes the same
            return self.encoder(spectra.abs().square().transpose(1, 2) @ self.bank)


# ---------------------------------------------------------------------------------------------- SayEN
# Constants of ITU-T P.862 (wide band, P.862.2): bins of 31.25 Hz in each of 49 bands, hearing thresholds of the bands
# in dB, and the scales of power and loudness.
BARK_BINS: tuple[int, ...] = (1,) * 8 + (2, 1, 1, 1, 1, 1, 2, 1, 1) + (2,) * 8 + (3,) * 4
BARK_BINS += (4, 3, 4, 5, 4, 5, 6, 6, 7, 8, 9, 9, 12, 12, 15, 16, 18, 21, 25, 20)
THRESHOLDS_DB: tuple[float, ...] = (77.1, 63.9, 48.5, 36.9, 30.7, 25.9, 20.2, 16.6, 12.5, 9.9, 6.9, 4.9, 2.8, 1.0)
THRESHOLDS_DB += (-0.1, -1.4, -2.5, -3.4, -4.1, -4.8, -5.3, -5.7, -5.9, -6.0, -6.0, -6.0, -6.0, -5.8, -5.4, -5.1)
THRESHOLDS_DB += (-4.7, -4.3, -4.0, -3.6, -3.3, -3.1, -3.0, -3.0, -2.9, -2.8, -2.8, -2.8, -2.9, -3.2, -3.7, -4.3, -4.4)
THRESHOLDS_DB += (-3.8, -2.7)
POWER_SCALE, LOUDNESS_SCALE, ZWICKER = 6.910853e-6, 0.1866055, 0.23
LISTENING_POWER = 1e7  # of speech between 350 Hz and 3.25 kHz, in the standard's 16-bit units
INTERVAL, INTERVAL_STEP = 20, 10  # frames of 16 ms over which disturbances are joined (320 ms, half overlapping)


@functools.cache
@torch.inference_mode(False)  # tensors made in inference mode could not be trained through
def _bark_bands() -> tuple[Tensor, Tensor, Tensor]:
    """Filters (256 bins, 49 bands) to power a Bark, thresholds (49,) as power, widths (49,) in Bark."""
    edges = torch.tensor((0, *BARK_BINS)).cumsum(0)
    bins = torch.arange(256)
    inside = (bins[:, None] >= edges[None, :-1]) & (bins[:, None] < edges[None, 1:])
    kilohertz = (edges[1:] + edges[:-1] - 1) / 2 * 31.25e-3
    hertz_a_bark = 25 + 75 * (1 + 1.4 * kilohertz**2) ** 0.69  # Zwicker & Terhardt 1980
    filters = inside / torch.tensor(BARK_BINS) * hertz_a_bark * POWER_SCALE
    widths = 0.318 * (0.585 / 0.318) ** ((torch.arange(49) - 1) / 47)
    widths[0] /= 2
    return filters, 10 ** (torch.tensor(THRESHOLDS_DB) / 10), widths


def _bark_power(wave: Tensor) -> Tensor:
    """(batch, samples) → (batch, frames, 49), power in each band at listening level."""
    window = torch.hann_window(512, device=wave.device)
    power = torch.fft.rfft(wave.unfold(1, 512, 256) * window).abs().square()[..., :256]
    speech = power[..., 11:104].sum(2).mean(1) * 2 / (512 * window.square().sum())  # mean square, 350 to 3250 Hz
    high_pass = 1 - torch.exp(-((torch.arange(256, device=wave.device) * 31.25 / 100) ** 2))
    filters = _bark_bands()[0].to(wave.device)
    return (power * high_pass) @ filters * (LISTENING_POWER / speech.clamp(min=TINY))[:, None, None]


def _loudness(power: Tensor) -> Tensor:
    """Specific loudness after Zwicker, in sone a Bark: power (…, 49) → (…, 49)."""
    threshold = _bark_bands()[1].to(power.device)
    scale = LOUDNESS_SCALE * (threshold / 0.5) ** ZWICKER
    loud = scale * ((0.5 + 0.5 * power / threshold).clamp(min=1.0) ** ZWICKER - 1)
    return torch.where(power > threshold, loud, torch.zeros_like(loud))


def _equalized(clean: Tensor, enhanced: Tensor) -> tuple[Tensor, Tensor]:
    """Take out what listeners forgive: steady filtering (on the clean side), changes of level (on the other)."""
    audible = (clean > 100 * _bark_bands()[1].to(clean.device)) * clean
    is_speech = (audible.sum(2, keepdim=True) > 1e7).float()
    ratio = ((enhanced * is_speech).sum(1, keepdim=True) + 1e3) / ((clean * is_speech).sum(1, keepdim=True) + 1e3)
    clean = clean * ratio.clamp(0.01, 100)
    gain = (clean.sum(2, keepdim=True) + 5e3) / (enhanced.sum(2, keepdim=True) + 5e3)
    gain = torch.cat([gain[:, :1], 0.8 * gain[:, 1:] + 0.2 * gain[:, :-1]], 1)
    return clean, enhanced * gain.clamp(3e-4, 5)


def _joined(disturbance: Tensor) -> Tensor:
    """(batch, frames) → (batch,): the loudest moments count most within 320 ms, then their root mean square."""
    frames = disturbance.shape[1]
    padded = functional.pad(disturbance, (0, max(0, INTERVAL - frames)))
    intervals = (padded.unfold(1, INTERVAL, INTERVAL_STEP) + 1e-4).pow(6).mean(2).pow(1 / 6)
    return intervals.square().mean(1).sqrt()


def perceptual_disturbance(enhanced: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric and asymmetric disturbance of ITU-T P.862, each (batch,), of aligned waves (batch, samples) at 16 kHz.

    Differentiable; PESQ is 4.5 − 0.1 · symmetric − 0.0309 · asymmetric (before the mapping to MOS). Time alignment and
    the treatment of bad intervals are left out: what SayEN makes is aligned with what it was given.
    """
    clean_power, enhanced_power = _equalized(_bark_power(clean.float()), _bark_power(enhanced.float()))
    degraded, reference = _loudness(enhanced_power), _loudness(clean_power)
    difference, dead = degraded - reference, 0.25 * torch.minimum(degraded, reference)
    difference = torch.sign(difference) * (difference.abs() - dead).clamp(min=0)
    widths = _bark_bands()[2].to(clean.device)
    asymmetry = ((enhanced_power + 50) / (clean_power + 50)).detach().pow(1.2)  # added sound disturbs more than missing
    asymmetry = torch.where(asymmetry < 3, 0.0, asymmetry.clamp(max=12))
    symmetric = ((difference * widths)[..., 1:].square().sum(2) * widths.sum() + 1e-8).sqrt()
    asymmetric = ((difference * widths).abs() * asymmetry)[..., 1:].sum(2)
    weight = ((clean_power.sum(2) + 1e5) / 1e7).pow(0.04)
    return _joined((symmetric / weight).clamp(max=45)), _joined((asymmetric / weight).clamp(max=45))


def si_snr(enhanced: Tensor, clean: Tensor, limit: float = 100.0) -> Tensor:
    """(batch,) scale-invariant signal-to-noise ratio to learn by, log10 of the power ratio (a tenth of its dB).

    ``limit`` in dB: towards it the ratio levels off. A logarithm without one pulls hardest where least is wrong.
    """
    scale = (enhanced * clean).sum(1, keepdim=True) / clean.square().sum(1, keepdim=True).clamp(min=TINY)
    target = scale * clean
    power, error = target.square().sum(1), (enhanced - target).square().sum(1)
    return torch.log10((power + TINY) / (error + power * 10 ** (-limit / 10) + TINY))


class SayENLoss(nn.Module):
    """The three objectives and their weighted sum ``total``, each a scalar.

    ``earspeech`` and ``tuned_ge2e`` are frozen here; without them there is no speaker objective.
    """

    def __init__(self, config: SayENConfig, earspeech: nn.Module | None = None, tuned_ge2e: nn.Module | None = None):
        super().__init__()
        self.config = config
        self.encoders = [
            encoder.requires_grad_(False).eval() for encoder in (earspeech, tuned_ge2e) if encoder is not None
        ]

    def forward(self, enhanced: Tensor, clean: Tensor, speaker_embedding: Tensor | None = None) -> dict[str, Tensor]:
        """Waves (batch, samples); ``speaker_embedding``: (batch, 256) of the clean waves, made here where none."""
        config = self.config
        level = SayENModel.level(clean)
        enhanced, clean = enhanced.float() / level, clean.float() / level
        losses = {"spectral": self.spectral(enhanced, clean), "clarity": self.clarity(enhanced, clean)}
        total = config.spectral_weight * losses["spectral"] + config.clarity_weight * losses["clarity"]
        if self.encoders:
            losses["speaker"] = self.speaker(enhanced, clean, speaker_embedding)
            total = total + config.speaker_weight * losses["speaker"]
        return losses | {"total": total}

    def spectral(self, enhanced: Tensor, clean: Tensor) -> Tensor:
        """Distance of compressed spectra, complex and magnitude, minus the log signal-to-noise ratio."""
        config = self.config
        predicted, target = (
            compress(ear_aligned_stft(wave, config.n_fft, config.hop_length), config.compression)
            for wave in (enhanced, clean)
        )
        distance = config.complex_weight * functional.mse_loss(predicted[0], target[0])
        distance = distance + config.magnitude_weight * functional.mse_loss(predicted[1], target[1])
        return distance - config.si_snr_weight * si_snr(enhanced, clean, config.si_snr_limit).mean()

    def clarity(self, enhanced: Tensor, clean: Tensor) -> Tensor:
        """4.5 − PESQ before its mapping to MOS: 0 for the clean wave itself."""
        symmetric, asymmetric = perceptual_disturbance(enhanced, clean)
        return (0.1 * symmetric + 0.0309 * asymmetric).mean()

    def speaker(self, enhanced: Tensor, clean: Tensor, speaker_embedding: Tensor | None = None) -> Tensor:
        """1 − cosine of the embeddings of what was made and of the clean wave."""
        if speaker_embedding is None:
            with torch.no_grad():
                speaker_embedding = self.embed(clean)
        return 1 - functional.cosine_similarity(self.embed(enhanced), speaker_embedding).mean()

    def embed(self, waves: Tensor) -> Tensor:
        """(batch, samples) → (batch, 256)"""
        earspeech, tuned_ge2e = self.encoders
        return tuned_ge2e(earspeech(waves).features).speaker_embedding.float()


# ---------------------------------------------------------------------------------------------- Tuned-GE2E
class TunedGE2ELoss(nn.Module):
    """GE2E softmax with a learned scale and bias, a growing margin and mining of the hardest utterances.

    Every utterance is compared with the centroid of each speaker, its own without itself. The margin taken from its own
    similarity is ``margin · (1 + 0.1 · sigmoid(spread))``, a larger one for a speaker whose utterances agree less.
    ``spread`` is the deviation of the speaker's own similarities, standardised over the speakers of the batch: that of
    the embeddings' numbers, as the specification writes it, is 1/16 for any 256 numbers of unit length, and moved the
    margin in its fourth digit. Scale, bias and margin are learned, the margin within ``margins`` and only where its
    schedule leaves it free; the bias cancels in the softmax, and stays for the checkpoints that hold it.
    """

    def __init__(self, scale: float = 20.0, bias: float = -5.0, margins: tuple[float, float] = (0.2, 0.5)):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.tensor(bias))
        self.margin = nn.Parameter(torch.tensor(margins[0]))
        self.margins = margins

    @torch.no_grad()
    def hold_margin(self, progress: float) -> None:
        """Set the margin to its schedule: from the lower to the upper bound at ``progress`` 0…1 through stage two."""
        low, high = self.margins
        self.margin.fill_(low + (high - low) * min(1.0, max(0.0, progress)))

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Call after an update: a margin left free would shrink to nothing, a scale could turn negative."""
        self.margin.clamp_(*self.margins)
        self.scale.clamp_(min=1.0)

    def effective_margin(self, similarities: Tensor) -> Tensor:
        """(speakers, utterances, speakers) → (speakers,) the margin with the spread of each one's own taken into
        account: ``margin`` times 1.05 in the middle, and from 1.0 to 1.1."""
        spread = similarities.detach().diagonal(dim1=0, dim2=2).std(0, correction=0)
        standard = (spread - spread.mean()) / spread.std(correction=0).clamp(min=1e-4)
        return self.margin * (1 + 0.1 * torch.sigmoid(standard))

    @staticmethod
    def similarities(embeddings: Tensor, who: Tensor | None = None) -> Tensor:
        """(speakers, utterances, size) of unit length → cosines (speakers, utterances, speakers) to every centroid; of
        rows of one person, whose numbers in ``who`` (speakers,) are equal, −1: they are no others."""
        speakers, utterances, _ = embeddings.shape
        total = embeddings.sum(1, keepdim=True)
        centroids = functional.normalize(total[:, 0], dim=-1)
        others = functional.normalize(total - embeddings, dim=-1)
        cosines = embeddings @ centroids.T
        own = (embeddings * others).sum(-1)
        diagonal = torch.eye(speakers, dtype=torch.bool, device=embeddings.device)[:, None].expand_as(cosines)
        cosines = torch.where(diagonal, own[:, :, None], cosines)
        if who is None:
            return cosines
        return cosines.masked_fill((who[:, None] == who)[:, None] & ~diagonal, -1.0)

    @staticmethod
    def hardest(similarities: Tensor, share: float) -> Tensor:
        """(speakers, utterances) true for the ``share`` with the highest wrong minus own similarity, at least one."""
        speakers = similarities.shape[0]
        diagonal = torch.eye(speakers, dtype=torch.bool, device=similarities.device)[:, None]
        wrong = similarities.masked_fill(diagonal, -torch.inf).amax(2)
        hardness = (wrong - similarities.diagonal(dim1=0, dim2=2).T).detach()
        count = max(1, round(share * hardness.numel()))
        chosen = torch.zeros(hardness.numel(), dtype=torch.bool, device=hardness.device)
        chosen[hardness.flatten().topk(count).indices] = True
        return chosen.view_as(hardness)

    def forward(
        self, embeddings: Tensor, with_margin: bool = True, share: float = 1.0, who: Tensor | None = None
    ) -> Tensor:
        """Scalar loss of ``embeddings`` (speakers, utterances, size); only the hardest ``share`` of them counts."""
        cosines = self.similarities(functional.normalize(embeddings.float(), dim=-1), who)
        return self.utterance_losses(cosines, with_margin)[self.hardest(cosines, share)].mean()

    def utterance_losses(self, cosines: Tensor, with_margin: bool = True) -> Tensor:
        """``similarities`` (speakers, utterances, speakers) → (speakers, utterances) the loss of each utterance."""
        speakers, utterances, _ = cosines.shape
        own = torch.arange(speakers, device=cosines.device).repeat_interleave(utterances)
        margin = torch.diag(self.effective_margin(cosines))[:, None] if with_margin else 0.0
        logits = self.scale * (cosines - margin) + self.bias
        return functional.cross_entropy(logits.flatten(0, 1), own, reduction="none").view(speakers, utterances)
