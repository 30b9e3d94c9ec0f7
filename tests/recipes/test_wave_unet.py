import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dasp._toml import read_toml
from dasp.audio_io import save_audio
from dasp.controllers.wave_unet import Architecture, load_wave_unet, wave_unet_mix
from dasp.estimation.least_squares import fit_filters
from dasp.losses import esr
from dasp.mixing.song import Song
from dasp.processors.stage import find_stage
from dasp.recipes.wave_unet import UNSEEN, Config, Example, at_rate, build, known_mix, mixed_grooves
from dasp.songs.kit_groove import MICROPHONES, halves, load_kit
from dasp.songs.multitrack import Multitrack
from dasp.songs.table import load_dataset
from dasp.training import Training, train
from dasp.training.config import as_table, changed

RATE = 16_000
SLOTS = tuple(MICROPHONES)


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
    network = Architecture(SLOTS, sample_rate=RATE, levels=2, filters=4, down_size=5)
    return Config(
        str(kit), grooves=3, validation_grooves=1, seconds=2.0, window=2000, network=network
    )


def whole(song: Multitrack) -> Example:
    """A groove and its mix."""
    return Example(torch.cat(song.tracks), song.mix())


@pytest.fixture(scope="module")
def task(config):
    torch.manual_seed(0)
    return build(config)


def test_workers_draw_the_same(task):
    sent = pickle.loads(pickle.dumps(task.draw))
    here, there = (draw(torch.Generator().manual_seed(1)) for draw in (task.draw, sent))
    assert all(map(torch.equal, here, there))


def test_a_window_is_tracks_with_their_context_around_the_mix_of_them(kit, config, task):
    """The middle of the tracks is at one place of a groove, and the mix is that of this place."""
    length, heard = task.model.lengths(config.window)
    edge = task.model.context
    trained, _ = halves(load_kit(kit))
    grooves = list(map(whole, mixed_grooves(trained, 0, config.grooves, config.seconds)))
    for seed in range(5):
        tracks, mix = task.draw(torch.Generator().manual_seed(seed))
        assert tracks.shape == (7, length) and mix.shape == (2, heard)
        middle = tracks[:, edge:-edge]
        loudest = middle[0].abs().argmax().item()
        places = [
            (groove, int(place) - loudest)
            for groove in grooves
            for place in (groove.tracks[0] == middle[0, loudest]).nonzero()
        ]
        assert any(
            torch.equal(groove.tracks[:, start : start + heard], middle)
            and torch.equal(groove.mix[:, start : start + heard], mix)
            for groove, start in places
        )


def test_what_is_validated_on_has_no_hit_of_the_training(kit, task):
    trained, unseen = halves(at_rate(load_kit(kit), RATE))
    assert not {
        (stroke, hit.layer, hit.take) for stroke, hits in trained.hits.items() for hit in hits
    } & {(stroke, hit.layer, hit.take) for stroke, hits in unseen.hits.items() for hit in hits}
    (groove,) = map(whole, mixed_grooves(unseen, 10_000, 1, 2.0))
    edge, start = task.model.context, 0
    for tracks, mix in task.validation:
        assert torch.equal(mix[0], groove.mix[:, start : start + mix.shape[-1]])
        assert torch.equal(
            tracks[0, :, edge:-edge], groove.tracks[:, start : start + mix.shape[-1]]
        )
        start += mix.shape[-1]


def test_a_window_longer_than_a_groove_is_refused(config):
    with pytest.raises(ValueError, match=r"window: expected at most 32000 .*length of a groove"):
        build(replace(config, window=33_000))


def test_the_engineer_pans_and_brings_up_quiet_moments():
    """Of noise, a side microphone comes from its side by the law of the pan; ratios are over 1."""
    mix = known_mix(RATE)
    assert [track.name for track in mix.tracks] == list(SLOTS)
    oh, side = (find_stage(mix.tracks[i].strip, "stereo_panner") for i in (2, 3))
    assert oh.settings["pan"] == -side.settings["pan"] > 0
    assert find_stage(mix.tracks[0].strip, "compressor").settings["ratio"] > 1


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_few_steps_come_nearer_than_the_best_static_gains(config, padding, tmp_path):
    """On a groove, and hits, that it has not heard."""
    config = replace(config, network=replace(config.network, padding=padding))
    torch.manual_seed(0)
    task = build(config)
    training = Training(steps=120, batch_size=2, learning_rate=1e-2, ema_decay=0.9, clip_norm=1.0)
    edge = task.model.context
    tracks = together(task, lambda x: x.tracks[..., edge:-edge])
    aim = together(task, lambda x: x.mix)
    static = fit_filters(tracks, aim).images(tracks[:, None]).sum(0)

    def error(mix: torch.Tensor) -> float:
        return esr(mix, aim).item()

    def mixed(network: torch.nn.Module, tracks: torch.Tensor) -> torch.Tensor:
        return network(tracks) if padding == "valid" else network(tracks)[..., edge:-edge]

    before = error(together(task, lambda x: mixed(task.model, x.tracks)))
    train(task, training, tmp_path, facts={"recipe": "wave_unet", "config": as_table(config)})
    network, architecture = load_wave_unet(tmp_path / "weights.safetensors")
    after = error(together(task, lambda x: mixed(network, x.tracks)))
    assert architecture == config.network
    assert after < error(static) < before


def test_the_package_s_network_mixes_grooves_of_hits_that_it_has_not_heard(shared_data):
    """Nearer to the engineer than 12 dB, which is more than any filters of 64 taps come to."""
    kit = load_kit(shared_data / "drumbank_gogodze_7mic")
    _, unseen = halves(at_rate(kit, 22_050))
    (groove,) = map(whole, mixed_grooves(unseen, UNSEEN, 1, 5.0))
    mix = wave_unet_mix(Song.of(SLOTS, groove.tracks[:, None], 22_050))
    assert esr(mix, groove.mix) < 10**-1.2


def test_a_data_set_of_drums_in_place_of_the_grooves(tmp_path):
    """Three recordings in the layout of ENST-Drums: microphones in their slots, the wet mix."""
    for drummer, name in ((1, "001_a"), (1, "002_b"), (2, "003_c")):
        for folder, channels in (("kick", 1), ("snare", 1), ("dry_mix", 2), ("wet_mix", 2)):
            path = tmp_path / f"drummer_{drummer}" / "audio" / folder / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_audio(path, 0.1 * torch.randn(channels, 4000), RATE, subtype="FLOAT")
    network = Architecture(("snare", "kick", "hihat"), RATE, levels=2, filters=4, down_size=5)
    task = build(Config(data=f"enst_drums:{tmp_path}", mix="wet", window=500, network=network))
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
    assert config.network == Architecture(SLOTS)
    network = config.network.network()
    assert network.lengths(config.window) == (121_843, 89_093)
    # One input less than the paper's eight: 15 weights in 24 filters, and one in two.
    assert sum(w.numel() for w in network.parameters()) == 6_183_450 - 24 * 15 - 2
    assert config.training.batch_size == 16 and config.training.learning_rate == 1e-4
    assert config.training.patience * config.training.validate_every == 20 * 2000
