"""`dasp export`."""


def test_a_mix_becomes_a_project(dasp, tmp_path):
    dasp("synthesise", tmp_path / "stems", "--seconds", 1, "--rate", 22_050)
    dasp("mix", tmp_path / "stems", "-o", tmp_path / "mix.wav", "--system", "rules")
    project = tmp_path / "studio" / "mix.rpp"
    status, out, err = dasp("export", tmp_path / "mix.json", "--to", "reaper", "-o", project)
    assert (status, out) == (0, f"{project}\n")
    assert err == (
        "note: master: the limiter keeps its ceiling and gain; its release is ReaLimit's\n"
    )
    text = project.read_text()
    assert text.count("<TRACK") == 8 and 'FILE "../stems/kick.wav"' in text
    assert dasp("export", tmp_path / "mix.json", "--to", "reaper", "-o", project)[0] == 1
