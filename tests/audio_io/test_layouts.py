"""What channels are meant for: read from every kind of file, kept in every kind that can."""

import io
import struct

import numpy as np
import pytest
import soundfile
import torch

from dasp.analysis import measure_loudness
from dasp.audio_io import audio_info, load_audio, load_blocks, save_audio, save_blocks
from dasp.layouts import LAYOUTS, SPEAKERS, as_layout, in_order, layout_name, mask_of, of_mask
from tests.broken_audio import wav

LEVELS = torch.tensor([0.8, -0.7, 0.6, -0.5, 0.4, -0.3, 0.2, -0.1])


def _tones(channels: int) -> torch.Tensor:
    """A sine of another frequency in each channel, so that no codec takes one for another."""
    t = torch.arange(4800)
    return 0.3 * torch.sin(0.04 * torch.arange(1, channels + 1)[:, None] * t)


def _likeness(x: torch.Tensor, y: torch.Tensor) -> list[int]:
    return torch.corrcoef(torch.cat([x, y[:, :4800]]))[: len(x), len(x) :].argmax(1).tolist()


def _masked_wav(mask: int, channels: int) -> bytes:
    samples = (LEVELS[:channels] * 32768).to(torch.int16).numpy().tobytes() * 100
    plain = wav(samples, channels=channels)
    form = plain[20:36]
    extensible = struct.pack("<H", 0xFFFE) + form[2:] + struct.pack("<HHI", 22, 16, mask)
    extensible += bytes.fromhex("0100000000001000800000aa00389b71")
    return plain[:16] + struct.pack("<I", 40) + extensible + plain[36:]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("ending", ["wav", "rf64", "flac", "aiff", "caf"])
def test_a_layout_is_kept(tmp_path, name, ending):
    """In memory and in blocks; and each channel stays where it was."""
    layout, path = LAYOUTS[name], tmp_path / f"a.{ending}"
    x = LEVELS[: len(layout), None].expand(-1, 1000)
    for subtype in (None, "PCM_16", "FLOAT"):
        if subtype == "FLOAT" and ending == "flac":
            continue
        saved = save_audio(path, x, 48_000, layout=name, subtype=subtype, overwrite=True)
        assert saved.notes == ()
        assert audio_info(path).layout == layout
        assert layout_name(audio_info(path).layout) == name
        np.testing.assert_allclose(load_audio(path)[0], x, atol=1e-4)
        assert soundfile.info(path).frames == 1000
    saved = save_blocks(
        path, lambda: iter(x.split(300, -1)), 48_000, frames=1000, layout=layout,
        subtype=subtype if ending != "flac" else "PCM_16", overwrite=True,
    )  # fmt: skip
    assert saved.notes == () and audio_info(path).layout == layout


@pytest.mark.parametrize("mask", [0x7, 0xB, 0x33, 0x603, 0x107, 0x3F, 0x60F, 0x63F, 0xFF, 0x2D003])
def test_any_mask_of_a_wav(tmp_path, mask):
    channels = mask.bit_count()
    (tmp_path / "a.wav").write_bytes(_masked_wav(mask, channels))
    info = audio_info(tmp_path / "a.wav")
    assert mask_of(info.layout) == mask
    assert info.layout == tuple(s for bit, s in enumerate(SPEAKERS) if mask >> bit & 1)
    x, _ = load_audio(tmp_path / "a.wav")
    save_audio(tmp_path / "b.wav", x, 48_000, layout=info.layout, subtype="PCM_16")
    content = (tmp_path / "b.wav").read_bytes()
    assert int.from_bytes(content[40:44], "little") == mask
    assert torch.equal(load_audio(tmp_path / "b.wav")[0], x)


def test_a_mask_that_names_too_few_or_none(tmp_path):
    (tmp_path / "a.wav").write_bytes(_masked_wav(0x3, 4))
    assert audio_info(tmp_path / "a.wav").layout == ("FL", "FR", "?", "?")
    with pytest.raises(ValueError, match="layout: expected a place for each channel"):
        measure_loudness(torch.rand(4, 8000), 8000, layout=("FL", "FR", "?", "?"))
    (tmp_path / "b.wav").write_bytes(_masked_wav(0, 4))
    assert audio_info(tmp_path / "b.wav").layout is None
    (tmp_path / "c.wav").write_bytes(wav(bytes(80), channels=4))
    assert audio_info(tmp_path / "c.wav").layout is None
    (tmp_path / "d.wav").write_bytes(_masked_wav(0x3F, 2))
    assert audio_info(tmp_path / "d.wav").layout == ("FL", "FR")


@pytest.mark.parametrize(
    "order", ["L C R", "L R Lb Rb", "L C R Lb Rb", "L C R Lb Rb LFE", "L C R Ls Rs Cs LFE",
              "L C R Ls Rs Lb Rb LFE"]
)  # fmt: skip
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_the_order_of_ogg(tmp_path, order, subtype):
    """Another program writes in the order of Vorbis; here it is that of WAV."""
    order = as_layout(order)
    x = _tones(len(order))
    soundfile.write(tmp_path / "a.ogg", x.T.numpy(), 48_000, subtype=subtype)
    info = audio_info(tmp_path / "a.ogg")
    assert info.layout == tuple(sorted(order, key=SPEAKERS.index))
    y, _ = load_audio(tmp_path / "a.ogg")
    assert _likeness(x[in_order(order)], y) == list(range(len(order)))
    assert _likeness(x[in_order(order)], next(load_blocks(tmp_path / "a.ogg", 9600))) == list(
        range(len(order))
    )
    # And back: what stands in the file is what the other program wrote.
    save_audio(tmp_path / "b.ogg", y, 48_000, layout=info.layout, subtype=subtype)
    raw, _ = soundfile.read(tmp_path / "b.ogg", dtype="float32")
    assert _likeness(x, torch.from_numpy(raw.T)) == list(range(len(order)))


def test_from_ogg_to_flac_and_back(tmp_path):
    """The low effects of 5.1 are the last of Vorbis, and the fourth of FLAC."""
    x = _tones(6)
    save_audio(tmp_path / "a.ogg", x, 48_000, layout="5.1")
    y, _ = load_audio(tmp_path / "a.ogg")
    save_audio(tmp_path / "b.flac", y.clamp(-1, 1), 48_000, layout="5.1")
    z, _ = load_audio(tmp_path / "b.flac")
    assert _likeness(x, z) == list(range(6))
    raw, _ = soundfile.read(tmp_path / "a.ogg", dtype="float32")
    assert _likeness(x[3:4], torch.from_numpy(raw.T)) == [5]


@pytest.mark.parametrize(
    "tag, order",
    [(121, "L R C LFE Ls Rs"), (122, "L R Ls Rs C LFE"), (123, "L C R Ls Rs LFE"),
     (124, "C L R Ls Rs LFE"), (108, "L R Ls Rs"), (133, "L R LFE")],
)  # fmt: skip
def test_the_orders_of_core_audio(tmp_path, tag, order):
    layout = as_layout(order)
    x = LEVELS[: len(layout), None].expand(-1, 100)
    file = io.BytesIO()
    soundfile.write(file, x.T.numpy(), 48_000, format="CAF", subtype="PCM_16")
    content = file.getvalue()
    chan = b"chan" + struct.pack(">QIII", 12, tag << 16 | len(layout), 0, 0)
    at = content.index(b"data")
    (tmp_path / "a.caf").write_bytes(content[:at] + chan + content[at:])
    info = audio_info(tmp_path / "a.caf")
    assert info.layout == tuple(sorted(layout, key=SPEAKERS.index))
    y, _ = load_audio(tmp_path / "a.caf")
    np.testing.assert_allclose(y, x[in_order(layout)], atol=1e-4)


def test_what_cannot_tell_a_layout_says_so(tmp_path):
    x = _tones(3)
    for name in ("a.ogg", "a.w64", "a.au"):
        saved = save_audio(tmp_path / name, x, 48_000, layout="2.1")
        assert any("the layout 2.1 is not kept" in note for note in saved.notes), name
        assert _likeness(x, load_audio(tmp_path / name)[0]) == [0, 1, 2]


def test_a_layout_of_another_number_is_left_out(tmp_path):
    save_audio(tmp_path / "a.wav", _tones(2), 48_000, layout="5.1")
    assert audio_info(tmp_path / "a.wav").layout == ("FL", "FR")


def test_names_of_layouts():
    assert as_layout("L R C LFE Ls Rs") == LAYOUTS["5.1(side)"] == of_mask(0x60F, 6)
    assert layout_name(("FL", "FR", "TC")) == "FL FR TC"
    with pytest.raises(ValueError, match=r"layout: expected one of mono.*got '5.2'"):
        as_layout("5.2")
    with pytest.raises(ValueError, match="'X' is no speaker"):
        as_layout("L R X")
    with pytest.raises(ValueError, match="'L' is there twice"):
        as_layout(["FL", "L"])


# Loudness of real files


@pytest.mark.parametrize("name", ["lfe_only_5_1.ogg", "lfe_only_2_1.wav"])
def test_low_effects_alone_have_no_loudness(shared_data, name):
    path = shared_data / "odd_files" / name
    x, rate = load_audio(path)
    layout = audio_info(path).layout
    assert x.abs().amax(1).argmax().item() == layout.index("LFE")
    assert measure_loudness(x, rate, layout=layout).item() < -70


def test_the_same_noise_from_four_sides(shared_data):
    path = shared_data / "odd_files" / "noise_quad.wav"
    x, rate = load_audio(path)
    layout = audio_info(path).layout
    assert layout in (LAYOUTS["quad"], LAYOUTS["quad(side)"])
    assert measure_loudness(x, rate, layout=layout).item() == pytest.approx(-13.0, abs=0.05)
