"""Argument checks: what passes as what, and the words of every refusal."""

from __future__ import annotations

import decimal
import enum
import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from ignite_delayed._utils.checks import (
    check_choice,
    check_count,
    check_flag,
    check_name,
    check_real,
    describe,
    is_coroutine,
    refuse_type,
    refuse_value,
    suggestion,
)


class Mode(str, enum.Enum):
    MIN = "min"


class Tall:
    def __repr__(self) -> str:
        return "[[1],\n [2]]"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_pass_as_ints(value: Any) -> None:
    assert type(check_count("n", value)) is int
    assert check_count("n", value) == 3


@pytest.mark.parametrize("value", [0, -1, 3.0, 2.5, math.nan, math.inf, np.float64(3), Fraction(1, 2), 2**63, 10**30])
def test_numbers_that_do_not_count_are_of_the_wrong_value(value: Any) -> None:
    with pytest.raises(ValueError, match="n must be a whole number >= 1"):
        check_count("n", value)


@pytest.mark.parametrize("value", [True, np.bool_(True), "3", None, [3], 1j, torch.tensor(3), decimal.Decimal(3)])
def test_anything_else_does_not_count_at_all(value: Any) -> None:
    with pytest.raises(TypeError, match="n must be a whole number >= 1"):
        check_count("n", value)


def test_the_largest_count_is_of_64_bits() -> None:
    assert check_count("n", 2**63 - 1) == 2**63 - 1
    with pytest.raises(ValueError, match=r"n must be a whole number >= 1 and < 2\*\*63, got 9223372036854775808"):
        check_count("n", 2**63)


@pytest.mark.parametrize(
    "value",
    [0.5, np.float32(0.5), np.float64(0.5), Fraction(1, 2), torch.tensor(0.5), torch.tensor([0.5]), np.array(0.5)],
)
def test_real_numbers_pass_as_floats(value: Any) -> None:
    assert type(check_real("x", value)) is float
    assert check_real("x", value) == 0.5


def test_bounds() -> None:
    assert check_real("x", 0, least=0, most=1) == 0
    assert check_real("x", 1, least=0, most=1) == 1
    for value in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"x must be a finite number >= 0 and <= 1, got {value} \(float\)\."):
            check_real("x", value, least=0, most=1)
    with pytest.raises(ValueError, match=r"x must be a finite number > 0, got 0 \(int\)\. It divides\."):
        check_real("x", 0, above=0, hint="It divides.")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, np.float64("nan"), torch.tensor(math.nan)])
def test_only_finite_numbers_pass(value: Any) -> None:
    with pytest.raises(ValueError, match=r"x must be a finite number, got"):
        check_real("x", value)


@pytest.mark.parametrize(
    "value",
    [
        True,
        np.bool_(True),
        "0.5",
        None,
        1j,
        np.complex128(1j),
        [0.5],
        torch.ones(2),
        np.ones(2),
        np.array("a"),
        object(),
    ],
)
def test_anything_else_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError, match="x must be a finite number, got"):
        check_real("x", value)


# --- words -----------------------------------------------------------------------------------------------------------


def test_a_choice_is_spelled_exactly() -> None:
    assert check_choice("mode", "min", ("min", "max")) == "min"
    with pytest.raises(ValueError, match=r"mode must be 'min' or 'max', got 'Min' \(str\)\. Did you mean 'min'\?"):
        check_choice("mode", "Min", ("min", "max"))
    with pytest.raises(ValueError, match=r"one of 'a', 'b', 'c', got 'zzz' \(str\)\.$"):
        check_choice("x", "zzz", ("a", "b", "c"))
    with pytest.raises(ValueError, match=r"got 'Min' \(str\)\. Say which\.$"):
        check_choice("mode", "Min", ("min", "max"), hint="Say which.")
    with pytest.raises(TypeError, match=r"mode must be 'min' or 'max', got 3 \(int\)\."):
        check_choice("mode", 3, ("min", "max"))


def test_words_become_plain_strings() -> None:
    assert type(check_choice("mode", Mode.MIN, ("min", "max"))) is str
    assert repr(check_name("name", np.str_("loss"))) == "'loss'"


def test_a_name_is_not_empty() -> None:
    with pytest.raises(ValueError, match=r"name must be a non-empty string, got '' \(str\)\. As attached\."):
        check_name("name", "", hint="As attached.")
    with pytest.raises(TypeError, match=r"name must be a non-empty string, got b'loss' \(bytes\)\."):
        check_name("name", b"loss")


@pytest.mark.parametrize("value", [0, 1, None, "yes", np.bool_(True)])
def test_a_flag_is_true_or_false(value: Any) -> None:
    assert check_flag("cumulative", True) is True
    with pytest.raises(TypeError, match="cumulative must be True or False, got"):
        check_flag("cumulative", value)


# --- messages --------------------------------------------------------------------------------------------------------


def test_what_came_is_shown_with_its_type_and_not_at_length() -> None:
    assert describe("a") == "'a' (str)"
    assert describe(Broken()) == "<Broken without a repr> (Broken)"
    assert describe(Tall()) == "[[1], [2]] (Tall)"
    long = describe(list(range(1000)))
    assert len(long) < 140
    assert long.endswith("... (list)")


def test_refusals_say_argument_expectation_value_and_fix() -> None:
    with pytest.raises(TypeError, match=r"^x must be a number, got 'a' \(str\)\. Write 1\.$"):
        refuse_type("x", "a number", "a", "Write 1.")
    with pytest.raises(ValueError, match=r"^x must be even, got 3 \(int\)\.$"):
        refuse_value("x", "even", 3)


def test_suggestions() -> None:
    assert suggestion("acuracy", ["loss", "accuracy"]) == "Did you mean 'accuracy'?"
    assert suggestion("zzz", {"loss"}) == ""
    assert suggestion("loss", []) == ""


# --- functions -------------------------------------------------------------------------------------------------------


async def coroutine() -> None: ...


def plain() -> None: ...


class Awaited:
    async def __call__(self) -> None: ...

    async def method(self) -> None: ...


def test_coroutines_are_known() -> None:
    assert is_coroutine(coroutine)
    assert is_coroutine(functools.partial(coroutine))
    assert is_coroutine(Awaited())
    assert is_coroutine(Awaited().method)
    assert not any(is_coroutine(value) for value in (plain, len, 3, None))
