"""What gradio asks of ffmpeg while speech streams, done by the package av: 16-bit samples in, AAC out as it comes.

For computers without ffmpeg; `test_browser.py` puts it on the PATH under that name.
"""

import os
import sys
from collections.abc import Iterable

import av

SAMPLES = 1024  # in a frame of AAC
# As ADTS numbers them.
RATES = (
    96000,
    88200,
    64000,
    48000,
    44100,
    32000,
    24000,
    22050,
    16000,
    12000,
    11025,
    8000,
    7350,
)


def write(packets: Iterable[av.Packet], rate: int) -> None:
    """Each behind the seven bytes of an ADTS header: AAC-LC, one channel (ISO/IEC 14496-3, 1.A.2)."""
    for packet in packets:
        size = packet.size + 7
        place = 64 | RATES.index(rate) << 2
        head = (0xFF, 0xF1, place, 64 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC)
        os.write(1, bytes(head) + bytes(packet))


def main(rate: int) -> None:
    codec = av.CodecContext.create("aac", "w")
    codec.sample_rate, codec.layout, codec.format = rate, "mono", "fltp"
    codec.open()
    to_float, held = av.AudioResampler("fltp", "mono", rate), b""
    while data := os.read(0, 65536):
        held += data
        while len(held) >= 2 * SAMPLES:
            frame = av.AudioFrame("s16", "mono", SAMPLES)
            frame.sample_rate = rate
            frame.planes[0].update(held[: 2 * SAMPLES])
            held = held[2 * SAMPLES :]
            for one in to_float.resample(frame):
                write(codec.encode(one), rate)
    write(codec.encode(None), rate)


if __name__ == "__main__":
    main(int(sys.argv[sys.argv.index("-ar") + 1]))
