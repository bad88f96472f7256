"""Random lists of phases: what is trained at, what a preview says and what is worked out by hand are the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
import torch
from engines import evaluate, reporting, through_torch
from hypothesis import assume, given
from hypothesis import strategies as st
from ignite.engine import Events, create_supervised_trainer
from lr_runs import SCHEDULERS, per_of
from rates_by_hand import Curve, End, Look, Piece, Plan, Turn, by_hand, exact, nearest, rates_of, seen
from torch.optim.lr_scheduler import ReduceLROnPlateau
from wrapped_optimizers import OF_TORCH, WRAPPERS

from ignite_delayed import (
    After,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSqrt,
    Linear,
    LRPhases,
    Metric,
    Plateau,
    Polynomial,
    Recorder,
    Schedule,
    Sqrt,
    Step,
    preview,
    warmup,
)
from ignite_delayed.lr.phase import check_phases

# Of what is stepped per iteration, or in an epoch without an update, torch says that nothing was updated before.
pytestmark = pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")

# --- schedules, with their formulas ----------------------------------------------------------------------------------


def line(start: float, end: float) -> Callable[[int, Fraction], float]:
    return lambda step, length: start + (end - start) * step / float(length)


def falling(start: float, end: float) -> Callable[[int, Fraction], float]:
    return lambda step, length: end + (start - end) * (1 + math.cos(math.pi * step / float(length))) / 2


def begun(scale: Fraction, step: int) -> int:
    """How many periods of exactly ``scale`` steps have begun after the first, each at the step nearest to its place."""
    return max(k for k in range(int((step + 1) / scale) + 2) if nearest(k * scale) <= step)


def restart(step: int, scale: Fraction) -> float:
    scale = max(scale, Fraction(1))
    cycle = begun(scale, step)
    start, end = nearest(cycle * scale), nearest((cycle + 1) * scale)
    return (1 + math.cos(math.pi * (step - start) / (end - start))) / 2


def growing(step: int, scale: Fraction) -> float:
    scale = max(scale, Fraction(1))
    cycle = max(k for k in range(8) if nearest(scale * (2**k - 1)) <= step)
    start, end = nearest(scale * (2**cycle - 1)), nearest(scale * (2 ** (cycle + 1) - 1))
    return (1 + math.cos(math.pi * (step - start) / (end - start))) / 2 * 0.5**cycle


def ramps_again(step: int, scale: Fraction) -> float:
    scale = max(scale, Fraction(1))
    first, cycle = nearest(scale), begun(scale, step)
    start, end = nearest(cycle * scale), nearest((cycle + 1) * scale)
    return max(1 - (step - start) * first / (end - start) / first, 0.2)


def k_decay(progress: float) -> float:
    return 1 - progress**3


_lengths = st.one_of(
    st.tuples(st.just("steps"), st.integers(1, 6)),
    st.tuples(st.just("epochs"), st.sampled_from([0.3, 0.5, 1, 1.25, 2, 2.5])),
    st.tuples(st.just("fraction"), st.sampled_from([0.05, 0.1, 0.25, 0.3, 0.4])),
)
_rest = st.just(("rest", True))
Made = Callable[..., Schedule]
_SHAPES: list[tuple[Made, Callable[[int, Fraction], float], float]] = [
    (lambda **length: warmup(0.1, **length), line(0.1, 1.0), 1.0),
    (warmup, line(0.0, 1.0), 1.0),
    (lambda **length: Linear(1.0, 0.5, **length), line(1.0, 0.5), 0.5),
    (lambda **length: Cosine(0.75, 0.25, **length), falling(0.75, 0.25), 0.25),
    (Cosine, falling(1.0, 0.0), 0.0),
    (lambda **length: Cosine(**length).floor(0.3), lambda s, n: max(falling(1.0, 0.0)(s, n), 0.3), 0.3),
    (lambda **length: Polynomial(2, 0.9, 0.1, **length), lambda s, n: 0.1 + 0.8 * (1 - s / float(n)) ** 2, 0.1),
    (lambda **length: Sqrt(1.0, 0.1, **length), lambda s, n: 1 - 0.9 * math.sqrt(s / float(n)), 0.1),
    (lambda **length: Constant(0.3, **length), lambda s, n: 0.3, 0.3),
    (lambda **length: Schedule.of(k_decay, **length), lambda s, n: 1 - (s / float(n)) ** 3, 0.0),
]
_SCALED: list[tuple[Made, Callable[[int, Fraction], float]]] = [
    (lambda **scale: Exponential(0.5, **scale), lambda s, n: math.exp(math.log(0.5) * s / float(n))),
    (lambda **scale: Exponential(0.5, **scale).floor(0.2), lambda s, n: max(0.5 ** (s / float(n)), 0.2)),
    (lambda **scale: Step(0.5, repeat=True, **scale), lambda s, n: 0.5 ** begun(n, s)),
    (CosineRestarts, restart),
    (lambda **scale: CosineRestarts(growth=2, decay=0.5, **scale), growing),
    (InverseSqrt, lambda s, n: 1 / math.sqrt(1 + s / float(n))),
    (lambda **scale: Linear(**scale).repeat().floor(0.2), ramps_again),
]


@st.composite
def ending_pieces(draw: st.DrawFn, rest: bool) -> Piece:
    made, factor, last = draw(st.sampled_from(_SHAPES))
    length = draw(_lengths | _rest if rest else _lengths)
    return Piece(made(**dict([length])), factor, length, last)


@st.composite
def endless_pieces(draw: st.DrawFn) -> Piece:
    if draw(st.integers(0, 3)) == 0:
        return Piece(Constant(0.5), lambda step, scale: 0.5, None, None)
    made, factor = draw(st.sampled_from(_SCALED))
    scale = draw(_lengths)
    return Piece(made(**dict([scale])), factor, scale, None)


@st.composite
def composed_pieces(draw: st.DrawFn) -> Piece:
    """A joint in the middle, or the same again, of whole steps."""
    warm, long = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    first, then = warmup(0.1, steps=warm), Cosine(steps=long)

    def joined(step: int, _: Fraction) -> float:
        if step < warm:
            return line(0.1, 1.0)(step, Fraction(warm))
        return falling(1.0, 0.0)(step, Fraction(long)) if step < long else 0.0

    if draw(st.booleans()):
        return Piece(first.then(then, underway=True), joined, ("steps", max(warm, long)), 0.0)
    times = draw(st.integers(1, 3))

    def again(step: int, _: Fraction) -> float:
        at = step % (warm + long)
        return line(0.1, 1.0)(at, Fraction(warm)) if at < warm else falling(1.0, 0.0)(at - warm, Fraction(long))

    return Piece(first.then(then).repeat(times), again, ("steps", times * (warm + long)), 0.0)


@st.composite
def curves(draw: st.DrawFn, endless: bool, rest: bool) -> Curve:
    pieces = draw(st.lists(ending_pieces(rest=False) | composed_pieces(), max_size=2))
    last = st.one_of(
        ending_pieces(rest=rest),
        ending_pieces(rest=rest),
        *([endless_pieces()] * 2 if endless else [composed_pieces()]),
    )
    return Curve((*pieces, draw(last)))


# --- conditions, judged again ----------------------------------------------------------------------------------------


def stalled(patience: int) -> Callable[[Sequence[Look]], bool]:
    def judge(looks: Sequence[Look]) -> bool:
        best, bad = math.inf, 0
        for value in seen(looks):
            best, bad = (value, 0) if value < best else (best, bad + 1)
            if bad >= patience:
                return True
        return False

    return judge


def low_twice(looks: Sequence[Look], bound: float) -> bool:
    return any(a < bound and b < bound for a, b in zip(seen(looks), seen(looks)[1:], strict=False))


_counts = st.integers(0, 3)
_bounds = st.sampled_from([0.2, 0.5, 0.8])
_ends: st.SearchStrategy[End] = st.one_of(
    _counts.map(lambda n: End(After(epochs=n), lambda looks: looks[-1].epoch > n, True)),
    st.integers(0, 9).map(lambda n: End(After(iterations=n), lambda looks: looks[-1].iteration > n, True)),
    _counts.map(lambda n: End(After(evaluations=n), lambda looks: looks[-1].evaluations > n, True)),
    st.sampled_from([0.1, 0.3, 0.6]).map(
        lambda f: End(After(fraction=f), lambda looks: looks[-1].iteration > exact(f) * looks[-1].planned, True)
    ),
    _bounds.map(lambda bound: End(Metric("loss") < bound, lambda looks: seen(looks)[-1] < bound, False)),
    st.integers(1, 3).map(lambda n: End(Plateau("loss", mode="min", patience=n), stalled(n), False)),
    _bounds.map(
        lambda bound: End(
            (Metric("loss") < bound).sustained(evaluations=2), lambda looks: low_twice(looks, bound), False
        )
    ),
    st.builds(
        lambda n, bound: End(
            After(epochs=n) & (Metric("loss") < bound),
            lambda looks: looks[-1].epoch > n and seen(looks)[-1] < bound,
            False,
        ),
        _counts,
        _bounds,
    ),
    st.builds(
        lambda a, b: End(
            After(iterations=a) | After(evaluations=b),
            lambda looks: looks[-1].iteration > a or looks[-1].evaluations > b,
            True,
        ),
        st.integers(2, 9),
        _counts,
    ),
)

# --- phases and runs -------------------------------------------------------------------------------------------------


def _plateau(patience: int) -> Callable[[Any], Any]:
    return lambda optimizer: ReduceLROnPlateau(optimizer, patience=patience, factor=0.5, cooldown=1)


@st.composite
def turns(draw: st.DrawFn, last: bool, torch_too: bool) -> Turn:
    end = draw(st.none() | _ends) if last else draw(_ends)
    kind = draw(st.sampled_from(["pause", *["schedule"] * 4, *(["plateau", "torch", "torch"] if torch_too else [])]))
    if kind == "pause":
        return Turn(None, None, draw(_ends) if end is None else end)
    if kind == "plateau":
        return Turn(_plateau(draw(st.integers(0, 2))), "evaluation", end, monitored=True)
    if kind == "torch":
        name = draw(st.sampled_from(sorted(SCHEDULERS.keys() - {"ReduceLROnPlateau"})))
        return Turn(SCHEDULERS[name], draw(st.sampled_from([*per_of(name), "update"])), end)
    by_itself = not last and draw(st.booleans())
    curve = draw(curves(endless=not by_itself, rest=not by_itself))
    per, least = draw(st.sampled_from(["iteration", "epoch", "update"])), draw(st.sampled_from([0.0, 0.0, 0.01, 0.06]))
    return Turn(curve, per, None if by_itself else end, least=least)


@st.composite
def lists_of_turns(draw: st.DrawFn, torch_too: bool = True) -> list[Turn]:
    count = draw(st.integers(1, 4))
    found = [draw(turns(last=index == count - 1, torch_too=torch_too)) for index in range(count)]
    try:
        check_phases([turn.made for turn in found])
    except ValueError as error:
        assume("the sum of the phases' fractions" not in str(error))
        raise
    return found


plans = st.builds(Plan, st.integers(2, 8), st.integers(1, 5), st.integers(1, 3))


class Kind(NamedTuple):
    """An optimizer: its class, its options, and what may wrap it."""

    optimizer: Any
    options: dict[str, Any]
    parameters: Sequence[str]


KINDS = {
    "SGD": Kind(torch.optim.SGD, {"momentum": 0.8, "weight_decay": 0.01}, ("lr", "momentum", "weight_decay")),
    "Adam": Kind(torch.optim.Adam, {"betas": (0.8, 0.99)}, ("lr", "beta1")),
    "AdamW": Kind(torch.optim.AdamW, {"betas": (0.8, 0.99), "weight_decay": 0.02}, ("lr", "beta1", "weight_decay")),
}


#: Those that keep the groups that they have found, so that what they wrap is loaded before.
KEEP_GROUPS = (OF_TORCH["Lookahead"], OF_TORCH["twice"])


class Groups(NamedTuple):
    """The base rates of the groups, and the scale of those that have one."""

    rates: tuple[float, ...]
    scales: tuple[float | None, ...]


groups = st.integers(1, 3).flatmap(
    lambda count: st.builds(
        Groups,
        st.tuples(*[st.sampled_from([0.1, 0.05, 0.02])] * count),
        st.tuples(*[st.sampled_from([None, None, 0.5])] * count),
    )
)


class Model(torch.nn.Module):
    """A sum of as many weights as there are groups."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.weights = torch.nn.ParameterList([torch.full((1,), 0.5 + number) for number in range(count)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * sum(self.weights)


def optimizer_of(model: Model, kind: Kind, chosen: Groups) -> Any:
    listed: list[dict[str, Any]] = []
    for weight, rate, scale in zip(model.weights, *chosen, strict=True):
        listed.append({"params": [weight], "lr": rate} | ({} if scale is None else {"lr_scale": scale}))
    return kind.optimizer(listed, lr=0.1, **kind.options)


def loss_at(iteration: int, seed: int) -> float:
    noise = math.modf(math.sin(seed + 12.9898 * iteration) * 43758.5453)[0]
    return 1 / (1 + iteration / 4) + 0.4 * noise


BATCH = torch.tensor([0.2]), torch.tensor([0.1])


class Case(NamedTuple):
    """A run with phases."""

    turns: list[Turn]
    plan: Plan
    kind: Kind
    groups: Groups
    wrap: Callable[[Any], Any] | None
    parameter: str
    seed: int
    every: int | None

    @property
    def options(self) -> dict[str, Any]:
        told = {"gradient_accumulation_steps": self.plan.accumulation}
        return {"parameter": self.parameter} | (told if any(turn.per == "update" for turn in self.turns) else {})

    @property
    def phases(self) -> list[Any]:
        return [turn.made for turn in self.turns]


@st.composite
def cases(draw: st.DrawFn, mid_epoch: bool = False) -> Case:
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    parameter = draw(st.sampled_from(["lr", "lr", *kind.parameters]))
    found = draw(lists_of_turns(torch_too=parameter == "lr"))
    with_torch = any(not (turn.what is None or turn.curve) for turn in found)
    wrappers = OF_TORCH if with_torch else WRAPPERS
    name = draw(st.none() | st.sampled_from(sorted(wrappers)))
    plan = draw(plans)
    every = draw(st.integers(1, 4)) if mid_epoch else None
    wrap = None if name is None else wrappers[name]
    return Case(found, plan, kind, draw(groups), wrap, parameter, draw(st.integers(0, 1000)), every)


class Live:
    """A real training, with everything attached; its states are kept after the iterations of ``cuts``."""

    def __init__(self, case: Case, state: Any = None, cuts: Collection[int] = (), early: bool = False) -> None:
        self.case = case
        self.used: list[list[float]] = []
        self.model = Model(len(case.groups.rates))
        self.inner = optimizer_of(self.model, case.kind, case.groups)
        if state is not None and early:
            self.inner.load_state_dict(state["optimizer"])
        self.optimizer = self.inner if case.wrap is None else case.wrap(self.inner)
        self.trainer = create_supervised_trainer(
            self.model, self.optimizer, self._loss, gradient_accumulation_steps=case.plan.accumulation
        )
        self.evaluator = reporting(self.trainer, loss=lambda trainer: loss_at(trainer.state.iteration, case.seed))
        self.recorder = Recorder(self.trainer, self.evaluator)
        self.phases = LRPhases(self.recorder, self.optimizer, case.phases, **case.options)
        at = Events.EPOCH_COMPLETED if case.every is None else Events.ITERATION_COMPLETED(every=case.every)
        evaluate(self.trainer, self.evaluator, at)
        self.saved: dict[int, Any] = {}
        for cut in cuts:
            within = cut % case.plan.length  # at the end of an epoch, what belongs to it comes before
            event = (
                Events.ITERATION_COMPLETED(once=cut) if within else Events.EPOCH_COMPLETED(once=cut // case.plan.length)
            )
            self.trainer.add_event_handler(event, self._save)
        if state is not None:
            self.model.load_state_dict(state["model"])
            if not early:
                self.inner.load_state_dict(state["optimizer"])
            self.trainer.load_state_dict(state["trainer"])
            self.recorder.load_state_dict(state["recorder"])

    def _loss(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.used.append(rates_of(self.optimizer, self.case.parameter))
        return torch.nn.functional.mse_loss(prediction, target)

    def _save(self) -> None:
        objects = {
            "model": self.model,
            "optimizer": self.inner,
            "trainer": self.trainer,
            "recorder": self.recorder,
        }
        state = {name: one.state_dict() for name, one in objects.items()}
        self.saved[self.trainer.state.iteration] = through_torch(state)

    def run(self) -> None:
        plan = self.case.plan
        data = [BATCH] * plan.length
        if self.trainer.state.iteration:
            self.trainer.run(data)
        else:
            self.trainer.run(data, max_epochs=plan.epochs)

    @property
    def changes(self) -> list[tuple[int, int]]:
        return [(change.phase, change.iteration) for change in self.phases.switches]

    @property
    def weights(self) -> list[float]:
        return [weight.item() for weight in self.model.weights]


class Simulated:
    """The same by hand: torch's optimizer, unwrapped, in a plain loop."""

    def __init__(self, case: Case) -> None:
        plan, model = case.plan, Model(len(case.groups.rates))
        optimizer = optimizer_of(model, case.kind, case.groups)

        def train(iteration: int) -> None:
            x, y = BATCH
            if (iteration - 1) % plan.accumulation == 0:
                optimizer.zero_grad()
            (torch.nn.functional.mse_loss(model(x), y) / plan.accumulation).backward()  # type: ignore[no-untyped-call]
            if iteration % plan.accumulation == 0:
                optimizer.step()

        self.used, self.changes = by_hand(
            case.turns,
            plan,
            optimizer,
            train,
            loss=lambda iteration: loss_at(iteration, case.seed),
            every=case.every,
            parameter=case.parameter,
        )
        self.weights = [weight.item() for weight in model.weights]


def same(found: Any, expected: Any) -> None:
    """Equal, but for the last places of formulas that were written otherwise."""
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-12
    )


@given(case=cases())
def test_live_and_preview_and_what_is_worked_out_by_hand_are_the_same_for_every_batch(case: Case) -> None:
    simulated, live, plan = Simulated(case), Live(case), case.plan
    losses = [loss_at(epoch * plan.length, case.seed) for epoch in range(1, plan.epochs + 1)]
    previewed = preview(
        case.phases,
        optimizer=live.optimizer,
        epochs=plan.epochs,
        iterations_per_epoch=plan.length,
        metrics={"loss": losses},
        **case.options,
    )
    live.run()
    count = len(case.groups.rates)
    same(live.used, simulated.used)
    assert live.changes == simulated.changes
    assert previewed.rates.tolist() == [used[:count] for used in live.used]
    assert previewed.switches == live.phases.switches
    torch.testing.assert_close(live.weights, simulated.weights, rtol=1e-4, atol=1e-6)


@given(case=cases(mid_epoch=True), cut=st.integers(0, 1000), early=st.booleans())
def test_also_with_evaluations_in_mid_epoch_and_resumed_from_anywhere(case: Case, cut: int, early: bool) -> None:
    cut = 1 + cut % (case.plan.epochs * case.plan.length - 1)
    early = early or case.wrap in KEEP_GROUPS
    simulated, live = Simulated(case), Live(case, cuts=[cut])
    live.run()
    same(live.used, simulated.used)
    assert live.changes == simulated.changes
    if early:
        # One that was loaded with rates of 0, before anything could know their bases, is refused.
        assume(any(group["lr"] for group in live.saved[cut]["optimizer"]["param_groups"]))
    _resumes(live, cut, early)


def _resumes(live: Live, cut: int, early: bool = False) -> None:
    """Resumed after iteration ``cut`` it goes on as it went; the optimizer is loaded ``early``, before attaching."""
    plan = live.case.plan
    resumed = Live(live.case, live.saved[cut], early=early)
    resumed.run()
    assert resumed.used == live.used[cut:]
    assert resumed.phases.switches == live.phases.switches
    if cut % plan.accumulation == 0:  # else the gradients so far are lost
        assert resumed.weights == live.weights


def _plain(piece: tuple[Made, Callable[[int, Fraction], float], float], **length: float) -> Piece:
    made, factor, last = piece
    [unit] = length.items()
    return Piece(made(**length), factor, unit, last)


_rising, _cosine, _square = _SHAPES[0], _SHAPES[3], _SHAPES[6]
_stalls = End(Plateau("loss", mode="min", patience=1), stalled(1), False)
LISTS: dict[str, list[Turn]] = {
    "warm-up, cosine until the loss stalls, plateau": [
        Turn(Curve((_plain(_rising, fraction=0.1),)), "iteration", None),
        Turn(Curve((_plain(_cosine, rest=True),)), "iteration", _stalls),
        Turn(_plateau(0), "evaluation", None, monitored=True),
    ],
    "epochs, a pause, then updates": [
        Turn(Curve((_plain(_rising, epochs=1.25), _plain(_square, fraction=0.3))), "epoch", None),
        Turn(None, None, End(After(iterations=2), lambda looks: looks[-1].iteration > 2, True)),
        Turn(Curve((_plain(_cosine, rest=True),)), "update", None),
    ],
    "one cycle of torch's, whose momentum is given back": [
        Turn(SCHEDULERS["OneCycleLR"], "iteration", End(After(epochs=2), lambda looks: looks[-1].epoch > 2, True)),
        Turn(Curve((_plain(_square, rest=True),)), "iteration", None),
    ],
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("wrapper", [None, "writes through"])
def test_resumed_at_every_cut_it_is_the_uncut_run(name: str, wrapper: str | None) -> None:
    plan = Plan(epochs=5, length=4, accumulation=2)
    wrap = None if wrapper is None else WRAPPERS[wrapper]
    case = Case(LISTS[name], plan, KINDS["SGD"], Groups((0.1, 0.02), (None, 0.5)), wrap, "lr", 3, None)
    cuts = range(1, plan.epochs * plan.length)
    simulated, live = Simulated(case), Live(case, cuts=cuts)
    live.run()
    same(live.used, simulated.used)
    assert live.changes == simulated.changes
    assert live.changes  # else nothing is tried
    for cut in cuts:
        _resumes(live, cut)
