"""What is in a piece of audio, by its content: which tone, and for how long."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isthmus.useragent.rtp import RATE_HZ

_WINDOW = 400  # 50 ms: 20 Hz between bins
_PURE = 0.6  # part of the window's energy that the tone must have, so that two tones at once are neither
_QUIET = 200.0  # root mean square below which a window is silence, of 32767


def _ulaw_table() -> NDArray[np.float64]:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << ((code & 0x70) >> 4)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.float64)


_ULAW = _ulaw_table()


def decode_ulaw(data: bytes) -> NDArray[np.float64]:
    """Mu-law bytes as linear samples (ITU-T G.711)."""
    return _ULAW[np.frombuffer(data, np.uint8)]


def tone_seconds(samples: NDArray[np.float64], frequency_hz: float, rate_hz: int = RATE_HZ) -> float:
    """For how many seconds this tone, and hardly anything else, is heard."""
    size = _WINDOW * rate_hz // RATE_HZ
    count = len(samples) // size
    if not count:
        return 0.0
    windows = samples[: count * size].reshape(count, size)
    power = np.abs(np.fft.rfft(windows * np.hanning(size), axis=1)) ** 2
    bins = np.fft.rfftfreq(size, 1 / rate_hz)
    near = np.abs(bins - frequency_hz) <= 45
    share = power[:, near].sum(axis=1) / np.maximum(power.sum(axis=1), 1e-9)
    loud = np.sqrt((windows**2).mean(axis=1)) > _QUIET
    return float(np.count_nonzero((share > _PURE) & loud)) * size / rate_hz


def read_wav(path: Path) -> tuple[NDArray[np.float64], int]:
    """Samples and rate of a 16 bit mono WAV file, also of one whose writer never closed it, or wrote no head yet."""
    data = path.read_bytes()
    at = data.find(b"data", 0, 4096) if data[:4] == b"RIFF" else 36
    rate = int.from_bytes(data[24:28], "little") or RATE_HZ
    raw = data[at + 8 :]
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float64), rate


def write_wav(path: Path, frequency_hz: float, seconds: float = 10.0, rate_hz: int = RATE_HZ) -> Path:
    """A WAV file with this tone, 16 bit mono."""
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    samples = (0.4 * 32767 * np.sin(2 * np.pi * frequency_hz * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


_ROWS, _COLUMNS, _KEYS = (697, 770, 852, 941), (1209, 1336, 1477), ("123", "456", "789", "*0#")


def keys(samples: NDArray[np.float64], rate_hz: int = 8000) -> str:
    """The keys of a telephone's keypad that are heard (ITU-T Q.23), each as often as it was pressed."""
    size = rate_hz // 50
    times = np.arange(size) / rate_hz
    found: list[str] = []
    before = ""
    for start in range(0, len(samples) - size + 1, size):
        frame = samples[start : start + size]
        energy = float((frame**2).sum())

        def share(hz: float, frame: NDArray[np.float64] = frame, energy: float = energy) -> float:
            return float(abs((frame * np.exp(-2j * np.pi * hz * times)).sum()) ** 2) * 2 / size / energy

        key = ""
        if energy / size > 200**2:
            rows, columns = [share(hz) for hz in _ROWS], [share(hz) for hz in _COLUMNS]
            if max(rows) + max(columns) > 0.8 and min(max(rows), max(columns)) > 0.2:
                key = _KEYS[int(np.argmax(rows))][int(np.argmax(columns))]
        if key and key != before:
            found.append(key)
        before = key
    return "".join(found)
