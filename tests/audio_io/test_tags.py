"""What a file tells beside its samples goes into the new file, or is named as lost."""

import struct

import numpy as np
import pytest
import soundfile
import torch

from dasp.audio_io import AudioFileError, audio_info, load_audio, read_tags, save_audio, save_blocks
from dasp.batch.job import Job
from dasp.batch.process_file import ProcessFile
from dasp.processors.catalogue import GAIN
from dasp.processors.document import to_document
from tests.broken_audio import wav
from tests.mpeg_frames import mp3

X = torch.linspace(-0.5, 0.5, 9600).expand(2, -1)
RATE = 48_000


def _chunk(name: bytes, content: bytes, order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", len(content)) + content + bytes(len(content) % 2)


BEXT = (
    b"A description".ljust(256, b"\0") + b"An originator".ljust(64, b"\0") + b"2026-11-2912:00:00"
    + struct.pack("<Q", 3600 * RATE) + struct.pack("<H", 2) + bytes(64)
    + struct.pack("<5h", -2300, 900, -100, -2000, -2100) + bytes(180)
)  # fmt: skip
CUE = struct.pack("<I", 2) + b"".join(
    struct.pack("<II4sIII", i, place, b"data", 0, 0, place) for i, place in ((1, 480), (2, 4800))
)
SMPL = struct.pack("<9I", 0, 0, 1_000_000_000 // RATE, 60, 0, 0, 0, 1, 0) + struct.pack(
    "<6I", 0, 0, 960, 4799, 0, 0
)
ADTL = (
    b"adtl"
    + _chunk(b"labl", struct.pack("<I", 1) + b"Chorus\0")
    + _chunk(b"ltxt", struct.pack("<II4sHHHH", 1, 480, b"rgn ", 0, 0, 0, 0))
)
INFO = b"INFO" + _chunk(b"INAM", b"A title\0") + _chunk(b"IART", "Björk".encode() + b"\0")
IXML = (
    b"<BWFXML><SPEED><FILE_SAMPLE_RATE>48000</FILE_SAMPLE_RATE><TIMESTAMP_SAMPLES_SINCE_MIDNIGHT"
    b"_HI>1</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI><TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>10"
    b"</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED></BWFXML>"
)
CHUNKS = {b"bext": BEXT, b"cue ": CUE, b"smpl": SMPL, b"iXML": IXML}


def _tagged_wav(path, before: bool = True):
    chunks = b"".join(_chunk(name, content) for name, content in CHUNKS.items())
    chunks += _chunk(b"LIST", ADTL) + _chunk(b"LIST", INFO)
    plain = wav((X.T.numpy() * 32767).astype(np.int16).tobytes(), channels=2)
    content = plain[:36] + chunks + plain[36:] if before else plain + chunks
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    return path


def _process(source, target, **more):
    document = to_document(GAIN, {"gain_db": -1.0})
    return ProcessFile(document, **more)(Job(source, (target,)))


def _found(path, rate=RATE) -> dict[bytes, bytes]:
    return dict(read_tags(path, rate).chunks)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("segment_s", [None, 0.05])
@pytest.mark.parametrize("name", ["b.wav", "b.rf64"])
def test_a_broadcast_wave_keeps_all(tmp_path, before, segment_s, name):
    source = _tagged_wav(tmp_path / "a.wav", before)
    facts = _process(source, tmp_path / name, segment_s=segment_s)
    assert "notes" not in facts
    found = _found(tmp_path / name)
    assert {n: found[n] for n in (b"cue ", b"smpl", b"iXML")} == {
        n: CHUNKS[n] for n in (b"cue ", b"smpl", b"iXML")
    }
    assert found[b"LIST"] == ADTL
    assert found[b"bext"][:412] == BEXT[:412]
    # The loudness is another now; this is how one says that it is not known.
    assert struct.unpack("<5h", found[b"bext"][412:422]) == (0x7FFF,) * 5
    assert read_tags(tmp_path / name, RATE).fields == {"title": "A title", "artist": "Björk"}
    with soundfile.SoundFile(tmp_path / name) as file:  # Another reader.
        assert file.frames == 9600 and file.title == "A title" and file.artist == "Björk"
    content = (tmp_path / name).read_bytes()
    if name == "b.wav":
        assert int.from_bytes(content[4:8], "little") == len(content) - 8


@pytest.mark.parametrize("segment_s", [None, 0.05])
def test_places_are_counted_at_the_new_rate(tmp_path, segment_s):
    source = _tagged_wav(tmp_path / "a.wav")
    _process(source, tmp_path / "b.wav", sample_rate=96_000, segment_s=segment_s, tail_s=0.1)
    found = _found(tmp_path / "b.wav", 96_000)
    assert int.from_bytes(found[b"bext"][338:346], "little") == 3600 * 96_000
    assert [struct.unpack_from("<I", found[b"cue "], at + 20)[0] for at in (4, 28)] == [960, 9600]
    assert struct.unpack_from("<II", found[b"smpl"], 44) == (1920, 9598)
    assert struct.unpack_from("<I", found[b"smpl"], 8)[0] == round(1e9 / 96_000)
    assert struct.unpack("<I", found[b"LIST"][-16:-12])[0] == 960
    assert b"<FILE_SAMPLE_RATE>96000<" in found[b"iXML"]
    assert b"_HI>2<" in found[b"iXML"] and b"_LO>20<" in found[b"iXML"]


@pytest.mark.parametrize("ending", ["wav", "rf64", "flac", "ogg", "opus", "mp3", "aiff", "caf"])
@pytest.mark.parametrize("in_blocks", [False, True])
def test_titles_go_from_every_format_to_every_other(tmp_path, ending, in_blocks):
    source = tmp_path / f"a.{ending}"
    save_audio(source, X, RATE, tags=read_tags(_tagged_wav(tmp_path / "t.wav"), RATE))
    tags = read_tags(source, RATE)
    assert (tags.fields["title"], tags.fields["artist"]) == ("A title", "Björk")
    for other in ("wav", "flac", "ogg", "mp3", "aiff", "caf"):
        target = tmp_path / f"b.{other}"
        if in_blocks:
            blocks = X.split(4000, -1)
            save_blocks(target, lambda: iter(blocks), RATE, frames=9600, tags=tags, overwrite=True)  # noqa: B023
        else:
            save_audio(target, X, RATE, tags=tags, overwrite=True)
        fields = read_tags(target, RATE).fields
        assert (fields["title"], fields["artist"]) == ("A title", "Björk"), other
        assert load_audio(target)[0].shape == X.shape, other
        with soundfile.SoundFile(target) as file:
            assert (file.title, file.artist) == ("A title", "Björk"), other


def test_what_has_no_place_is_said_in_one_line(tmp_path):
    source = _tagged_wav(tmp_path / "a.wav")
    facts = _process(source, tmp_path / "b.flac")
    (note,) = facts["notes"]
    assert note.startswith(f"{tmp_path / 'b.flac'}: not kept, FLAC has no place for it here: ")
    assert "bext (time and origin), cue points, loops (smpl), iXML, labels (adtl)" in note
    (note,) = _process(source, tmp_path / "b.au")["notes"]
    assert "title" in note and "cue points" in note


def test_flac_keeps_its_comments_and_pictures(tmp_path):
    source, target = tmp_path / "a.flac", tmp_path / "b.flac"
    save_audio(source, X, RATE)
    content = source.read_bytes()
    comments = [b"TITLE=A title", b"ISRC=X1", b"ARTIST=A", b"ARTIST=B", b"REPLAYGAIN_TRACK_GAIN=-3"]
    body = struct.pack("<I", 1) + b"v" + struct.pack("<I", len(comments))
    body += b"".join(struct.pack("<I", len(c)) + c for c in comments)
    picture = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">6I", 0, 1, 1, 24, 0, 100)
    picture += bytes(range(100))
    blocks = b"\x04" + len(body).to_bytes(3, "big") + body
    blocks += b"\x86" + len(picture).to_bytes(3, "big") + picture
    source.write_bytes(content[:4] + b"\0" + content[5:42] + blocks + content[_audio_of(content) :])
    facts = _process(source, target)
    assert facts["notes"] == [f"{target}: not kept, no longer true: replaygain_track_gain"]
    tags = read_tags(target, RATE)
    assert tags.fields == {"title": "A title", "isrc": "X1", "artist": "A; B"}
    assert tags.chunks == ((b"PICTURE", picture),)
    assert load_audio(target)[0].shape == X.shape


def _audio_of(flac: bytes) -> int:
    place, is_last = 4, False
    while not is_last:
        is_last = bool(flac[place] & 0x80)
        place += 4 + int.from_bytes(flac[place + 1 : place + 4], "big")
    return place


def test_mpeg_keeps_its_whole_tag(tmp_path):
    picture = b"APIC" + struct.pack(">I", 20) + bytes(22)
    title = b"TIT2" + struct.pack(">I", 8) + bytes(2) + b"\0A title"
    tag = b"ID3\3\0\0" + bytes([0, 0, 0, len(picture + title)]) + title + picture
    (tmp_path / "a.mp3").write_bytes(tag + mp3(X.T.numpy(), RATE))
    assert _process(tmp_path / "a.mp3", tmp_path / "b.mp3").get("notes") is None
    assert (tmp_path / "b.mp3").read_bytes().startswith(tag)
    (note,) = _process(tmp_path / "a.mp3", tmp_path / "b.wav")["notes"]
    assert note.endswith("not kept, WAV has no place for it here: picture")
    assert read_tags(tmp_path / "b.wav", RATE).fields["title"] == "A title"
    assert audio_info(tmp_path / "b.wav").subtype == "PCM_24"


@pytest.mark.parametrize("text", [b"\0A title", b"\3A title", b"\1" + "A title".encode("utf-16")])
def test_texts_of_mpeg_in_every_encoding(tmp_path, capfd, text):
    """Of joined files too, whose table speaks of a part: no decoder is asked, or warns."""
    frame = b"TIT2" + struct.pack(">I", len(text)) + bytes(2) + text
    tag = b"ID3\3\0\0" + bytes([0, 0, 0, len(frame)]) + frame
    content = mp3(X.T.numpy(), RATE)
    (tmp_path / "a.mp3").write_bytes(tag + content + content)
    assert read_tags(tmp_path / "a.mp3", RATE).fields == {"title": "A title"}
    _process(tmp_path / "a.mp3", tmp_path / "b.flac")
    assert read_tags(tmp_path / "b.flac", RATE).fields == {"title": "A title"}
    assert capfd.readouterr().err == ""
    old = b"TAG" + b"A title".ljust(30, b"\0") + b"An artist".ljust(30, b"\0") + bytes(65)
    (tmp_path / "c.mp3").write_bytes(content + old)
    fields = read_tags(tmp_path / "c.mp3", RATE).fields
    assert fields == {"title": "A title", "artist": "An artist"}


def test_marks_of_aiff_move_with_the_rate(tmp_path):
    save_audio(tmp_path / "a.aiff", X, RATE)
    mark = struct.pack(">HHIB", 1, 7, 4800, 5) + b"Start"
    content = (tmp_path / "a.aiff").read_bytes() + _chunk(b"MARK", mark, ">")
    content = content[:4] + struct.pack(">I", len(content) - 8) + content[8:]
    (tmp_path / "a.aiff").write_bytes(content)
    assert (
        _process(tmp_path / "a.aiff", tmp_path / "b.aiff", sample_rate=24_000).get("notes") is None
    )
    found = _found(tmp_path / "b.aiff", 24_000)[b"MARK"]
    assert struct.unpack(">HHIB", found[:9]) == (1, 7, 2400, 5) and found[9:] == b"Start"


def test_broken_tags_are_no_reason_to_fail(tmp_path):
    path = _tagged_wav(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(50):
        damaged = bytearray(content)
        for place in rng.integers(36, 1400, 20):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            save_audio(tmp_path / "b.wav", X, RATE, tags=read_tags(path, RATE), overwrite=True)
        except AudioFileError:
            pytest.fail("a tag was in the way")
        assert load_audio(tmp_path / "b.wav")[0].shape == X.shape


# How samples are stored


@pytest.mark.parametrize("source", [
    ("a.wav", "PCM_16"), ("a.wav", "PCM_U8"), ("a.wav", "FLOAT"), ("a.wav", "ULAW"),
    ("a.wav", "IMA_ADPCM"), ("a.wav", "GSM610"), ("a.flac", "PCM_24"), ("a.aiff", "PCM_S8"),
    ("a.caf", "ALAC_24"), ("a.au", "G721_32"), ("a.ogg", "VORBIS"), ("a.ogg", "OPUS"),
    ("a.mp3", "MPEG_LAYER_III"), ("a.w64", "DOUBLE"), ("a.rf64", "PCM_32"),
])  # fmt: skip
def test_every_format_goes_into_every_other(tmp_path, source):
    """Integers and floats as they are; what a codec made, only into its own format."""
    name, subtype = source
    path = tmp_path / name
    channels = 1 if subtype in ("GSM610", "G721_32") else 2
    soundfile.write(path, X[:channels].T.numpy(), RATE, subtype=subtype)
    for ending in ("wav", "flac", "aiff", "caf", "au", "w64", "rf64", "ogg", "opus", "mp3"):
        target = tmp_path / f"b.{ending}"
        facts = _process(path, target, overwrite=True)
        info = audio_info(target)
        expected = subtype
        if not soundfile.check_format(*_format(ending), subtype) or (
            not subtype.startswith(("PCM", "FLOAT", "DOUBLE")) and ending != path.suffix[1:]
        ):
            expected = {"ogg": "VORBIS", "opus": "OPUS", "mp3": "MPEG_LAYER_III"}.get(
                ending, "PCM_24"
            )
        assert (info.subtype, facts["subtype"]) == (expected, expected), ending
        assert info.channels == channels and abs(info.frames - 9600) <= 2048


def _format(ending: str) -> tuple[str]:
    return ({"opus": "OGG"}.get(ending, ending.upper()),)
