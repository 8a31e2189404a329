"""The command `rtvc` and its subcommands. What is refused is one sentence on stderr and exit code 2.

Each subcommand imports what it needs when it is asked for: help, `verify` and most refusals need no torch.
"""

from __future__ import annotations

import argparse
import logging
import mimetypes
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import CheckpointError, RTVCError, TextError, VoiceError, quoted

if TYPE_CHECKING:
    from .pipeline import VoiceCloningPipeline

ENHANCE: dict[str, bool | str] = {"auto": "auto", "yes": True, "no": False}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 verify found no mark, 2 refused, 130 interrupted)."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except RTVCError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (the reader went away; nothing more can be said)
    except OSError as error:  # a folder that may not be written to, a full disk
        place = quoted(Path(error.filename).name) if error.filename else "A file"
        print(f"{place} cannot be used ({error.strerror}); choose another place.", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    start = 'Begin with: rtvc clone --voice recording.wav --output hello.wav "Hello there."'
    top = argparse.ArgumentParser(prog="rtvc", description="Clone a voice from five seconds of speech.", epilog=start)
    top.add_argument("--version", action="version", version=f"rtvc {__version__}")
    commands = top.add_subparsers(required=True, metavar="command")

    _clone_command(commands)
    _batch_command(commands)

    say = _command(commands, "say", run_say, "show a text's words and phonemes as they will be said; no sound is made")
    say.add_argument("text", help='what to show; "-" reads it from standard input')
    _lexicon_option(say)

    enroll = _command(commands, "enroll", run_enroll, "make a voice of one or several recordings of one person")
    enroll.add_argument("recordings", nargs="+", help="recordings with at least 3 s of speech in all")
    enroll.add_argument("--output", required=True, help="the voice file to write (.voice)")
    _enhance_option(enroll)
    _model_options(enroll)

    serve = _command(commands, "serve", run_serve, "serve voices over HTTP, in the form of OpenAI's speech API")
    serve.add_argument("folder", help="where voices are kept: saved ones (.voice) and recordings; made if missing")
    serve.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other computers in: set keys in RTVC_API_KEYS")
    serve.add_argument("--port", type=int, default=8000, help="8000 without it")
    _model_options(serve)

    speechd = _command(commands, "speechd", run_speechd, "let Orca and other Linux programs speak in your voices")
    speechd.add_argument("folder", help="where voices are kept: saved ones (.voice) and recordings")
    speechd.add_argument("--voice", help="the name of the one that speaks unless another is chosen; else the first")
    _model_options(speechd)

    enhance = _command(commands, "enhance", run_enhance, "take the noise out of a recording")
    enhance.add_argument("recording", help="the noisy recording")
    enhance.add_argument("--output", required=True, help="the sound file to write, 16 kHz")
    _model_options(enhance)

    _evaluation_commands(commands)

    smaller = _command(commands, "optimize", run_optimize, "make the optimised variant of a model: smaller and faster")
    smaller.add_argument("model", nargs="?", metavar="folder", help="of the original; without it the bundled model")
    smaller.add_argument("--output", required=True, help="the folder to write, which must not exist yet")

    push = _command(commands, "push", run_push, "publish a model on the Hub: weights, code, voices and card")
    push.add_argument("folder", help="the model's folder, or a component's")
    push.add_argument("--repo-id", required=True, help="user/name on the Hub")
    push.add_argument("--voices", help="a folder of recordings and saved voices to publish with it")
    push.add_argument("--private", action="store_true", default=None, help="only you may see a new repository")
    push.add_argument("--revision", help="the branch to upload to; the main one without it")
    push.add_argument("--dry-run", action="store_true", help="lay the repository out in --output, upload nothing")
    push.add_argument("--output", help="a new folder for --dry-run; without it the repository's name")

    verify = _command(commands, "verify", run_verify, "tell whether a sound file was made by rtvc")
    verify.add_argument("recording", help="the sound file to look into; the exit code is 0 for a clone, 1 for none")
    return top


def _command(
    commands: argparse._SubParsersAction, name: str, run: Callable[[argparse.Namespace], int | None], summary: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    command.set_defaults(run=run)
    return command


def _model_options(command: argparse.ArgumentParser) -> None:
    text = "a folder of model files, or user/name on the Hub; without it the bundled model"
    command.add_argument("--model", help=text)
    command.add_argument("--revision", help="a branch, tag or commit of the model on the Hub")


def _clone_command(commands: argparse._SubParsersAction) -> None:
    """`rtvc clone` and its options."""
    clone = _command(commands, "clone", run_clone, "say a text in the voice of a recording")
    clone.add_argument("text", help='what to say; "-" reads it from standard input')
    text = 'a recording (WAV, FLAC, OGG, MP3), a saved voice (.voice), or a mix: "a.voice(3)+b.voice(1)"'
    clone.add_argument("--voice", required=True, help=text)
    text = 'the sound file to write (.wav, .flac, .ogg, .mp3); "-" sends WAV to standard output while it is made'
    clone.add_argument("--output", required=True, help=text)
    _manner_options(clone)
    _lexicon_option(clone)
    times = {"srt": "SubRip captions", "vtt": "WebVTT captions", "json": "words and phonemes with times"}
    for name, what in times.items():
        clone.add_argument(f"--{name}", metavar="FILE", help=f"write {what} to this file too")
    _enhance_option(clone)
    _model_options(clone)


def _batch_command(commands: argparse._SubParsersAction) -> None:
    """`rtvc batch` and its options."""
    batch = _command(commands, "batch", run_batch, "speak a data set into shards, on one machine or a Ray cluster")
    text = "a CSV or Parquet file, a folder of Parquet files, or user/name on the Hub, with columns text and voice"
    batch.add_argument("source", help=text)
    batch.add_argument("--output", required=True, help="the shards' folder, a new one or that of a run to go on with")
    batch.add_argument("--split", default="train", help="of a data set on the Hub (train)")
    batch.add_argument("--format", choices=("parquet", "webdataset"), default="parquet", help="of the shards (parquet)")
    batch.add_argument("--lines", type=int, default=100, help="in a shard (100)")
    batch.add_argument("--workers", type=int, help="how many; without it one for each processor, or GPU")
    _manner_options(batch)
    _model_options(batch)


def _manner_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--speed", type=float, default=1.0, help="0.25 to 4; 1 is the voice's own tempo")
    command.add_argument("--pitch", type=float, default=0.0, help="semitones up, -12 to 12")
    text = "0 to 1; 0 says it the same way each time, 0.5 is lively"
    command.add_argument("--variation", type=float, default=0.0, help=text)
    command.add_argument("--pause", type=float, help="seconds between sentences, 0 to 10; 0.3 unless told")
    command.add_argument("--seed", type=int, help="repeats a call with variation")


def _evaluation_commands(commands: argparse._SubParsersAction) -> None:
    """`rtvc evaluate`, `rtvc limits` and `rtvc cases`, with their options."""
    evaluate = _command(commands, "evaluate", run_evaluate, "measure a model on your cases and write a report")
    evaluate.add_argument("--cases", required=True, help="a folder with clone.tsv, enhance.tsv or verify.tsv")
    evaluate.add_argument("--output", required=True, help="the report's folder, a new one or that of an earlier report")
    evaluate.add_argument("--judges", help="a folder with the second speaker judge")
    evaluate.add_argument("--peers", help="a folder with the weights of Kokoro, DTLN and GTCRN, to measure them too")
    text = "another judge for words, likeness or second: a model on the Hub, as in words=openai/whisper-base.en"
    evaluate.add_argument("--judge", action="append", default=[], metavar="ROLE=MODEL", help=text)
    text = "what to measure: cloning, noise, enhancement, verification, speed, robustness, watermark, renderings"
    evaluate.add_argument("--only", nargs="+", metavar="PART", help=text)
    text = "write listen.html too: so many blind pairs of clones and what they are compared with, for ears (20)"
    evaluate.add_argument("--listen", nargs="?", type=int, const=20, metavar="PAIRS", help=text)
    evaluate.add_argument("--seed", type=int, default=0, help="draws the pairs of --listen and their order")
    evaluate.add_argument("--limit", type=int, help="only about so many cases of each table, for a quick look")
    _model_options(evaluate)

    limits = _command(commands, "limits", run_limits, "try a model where it may fail, and show the worst clips")
    limits.add_argument("--cases", required=True, help="a folder with clone.tsv; three of its speakers are cloned")
    limits.add_argument("--output", required=True, help="the page's folder, a new one or that of an earlier page")
    limits.add_argument("--judges", help="a folder with the second speaker judge")
    limits.add_argument("--minutes", type=float, default=30.0, help="of speech in one go, up to 60 (30)")
    _model_options(limits)

    cases = _command(commands, "cases", run_cases, "make evaluation cases of public recordings or of the field's lists")
    text = "libritts=, vctk=, speech= (a folder or a data set on the Hub), noise=, seed-tts-eval=, librispeech-pc="
    cases.add_argument("sources", nargs="+", metavar="KIND=PLACE", help=text)
    cases.add_argument("--output", required=True, help="the folder to write, which must not exist yet")
    cases.add_argument("--audio", help="the folder of LibriSpeech's test-clean, for librispeech-pc")
    cases.add_argument("--speakers", type=int, default=10, help="so many of each corpus (10)")
    cases.add_argument("--sentences", type=int, default=2, help="so many of each speaker (2)")
    cases.add_argument("--seed", type=int, default=0, help="draws the speakers and sentences")


def _lexicon_option(command: argparse.ArgumentParser) -> None:
    text = 'how words are said: a file of lines such as "Nguyen = win" or "SQL = /sˈiːkwəl/"'
    command.add_argument("--lexicon", metavar="FILE.lex", help=text)


def _enhance_option(command: argparse.ArgumentParser) -> None:
    text = "clean recordings first: auto (only noisy ones), yes or no"
    command.add_argument("--enhance", choices=ENHANCE, default="auto", help=text)


def open_model(options: argparse.Namespace) -> VoiceCloningPipeline:
    """The model that was asked for."""
    hush()
    from .loading import load

    return load(options.model, getattr(options, "revision", None))


def hush() -> None:
    """Keep the libraries' warnings and progress bars off the terminal: stderr is for what a person can act on."""
    import onnxruntime
    from transformers.utils import logging as transformers_logging

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    onnxruntime.set_default_logger_severity(3)


def _manner(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a call that were given, checked."""
    from .options import RANGES, checked

    names = (*RANGES, "seed")
    return {name: checked(name, value) for name in names if (value := getattr(options, name)) is not None}


def run_clone(options: argparse.Namespace) -> None:
    """`rtvc clone`: the checks that need no model come first."""
    from tqdm import tqdm

    from . import audio, captions, watermark

    if not (piped := options.output == "-"):
        audio.check_output(options.output)
    elif sys.stdout.isatty():
        raise VoiceError("A terminal plays no sound; send it on, as in `rtvc clone … --output - … | aplay`.")
    if not (text := _text(options)).strip():
        raise TextError("The text is empty; write at least one English word.")
    given = _manner(options) | {"enhance": ENHANCE[options.enhance]}
    if options.lexicon:
        from . import lexicon

        given["lexicon"] = lexicon.read(options.lexicon)
    times = {form: path for form in captions.FORMATS if (path := getattr(options, form))}
    captions.check_files(times.values(), options.output)
    _check_voice(options.voice)
    clone = open_model(options)
    from .text import split_sentences

    chunks, said = clone.stream(text, voice=options.voice, **given), []
    if piped:
        from .serve.encoding import sent

        chunks = sent(chunks, clone.model.config.sampling_rate, watermark.PROVENANCE, sys.stdout.buffer)
    with tqdm(total=len(split_sentences(text)), desc="speaking", unit="sentence", disable=None, leave=False) as bar:
        for chunk in chunks:
            said.append(chunk)
            bar.update(chunk["sentence"] - bar.n)
    speech = clone.postprocess({"chunks": said})
    if not piped:
        wave, rate = speech["audio"], speech["sampling_rate"]
        audio.write(options.output, wave, rate, watermark.PROVENANCE)
        print(f"{options.output}: {wave.size / rate:.1f} s of speech")
    captions.write(speech, times)
    for warning in speech["warnings"]:
        print(warning["message"], file=sys.stderr)


def _check_voice(path: str) -> None:
    """What is wrong with a recording or a saved voice is said before any model is loaded."""
    from . import audio
    from .mixing import is_mixture, parts
    from .voice import Voice, is_saved

    for part in parts(path) if is_mixture(path) else [path]:
        if is_saved(part):
            Voice.load(part)
        else:
            audio.check_sound(audio.read(part), quoted(Path(part).name))


def _check_installed(command: str, *packages: str) -> None:
    """Said at once, not after torch has been imported."""
    if any(find_spec(name.partition("[")[0].replace("-", "_")) is None for name in packages):
        raise RTVCError(f"`rtvc {command}` needs more packages: `pip install {shlex.join(packages)}`.")


def run_batch(options: argparse.Namespace) -> None:
    """`rtvc batch`."""
    _check_installed("batch", "ray[data]", "pyarrow")
    hush()
    from .batch.command import Job, run

    places = (options.source, options.output, options.split, options.format, options.lines, options.workers)
    print(run(Job(*places, options.model, options.revision, _manner(options))))


def run_say(options: argparse.Namespace) -> None:
    """`rtvc say`: needs no model."""
    from .say import as_text, what_is_said

    print(as_text(said := what_is_said(_text(options), options.lexicon)))
    for warning in said.warnings:
        print(warning["message"], file=sys.stderr)


def _text(options: argparse.Namespace) -> str:
    try:
        return sys.stdin.read() if options.text == "-" else options.text
    except UnicodeDecodeError as error:
        raise TextError("The text on standard input is not UTF-8; save it as UTF-8 and try again.") from error


def run_enroll(options: argparse.Namespace) -> None:
    """`rtvc enroll`."""
    if (mimetypes.guess_type(options.output)[0] or "").startswith("audio/"):
        raise VoiceError(f"{quoted(Path(options.output).name)} must end in .voice; it holds a voice, no sound.")
    for recording in options.recordings:
        _check_voice(recording)
    voice = open_model(options).enroll(options.recordings, ENHANCE[options.enhance])
    voice.save(options.output)
    heard: Any = voice.report
    cleaned = "cleaned first" if heard.enhanced else "used as it is"
    speech = f"{heard.used_seconds:.1f} of {heard.voiced_seconds:.1f} s of speech used"
    print(f"{options.output}: {speech}, {heard.snr_db:.0f} dB above the noise, {cleaned}")
    if heard.warning:
        print(heard.warning, file=sys.stderr)


def run_serve(options: argparse.Namespace) -> None:
    """`rtvc serve`."""
    _check_installed("serve", "fastapi", "uvicorn", "python-multipart", "websockets")
    hush()
    from .serve.command import serve

    serve(options.folder, options.host, options.port, options.model, options.revision)


def run_speechd(options: argparse.Namespace) -> None:
    """`rtvc speechd`."""
    hush()
    from .speechd.command import install

    for path in install(options.folder, options.voice, options.model, options.revision):
        print(f"{path}: written")
    print("Speech Dispatcher finds them when it starts again; try: killall speech-dispatcher; spd-say -o rtvc Hello")


def run_enhance(options: argparse.Namespace) -> None:
    """`rtvc enhance`."""
    from tqdm import tqdm

    from . import audio

    audio.check_output(options.output)
    model = open_model(options)
    with tqdm(desc="cleaning", unit="s", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total // audio.SAMPLING_RATE
            bar.update(done // audio.SAMPLING_RATE - bar.n)

        wave = model.enhance(options.recording, progress)
    audio.write(options.output, wave, audio.SAMPLING_RATE)
    print(f"{options.output}: {wave.size / audio.SAMPLING_RATE:.1f} s cleaned")


def run_evaluate(options: argparse.Namespace) -> None:
    """`rtvc evaluate`: what is wrong with the cases is said before any model is loaded."""
    hush()
    from .evaluation import listening, report, run
    from .evaluation.cases import read_cases
    from .loading import model_folder

    output, folder = Path(options.output), Path(options.judges) if options.judges else None
    report.check_output(output)
    parts, chosen = run.check_parts(options.only), run.check_judges(options.judge)
    if options.listen is not None:
        listening.check(options.listen, parts)
    cases = read_cases(Path(options.cases), options.limit)
    model = model_folder(options.model, options.revision)
    peers = Path(options.peers) if options.peers else None
    clone, others = run.open_model(model), run.company(folder, chosen, peers)
    with report.written(output) as folder:
        results = run.evaluate(clone, model, cases, others, parts, folder / report.CLIPS)
        report.write(results, folder)
        if options.listen is not None:
            listening.write(results, folder, options.listen, options.seed)
    for gap in run.missed(results):
        print(f"{gap['what']} is left out: {gap['why']}", file=sys.stderr)
    print(f"{output}: {report.headline(results)}")


def run_limits(options: argparse.Namespace) -> None:
    """`rtvc limits`."""
    hush()
    from .evaluation import limits_page, report, run
    from .evaluation.cases import read_cases
    from .loading import model_folder

    output, folder = Path(options.output), Path(options.judges) if options.judges else None
    report.check_output(output)
    cases, model = read_cases(Path(options.cases)), model_folder(options.model, options.revision)
    clone, others = run.open_model(model), run.company(folder, {})
    with report.written(output) as folder:
        results = run.try_limits(clone, model, cases, others, options.minutes, folder / report.CLIPS)
        limits_page.write(results, folder)
    print(f"{output}: {limits_page.headline(results)}")


def run_cases(options: argparse.Namespace) -> None:
    """`rtvc cases`."""
    hush()
    from .evaluation import building

    sources, audio = building.check_sources(options.sources), Path(options.audio) if options.audio else None
    counts = (options.speakers, options.sentences, options.seed)
    built = building.build(sources, Path(options.output), *counts, audio)
    for why in built.left_out:
        print(f"Left out: {why}", file=sys.stderr)
    print(f"{options.output}: {', '.join(f'{len(rows)} in {name}.tsv' for name, rows in built.rows.items() if rows)}")


def run_push(options: argparse.Namespace) -> None:
    """`rtvc push`."""
    hush()
    from . import hub

    if options.dry_run:
        output = Path(options.output or options.repo_id.split("/")[-1])
        laid_out = hub.lay_out(options.folder, output, options.repo_id, options.voices)
        sizes = [path.stat().st_size for path in laid_out.rglob("*") if path.is_file()]
        print(f"{laid_out}: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB; nothing uploaded")
    elif options.output:
        raise RTVCError("--output is where --dry-run lays the repository out; leave it away, or add --dry-run.")
    else:
        print(hub.push(options.folder, options.repo_id, options.voices, options.private, options.revision))


def run_verify(options: argparse.Namespace) -> int:
    """`rtvc verify`: the mark in the sound, and what the file says of itself."""
    from . import audio, watermark

    score = watermark.detect(audio.read(options.recording))
    found = score >= watermark.THRESHOLD
    verdict = "carries the mark of rtvc: it is a clone" if found else "no mark of rtvc was found"
    print(f"{options.recording}: {verdict} (score {score:.1f}, {watermark.THRESHOLD:g} is enough)")
    if comment := audio.comment_of(options.recording):
        print(f"The file says: {comment!r}")
    return 0 if found else 1


def run_optimize(options: argparse.Namespace) -> None:
    """`rtvc optimize`: the folder appears whole or not at all."""
    output = Path(options.output)
    if output.exists():
        raise CheckpointError(f"“{output.name}” exists already; choose a folder that does not.")
    if not output.parent.is_dir():
        raise CheckpointError(f"The folder of “{output.name}” does not exist; create it or choose another one.")
    clone = open_model(options)
    from .hub.card import keep_origin
    from .optimized import optimize

    optimized = optimize(clone.model)
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        written = Path(folder) / output.name
        optimized.save_pretrained(written)
        clone.processor.save_pretrained(written)
        keep_origin(str(clone.model.name_or_path), written)
        for file in written.iterdir():
            file.chmod(0o644)  # safetensors writes for the owner alone
        written.rename(output)
    size = sum(file.stat().st_size for file in output.iterdir()) / 1e6
    original = 4e-6 * sum(weight.numel() for weight in clone.model.state_dict().values())
    print(f"{output}: {size:.1f} MB, where the original has {original:.1f} MB as float32")


if __name__ == "__main__":
    sys.exit(main())
