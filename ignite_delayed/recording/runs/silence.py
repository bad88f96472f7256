"""What a finished run should not keep to itself: that nothing was recorded, and what was waited for in vain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..._utils.text import logger_of
from ..attachment import LiveCondition
from ..sources.source import Source

__all__ = ["break_silence"]

logger = logger_of("Recorder")


_BY_HAND = "This recorder has no evaluator: call recorder.record({...}) in a handler of the trainer."
_EVALUATE = (
    "No evaluation finished inside of trainer.run(): let the evaluator run in a handler of the trainer, as in "
    "trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(loader))."
)


def break_silence(sources: Mapping[str, Source], lives: Iterable[LiveCondition]) -> None:
    """Say, as a run is completed, that nothing was recorded, or of whom it opened nothing.

    A condition that was never known is likely a mistake, and a warning; one that was never true is told at level INFO.
    """
    shown = [live for live in lives if not live.internal]
    if all(source.last_iteration < 0 for source in sources.values()):
        waited_for = [live for live in shown if live.condition.clock_units is None]
        if waited_for or any(source.engine is not None for source in sources.values()):
            by_hand = all(source.by_hand for source in sources.values())
            vain = "".join(f"; {live.name!r} waits for {live.condition!r}" for live in waited_for)
            logger.warning("nothing was recorded in this run%s. %s", vain, _BY_HAND if by_hand else _EVALUATE)
            return
    for live in shown:
        _say_of(live)


def _say_of(live: LiveCondition) -> None:
    condition, state = live.awaited(live.state)
    if live.opened_at is not None or not live.verdicts or True in live.verdicts:
        return
    if live.verdicts == {None}:
        logger.warning(
            "%s: %r was not known at any record of this run: %s", live.name, condition, condition.missing(state)
        )
    else:
        logger.info("%s: %r never held in this run: %s", live.name, condition, condition.missing(state))
