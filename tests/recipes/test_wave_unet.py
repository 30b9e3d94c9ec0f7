import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dasp._toml import read_toml
from dasp.audio_io import load_audio, save_audio
from dasp.controllers.kit_slots import in_slots
from dasp.controllers.wave_unet import DRUM_SLOTS, Architecture, load_wave_unet, wave_unet_mix
from dasp.evaluation.metrics import METRICS
from dasp.losses import esr
from dasp.recipes.wave_unet import UNSEEN, Config, Example, at_rate, build, kit_recordings
from dasp.songs.kit_groove import halves, load_kit
from dasp.songs.kit_recordings import kit_recording
from dasp.songs.multitrack import Multitrack, load_folder
from dasp.songs.table import load_dataset
from dasp.training import Training, train
from dasp.training.config import as_table, changed

RATE = 22_050


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    """Hits that are short bursts of noise, other in every microphone, of two velocities each."""
    folder = tmp_path_factory.mktemp("kit")
    draw = torch.Generator().manual_seed(0)
    decay = torch.exp(-torch.arange(800) / 150)
    for stroke in ("ks", "sc", "ht", "th", "tm", "tl"):
        for layer in (2, 5):
            audio = 0.1 * layer * decay * torch.randn(7, 800, generator=draw)
            save_audio(folder / f"{stroke}_vl{layer}_rr1.wav", audio, RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def config(kit) -> Config:
    network = Architecture(
        sample_rate=RATE, levels=2, filters=4, down_size=5, mixes=("dry", "wet"), prepared=True
    )
    return Config(
        str(kit), recordings=4, validation_recordings=1, seconds=2.0, window=2000, network=network
    )


def whole(song: Multitrack) -> Example:
    """A recording and its mixes."""
    mixes = torch.cat([song.mix("dry"), song.mix("wet")])
    return Example(in_slots(song.song, DRUM_SLOTS), mixes)


@pytest.fixture(scope="module")
def task(config):
    torch.manual_seed(0)
    return build(config)


def test_workers_draw_the_same(task):
    sent = pickle.loads(pickle.dumps(task.draw))
    here, there = (draw(torch.Generator().manual_seed(1)) for draw in (task.draw, sent))
    assert all(map(torch.equal, here, there))


def test_a_window_is_tracks_with_their_context_around_the_mixes_of_them(kit, config, task):
    """The middle of the tracks is at one place of a recording, and the mixes are of this place."""
    length, heard = task.model.lengths(config.window)
    edge = task.model.context
    trained, _ = halves(load_kit(kit))
    songs = list(map(whole, kit_recordings(0, config.recordings, config.seconds, RATE, trained)))
    for seed in range(5):
        tracks, mix = task.draw(torch.Generator().manual_seed(seed))
        assert tracks.shape == (8, length) and mix.shape == (4, heard)
        middle = tracks[:, edge:-edge]
        row, loudest = divmod(middle.abs().argmax().item(), heard)
        places = [
            (song, int(place) - loudest)
            for song in songs
            for place in (song.tracks[row] == middle[row, loudest]).nonzero()
        ]
        assert any(
            torch.equal(song.tracks[:, start : start + heard], middle)
            and torch.equal(song.mix[:, start : start + heard], mix)
            for song, start in places
        )


def test_every_fourth_recording_is_on_the_real_kit(kit):
    hits = load_kit(kit)
    for real, (with_kit, without) in enumerate(
        zip(kit_recordings(0, 4, 1.0, RATE, hits), kit_recordings(0, 4, 1.0, RATE), strict=True)
    ):
        assert torch.equal(with_kit.mix("dry"), without.mix("dry")) == (real != 3)


def test_what_is_validated_on_has_no_hit_of_the_training(kit):
    trained, unseen = halves(at_rate(load_kit(kit), RATE))
    assert not {
        (stroke, hit.layer, hit.take) for stroke, hits in trained.hits.items() for hit in hits
    } & {(stroke, hit.layer, hit.take) for stroke, hits in unseen.hits.items() for hit in hits}


def test_it_begins_as_a_sum_of_the_panned_microphones(task):
    """Before it has learnt anything: the kick is in the middle, and each overhead on its side."""
    impulses = torch.eye(8)[:, :, None] * torch.ones(task.model.lengths(100)[0])
    with torch.no_grad():
        gains = task.model(impulses)[:, :, 0]
    assert torch.equal(gains[:, :2], gains[:, 2:])  # dry as wet
    torch.testing.assert_close(gains[:, :2].norm(dim=-1), torch.ones(8))
    left, right = gains[:, 0], gains[:, 1]
    assert left[1] == right[1] and left[2] > right[2] and right[3] > left[3] and right[0] > left[0]


def test_a_window_longer_than_a_groove_is_refused(config):
    with pytest.raises(ValueError, match=r"window: expected at most 44100 .*length of a song"):
        build(replace(config, window=45_000))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_few_steps_come_nearer_than_the_sum_that_it_begins_as(config, padding, tmp_path):
    """On a kit that it has not heard; the file has what was learnt, in half the bytes."""
    network = replace(config.network, padding=padding, mixes=("wet",))
    config = replace(config, network=network, recordings=3)
    torch.manual_seed(0)
    task = build(config)
    training = Training(steps=80, batch_size=2, learning_rate=3e-3, ema_decay=0.9, clip_norm=1.0)
    edge = task.model.context
    aim = together(task, lambda x: x.mix)

    def error(network: torch.nn.Module) -> float:
        def mixed(tracks: torch.Tensor) -> torch.Tensor:
            return network(tracks) if padding == "valid" else network(tracks)[..., edge:-edge]

        return esr(together(task, lambda x: mixed(x.tracks)), aim).item()

    before = error(task.model)
    train(task, training, tmp_path, facts={"recipe": "wave_unet", "config": as_table(config)})
    learnt, architecture = load_wave_unet(tmp_path / "weights.safetensors")
    assert architecture == config.network and error(learnt) < 0.9 * before
    size = sum(x.numel() * x.element_size() for x in learnt.state_dict().values())
    assert (tmp_path / "weights.safetensors").stat().st_size < 0.6 * size + 4000


def test_the_package_s_network_mixes_kits_that_it_has_not_heard():
    """Dry and wet, nearer to the engineer than the plain sum."""
    song = kit_recording(UNSEEN, seconds=4.0)
    sdr = METRICS["gain_invariant_sdr"].error
    plain = sum(song.tracks).expand(2, -1)
    for name in ("dry", "wet"):
        mix = wave_unet_mix(song.song, mix=name)
        answer = song.mix(name)
        assert sdr(mix, answer, 44_100) > sdr(plain, answer, 44_100) + 3


def test_the_package_s_network_beats_a_forest_on_a_real_kit(shared_data):
    """6.1 dB is what the published random forest reaches on this clip."""
    song = load_folder(shared_data / "drums_enst066" / "tracks").song
    answer, _ = load_audio(shared_data / "drums_enst066" / "human_dry_mix.flac")
    mix = wave_unet_mix(song)
    assert METRICS["gain_invariant_sdr"].error(mix, answer, song.sample_rate) > 6.1


def test_a_data_set_of_drums_in_place_of_the_grooves(tmp_path):
    """Three recordings in the layout of ENST-Drums: microphones in their slots, the wet mix."""
    for drummer, name in ((1, "001_a"), (1, "002_b"), (2, "003_c")):
        for folder, channels in (("kick", 1), ("snare", 1), ("dry_mix", 2), ("wet_mix", 2)):
            path = tmp_path / f"drummer_{drummer}" / "audio" / folder / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_audio(path, 0.1 * torch.randn(channels, 4000), RATE, subtype="FLOAT")
    network = Architecture(
        ("snare", "kick", "hihat"), RATE, levels=2, filters=4, down_size=5, mixes=("wet",),
        prepared=True,
    )  # fmt: skip
    task = build(Config(data=f"enst_drums:{tmp_path}", window=500, network=network))
    assert not Config(
        data=f"enst_drums:{tmp_path}", network=network
    ).network.prepared  # its kits are heard as they are
    songs = load_dataset(f"enst_drums:{tmp_path}", sample_rate=RATE)
    judged = songs[2]
    tracks, mix = (x[0] for x in task.validation[0])
    edge, heard = task.model.context, mix.shape[-1]
    assert torch.equal(mix, judged.mix("wet", 0, heard))
    kick, snare = (judged.tracks[judged.names.index(name)][0, :heard] for name in ("kick", "snare"))
    assert torch.equal(tracks[:, edge : edge + heard], torch.stack((snare, kick, 0 * kick)))
    drawn = task.draw(torch.Generator().manual_seed(0)).mix
    assert drawn.shape == mix.shape and not torch.equal(drawn, mix)


def together(task, what) -> torch.Tensor:
    """One signal of what is had for each window of the validation groove."""
    return torch.cat([what(example)[0].detach() for example in task.validation], -1)


def test_the_paper_s_configuration_in_the_docs_is_the_paper_s(tmp_path):
    docs = Path(__file__).resolve().parents[2] / "docs" / "wave_unet.md"
    (block,) = re.findall(r"```toml\n(.*?)```", docs.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "paper.toml").write_text(block, encoding="utf-8")
    config = changed(Config(), read_toml(tmp_path / "paper.toml"))
    assert config.network == Architecture(mixes=("dry",), prepared=True)
    network = config.network.network()
    assert network.lengths(config.window) == (121_843, 89_093)
    assert sum(w.numel() for w in network.parameters()) == 6_183_450
    assert config.training.batch_size == 16 and config.training.learning_rate == 1e-4
    assert config.training.patience * config.training.validate_every == 20 * 2000
