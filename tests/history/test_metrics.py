"""Metrics: values as floats, and who reports which."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from engines import inf, nan
from hypothesis import given
from hypothesis import strategies as st

from ignite_delayed import MetricValueError, Record, UnknownMetricError
from ignite_delayed.history.metrics import as_float, reporter, require


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0.5, 0.5),
        (3, 3.0),
        (2**80, float(2**80)),
        (True, 1.0),
        (Fraction(1, 4), 0.25),
        (Decimal("0.25"), 0.25),
        (np.float16(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int32(-3), -3.0),
        (np.bool_(True), 1.0),
        (np.array(0.5), 0.5),
        (np.array([[7]]), 7.0),
        (torch.tensor(0.5), 0.5),
        (torch.tensor([0.5], requires_grad=True), 0.5),
        (torch.tensor([[True]]), 1.0),
        (torch.tensor(3, dtype=torch.int64), 3.0),
        (torch.tensor(0.5, dtype=torch.bfloat16), 0.5),
        (inf, inf),
        (-inf, -inf),
    ],
)
def test_one_number_is_a_float(value: Any, number: float) -> None:
    coerced = as_float(value)
    assert (type(coerced), coerced) == (float, number)


@pytest.mark.parametrize("value", [None, nan, np.float32("nan"), torch.tensor(nan)])
def test_no_value_is_nan(value: Any) -> None:
    coerced = as_float(value)
    assert isinstance(coerced, float)
    assert math.isnan(coerced)


class _Broken:
    shape = ()

    def item(self) -> float:
        raise RuntimeError("no memory behind it")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (torch.zeros(2, 2), "it has 4 elements (shape (2, 2)); report one number, for example its mean"),
        (np.zeros(0), "it has 0 elements (shape (0,)); report one number, for example its mean"),
        (1 + 2j, "it is the complex number (1+2j); report its real part or its absolute value"),
        (torch.tensor(1j), "it is the complex number 1j; report its real part or its absolute value"),
        ("0.5", "it is of type str, not a number"),
        ({"a": 1}, "it is of type dict, not a number"),
        ([0.5], "it is of type list, not a number"),
        (10**400, f"1{'0' * 39} is too large for a float"),
        (_Broken(), "its item() failed with RuntimeError('no memory behind it')"),
    ],
)
def test_the_rest_says_why_not(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        as_float(value)


@given(st.floats())
def test_every_float_survives_numpy_and_torch(number: float) -> None:
    for value in (number, np.float64(number), np.array([number]), torch.tensor(number, dtype=torch.float64)):
        assert repr(as_float(value)) == repr(number)


def test_who_reports_a_metric() -> None:
    assert reporter("loss", [""]) == ""
    assert reporter("val/loss", [""]) == ""
    assert reporter("val/loss", ["train", "val"]) == "val"
    assert reporter("val/top/5", ["train", "val"]) == "val"
    assert reporter("lr", ["train", "val"]) is None
    assert reporter("lr/0", ["train", "val"]) is None
    assert reporter("val", ["train", "val"]) is None
    assert reporter("loss", []) is None


def test_what_a_record_must_report() -> None:
    record = Record(epoch=1, iteration=1, source="val", values={"val/loss": 1.0})
    require(["val/loss"], record.source, record.values)
    with pytest.raises(UnknownMetricError, match=r"'val/los' was not reported by evaluator 'val'.* mean 'val/loss'\?"):
        require(["val/loss", "val/los"], record.source, record.values)
    with pytest.raises(MetricValueError, match="metric 'val/all' cannot be used in a condition: it has 3 elements"):
        require(["val/all", "val/los"], record.source, record.values, {"val/all": "it has 3 elements"})


@pytest.mark.parametrize(
    ("reason", "values", "way_out"),
    [
        ("it is of type dict, not a number", {"m/a": 0.5}, "number; read one of its parts, such as 'm/a'"),
        ("it is of type dict, not a number", {"other/a": 0.5}, "number; report one number instead"),
        ("it has 4 elements; report one number, for example its mean", {}, "report one number, for example its mean"),
    ],
)
def test_what_is_no_number_names_a_way_out(reason: str, values: dict[str, float], way_out: str) -> None:
    with pytest.raises(MetricValueError) as caught:
        require(["m"], "", values, {"m": reason})
    assert str(caught.value).endswith(way_out)
