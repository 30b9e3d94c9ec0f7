import unicodedata

import pytest
import torch

from dasp.controllers.console.network import role_numbers
from dasp.controllers.rules.balance import LOUDNESS_BY_ROLE_LU, balance
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.controllers.systems import automatic_mix
from dasp.mixing.roles import ROLES, check_roles, guess_role, role_and_word, stereo_pairs
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("kick", "kick"), ("01_KickIn", "kick"), ("Bass Drum", "kick"), ("BD", "kick"),
        ("snare_top", "snare"), ("SnareBtm", "snare"),
        ("hihat", "hihat"), ("hi-hat", "hihat"), ("HH", "hihat"), ("alt_hats", "hihat"),
        ("tom1", "tom"), ("FloorTom", "tom"),
        ("overheadL", "overhead"), ("OH_R", "overhead"), ("overhead_L", "overhead"),
        ("Room Mic", "room"), ("crash_fade", "cymbal"), ("tambourine", "percussion"),
        ("house_beat", "drums"), ("main_drums", "drums"),
        ("ElecBass DI", "bass"), ("pad_bass", "bass"),
        ("vox_lead", "vocal"), ("LeadVocal", "vocal"),
        ("bgvox_high", "backing vocal"), ("BGV 2", "backing vocal"),
        ("Gtr2", "guitar"), ("AcousticGuitar", "guitar"), ("Piano", "keys"),
        ("minilogue_synth", "synth"), ("echo_pad", "pad"), ("fx", "effect"),
        ("OHs", "overhead"), ("OHL", "overhead"), ("BGVs", "backing vocal"), ("GTRs L", "guitar"),
        ("Background Vocals", "backing vocal"), ("BGVocals", "backing vocal"),
        ("Vox double", "backing vocal"), ("Vocal Chops", "vocal"), ("Vox Sub", "vocal"),
        ("Guitar H", "guitar"), ("H", "hihat"), ("Guitar Loop", "guitar"), ("loop 2", "drums"),
        ("Charles vox", "vocal"), ("Backing Guitar", "guitar"), ("Acoustic Piano", "keys"),
        ("kickin", "kick"), ("bassdi", "bass"), ("leadvox", "vocal"), ("drumroom", "room"),
        ("808", "bass"), ("Kick808", "kick"), ("1808", "other"), ("Voicemail", "other"),
        ("thing", "other"), ("", "other"), ("42", "other"), ("Bassoonist", "other"),
    ],
)  # fmt: skip
def test_roles_by_name(name, role):
    assert guess_role(name) == role


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("vocal", "Voix, Chant, Stimme, Gesang, Voz, Voces, Voce, Voci, Vozes, Vocais"),
        ("backing vocal", "Ch\u0153urs, Choeurs 2, Chor, Coros, Cori"),
        ("guitar", "Guitare \u00e9lectrique, Gitarre, E-Gitarre, Guitarra, Chitarra, Viol\u00e3o"),
        ("drums", "Batterie, Schlagzeug, Bater\u00eda, Batteria, Bateria"),
        ("kick", "Grosse caisse, Gro\u00dfe Trommel, Bombo, Cassa, Bumbo"),
        ("snare", "Caisse claire, Kleine Trommel, Caja, Rullante, Caixa"),
        ("hihat", "Charley, Charleston, Contratiempo, Chimbal"),
        ("cymbal", "Cymbales, Becken, Platillos, Piatti, Pratos"),
        ("bass", "Basse, Kontrabass, Bajo, Basso, Baixo"),
        ("keys", "Claviers, Orgue, Klavier, Fl\u00fcgel, Teclados, Tastiere, \u00d3rgano"),
        ("strings", "Cordes, Streicher, Cuerdas, Archi, Violino, Violines"),
        ("brass", "Cuivres, Bl\u00e4ser, Fl\u00f6te, Metales, Fiati, Metais"),
        ("percussion", "Percusi\u00f3n, Perkussion, Percussioni, Percuss\u00e3o, Pandeiro"),
    ],
)  # fmt: skip
def test_roles_in_other_languages(role, names):
    for name in names.split(", "):
        for form in ("NFC", "NFD"):
            written = unicodedata.normalize(form, name)
            assert guess_role(written) == guess_role(written.upper()) == role, name


def test_the_word_that_told_is_known():
    assert role_and_word("01 Background Vocals") == ("backing vocal", "background")
    assert role_and_word("Guitares 2") == ("guitar", "guitare")
    assert role_and_word("Take 7") == ("other", "")


def test_pairs_need_both_sides():
    names = ["overheadL", "kick", "overheadR", "Gtr_left", "Keys L", "Keys R", "Room R"]
    assert stereo_pairs(names) == {0: "left", 2: "right", 4: "left", 5: "right"}
    assert stereo_pairs(["L", "R"]) == {}


def test_every_role_has_a_loudness():
    assert LOUDNESS_BY_ROLE_LU.keys() == {*ROLES, "other"}


@pytest.mark.parametrize("name", ["Fl\u00fbte", "Pi\u00e1no 2", "K\u00efck in", "V\u00f6x \u00e9"])
def test_accents_change_no_role(name):
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    plain = name.translate(str.maketrans("\u00fb\u00e1\u00ef\u00f6\u00e9", "uaioe"))
    assert {guess_role(form) for form in forms} == {guess_role(plain)} != {"other"}


def test_a_role_that_is_none_is_named_by_its_place():
    check_roles(["kick", "other"])
    with pytest.raises(
        ValueError, match=r"tracks\[1\]\.role: no role 'voval'; did you mean 'vocal'"
    ):
        check_roles(["kick", "voval"], "tracks[{}].role")
    with pytest.raises(ValueError, match=r"roles\[0\]: no role 'drumkit'.*there are kick, snare"):
        balance([torch.ones(1, 9)], ["drumkit"], 44_100)
    with pytest.raises(ValueError, match=r"roles\[0\]: no role 'x'"):
        role_numbers(["x"])
    start = Mix(44_100, (Track("a", role="x"),))
    with pytest.raises(ValueError, match=r"tracks\[0\]\.role: no role 'x'"):
        rule_mix(Song.of("a", [torch.ones(1, 9)], 44_100), start)
    with pytest.raises(ValueError, match=r"tracks\[0\]\.role: no role 'x'"):
        automatic_mix(Song.of("a", [torch.ones(1, 9)], 44_100), start)
    with pytest.raises(ValueError, match=r"roles\[0\]: no role 'x'"):
        Song(("a",), ("x",), (torch.ones(1, 9),), 44_100)
