"""The effect encoder: the numbers of the published one, and what any of them must do."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from dasp.controllers.style.network import PAPER, EffectEncoder, Size

TINY = Size(channels=(8, 12), kernels=(5, 3), strides=(2, 2), hidden=16, embedding=10)


def test_the_published_encoder_hears_two_and_a_half_seconds():
    """A block adds twice its kernel less one, at the distance of its inputs."""
    assert PAPER.receptive_field == 1 + 2 * (
        24 * 1 + 24 * 4 + 14 * 16 + 14 * 32 + 9 * 64 + 9 * 128 + 9 * 256 + 9 * 512
        + 4 * 1024 + 4 * 2048 + 4 * 4096 + 4 * 4096
    )  # fmt: skip
    assert PAPER.receptive_field == 108_977


def test_the_receptive_field_is_what_a_network_hears():
    """Which inputs move the middle of the last block, in a thin network of the same kernels."""
    thin = replace(PAPER, channels=(1,) * 12)
    blocks = EffectEncoder(thin).eval().blocks
    with torch.no_grad():
        for name, weight in blocks.named_parameters():
            weight.fill_(0.0 if "bias" in name else 0.5)
    x = torch.ones(1, 2, 2**18, requires_grad=True)
    y = blocks(x)
    moves = torch.autograd.grad(y[0, 0, y.shape[-1] // 2], x)[0][0, 0].nonzero()
    assert moves.max() - moves.min() + 1 == thin.receptive_field == PAPER.receptive_field


def test_the_published_encoder_has_eighty_one_million_weights():
    """Two convolutions of a block and two norms, written out."""
    total, before = 0, 2
    for width, kernel in zip(PAPER.channels, PAPER.kernels, strict=True):
        total += before * before * kernel + before + 2 * before
        total += before * width * kernel + width + 2 * width
        before = width
    with torch.device("meta"):
        encoder = EffectEncoder(PAPER)
    assert sum(weight.numel() for weight in encoder.parameters()) == total == 81_392_682


def test_the_published_encoder_makes_two_thousand_numbers():
    thin = replace(PAPER, channels=(4,) * 11 + (2048,))
    encoder = EffectEncoder(thin).eval()
    assert encoder(encoder.hear(torch.randn(3, 2, 30_000), 44_100)).shape == (3, 2048)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_embeddings_have_length_one_and_the_shape_of_the_batch(batch):
    encoder = EffectEncoder(TINY).eval()
    found = encoder(encoder.hear(torch.randn(*batch, 2, 20_000), 44_100))
    assert found.shape == (*batch, 10)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(batch))


def test_items_of_a_batch_do_not_hear_each_other():
    encoder = EffectEncoder(TINY).eval()
    heard = encoder.hear(torch.randn(4, 2, 20_000), 44_100)
    alone = torch.stack([encoder(one) for one in heard])
    torch.testing.assert_close(encoder(heard), alone, atol=1e-5, rtol=1e-4)


def test_the_encoder_of_the_package_has_fewer_bytes_than_two_million():
    assert 2 * sum(x.numel() for x in EffectEncoder().state_dict().values()) < 2_000_000


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="channels: expected as many as kernels and strides"):
        Size(channels=(8, 8))
    with pytest.raises(ValueError, match="hears: expected one of"):
        Size(hears="pictures")


def test_short_audio_is_heard_too():
    encoder = EffectEncoder(TINY).eval()
    assert encoder(encoder.hear(torch.zeros(2, 1), 44_100)).isfinite().all()
    waveform = EffectEncoder(replace(PAPER, channels=(2,) * 12)).eval()
    assert isinstance(waveform.norm, nn.Identity)
    assert waveform(torch.zeros(2, 5)).isfinite().all()
