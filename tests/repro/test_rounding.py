"""Rounding: exact forward, the documented derivative backward."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.rounding import ROUNDINGS, round_straight_through, round_third_order


@pytest.mark.parametrize("name", ROUNDINGS)
@given(value=st.floats(-1024, 1024, width=32))
def test_forward_is_exactly_round(name: str, value: float) -> None:
    z = torch.tensor([value])
    assert torch.equal(ROUNDINGS[name](z), z.round())


def test_third_order_backward() -> None:
    z = torch.linspace(-3, 3, 121, dtype=torch.float64, requires_grad=True)
    round_third_order(z).sum().backward()
    residue = z.detach() - z.detach().round()
    assert torch.allclose(z.grad, 3 * residue**2)
    assert (z.grad >= 0).all()


def test_third_order_backward_is_the_derivative_of_the_smooth_formula() -> None:
    z = torch.tensor([-1.3, 0.2, 0.45, 2.7], dtype=torch.float64, requires_grad=True)
    round_third_order(z).sum().backward()
    step = 1e-6

    def smooth(v: torch.Tensor) -> torch.Tensor:
        return v.round() + (v - v.round()) ** 3

    numeric = (smooth(z.detach() + step) - smooth(z.detach() - step)) / (2 * step)
    assert torch.allclose(z.grad, numeric, atol=1e-8)


def test_straight_through_backward_is_one() -> None:
    z = torch.randn(50, requires_grad=True)
    round_straight_through(z).sum().backward()
    assert torch.equal(z.grad, torch.ones(50))
