"""The window that lets near patches count more."""

import torch

from zegclip_core.surgery.self_attention import gaussian_window


def test_window_falls_with_the_squared_distance_in_tokens() -> None:
    window = gaussian_window((3, 4), 5.0)
    assert window.shape == (12, 12)
    assert torch.equal(window.diagonal(), torch.ones(12))
    # From (0, 1) to (2, 3): two rows and two columns.
    torch.testing.assert_close(window[1, 11], torch.tensor(-8 / 50).exp())
    assert torch.equal(window, window.T)
