"""The policy: the numbers of the report, its equations written out, and what must not matter."""

import pytest
import torch

from dasp.controllers.console.features import BANDS
from dasp.controllers.deep_mixing.dirichlet import mean
from dasp.controllers.deep_mixing.policy import REPORT, Policy, Size
from dasp.controllers.deep_mixing.reward import rewards
from dasp.controllers.deep_mixing.slots import SLOTS, slots_of
from dasp.mixing.roles import KIT_MICROPHONES, KNOWN_ROLES

TINY = Size(track_state=6, mix_state=3, matching=5)


def policy(size=TINY):
    torch.manual_seed(0)
    return Policy(size)


def song(tracks=3, chunks=4, seed=0):
    """Powers that tracks share, with their slots."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(1, chunks, BANDS, tracks, 9, generator=draw) / 3
    slots = torch.tensor([slots_of(("kick", "vocal", "bass", "keys")[:tracks])])
    return x @ x.mT, slots, torch.ones(1, tracks, dtype=torch.bool)


def test_the_report_has_72_lstms_of_100_numbers_for_chunks_of_500_samples():
    """2 directions, 4 gates of 50 rows on 500 samples and 50 states, two biases; and the rest."""
    of_a_track = 2 * 4 * (50 * (500 + 50) + 2 * 50)
    of_the_mix = 4 * (5 * (13 + 5) + 2 * 5)
    matrices = 2 * 72 * 100 * 100 + 2 * 100 * 5
    count = sum(weight.numel() for weight in Policy(REPORT).parameters())
    assert count == 72 * of_a_track + of_the_mix + matrices == 17_339_000


def test_attention_is_that_of_the_report_written_out():
    own, (shared, slots, present) = policy(), song()
    listened = own.listen(shared.diagonal(dim1=-2, dim2=-1).permute(0, 3, 1, 2), slots, present)
    _, memory = own.first(listened)
    distribution, (b, _) = own.following(listened, torch.randn(1, 13), memory)
    gamma = []
    for i, slot in enumerate(slots[0].tolist()):
        h = listened.states[0, i]
        scores = [(own.to_moments.weight @ b[0]) @ (own.of_moments[slot] @ state) for state in h]
        weights = torch.stack(scores).softmax(0)
        context = sum(w * state for w, state in zip(weights, h, strict=True))
        gamma.append((own.to_tracks.weight @ b[0]) @ (own.of_tracks[slot] @ context))
    torch.testing.assert_close(distribution.share[0], torch.stack(gamma).softmax(0))


def test_each_slot_is_heard_by_its_own_lstm():
    own, (_, slots, present) = policy(), song()
    chunks = torch.randn(1, 3, 4, BANDS)
    states = own.listen(chunks, slots, present).states[0]
    for i, slot in enumerate(slots[0].tolist()):
        torch.testing.assert_close(states[i], own.hear_track[slot](chunks[0, i])[0])


@pytest.mark.parametrize("shared_weights", [False, True])
def test_absent_tracks_change_nothing(shared_weights):
    own = policy(Size(track_state=6, mix_state=3, matching=5, shared=shared_weights))
    shared, slots, present = song()
    alone = own(shared, slots, present, mean)
    padded = torch.nn.functional.pad(shared, (0, 2, 0, 2))
    more = own(padded, torch.nn.functional.pad(slots, (0, 2)),
               torch.nn.functional.pad(present, (0, 2)), mean)  # fmt: skip
    torch.testing.assert_close(more.gains[..., :3], alone.gains)
    assert (more.gains[..., 3:] == 0).all()
    torch.testing.assert_close(more.log_density, alone.log_density)


def test_with_shared_weights_a_track_is_what_it_sounds_like_and_not_its_slot():
    shared, slots, present = song()
    for shares, alike in ((True, True), (False, False)):
        own = policy(Size(track_state=6, mix_state=3, matching=5, shared=shares))
        gains, others = (own(shared, s, present, mean).gains for s in (slots, slots.flip(-1)))
        assert torch.allclose(gains, others) == alike


def test_gains_have_a_mean_of_one_and_begin_equal():
    gains = policy()(*song(), mean).gains[0]
    torch.testing.assert_close(gains.mean(-1), torch.ones(4))
    torch.testing.assert_close(gains[0], torch.ones(3))
    assert gains[1:].std(-1).min() > 0


def test_the_reward_is_one_for_the_true_mix_and_falls_as_the_report_says():
    episode = policy()(*song(), mean)
    present = torch.ones(1, 3, dtype=torch.bool)
    still = episode._replace(share=episode.share[:, :1].expand_as(episode.share))
    assert rewards(still, episode.cepstra, present).sub(1).abs().max() < 1e-6
    target = episode.cepstra + 0.3
    found = rewards(episode, target, present, rho=2.0)[0]
    for chunk in range(4):
        error = 13 * 0.3**2
        before, now = episode.share[0, max(chunk - 1, 0)], episode.share[0, chunk]
        change = (before * (before / now).log()).sum()
        assert found[chunk].item() == pytest.approx(torch.exp(-error - 2 * change).item(), rel=1e-4)


def test_every_role_has_a_slot_and_the_rest_goes_to_the_last():
    for role in (*KNOWN_ROLES, *{name.rsplit(" ", 1)[0] for name in KIT_MICROPHONES}):
        assert SLOTS[slots_of([role])[0]] in (role, "other")
    many = slots_of(["vocal"] * 10)
    assert len(set(many[:6])) == 6 and many[6:] == (len(SLOTS) - 1,) * 4
