"""Visit every state that moves lead to, each once, the nearest first."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from tests.processing.model.fairness import Fairness
from tests.processing.model.moves import Move, Telling, list_moves
from tests.processing.model.rows import put_back, tell_apart
from tests.processing.model.rules import BrokenRuleError, check_move, check_state
from tests.processing.model.scenes import Scene
from tests.processing.model.world import World
from tests.processing.stories import undone

ABANDONED = "all workers die, all time passes, and a healthy worker is called by the sweep"


class CounterexampleError(AssertionError):
    """A rule is broken; the message is the rule, and the shortest way there."""

    def __init__(self, rule: str, trace: list[str]) -> None:
        steps = [f"  {number}. {step}" for number, step in enumerate(trace, 1)]
        super().__init__("\n".join([f"broken: {rule}", *steps]))
        self.rule = rule
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Visited:
    """What has been looked at: all there is, since no move leads anywhere else."""

    states: int
    moves: int
    endings: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.states} states, {self.moves} moves, {self.endings} states on the way to the"
            f" end, {self.seconds:.1f} s"
        )


class Checker:
    """Looks at a scene's states, beginning with `start`."""

    def __init__(self, scene: Scene, start: World, tellings: tuple[Telling, ...]) -> None:
        self._scene = scene
        self._tellings = tellings
        self._fairness = Fairness(scene.powers)
        self._start = start
        # How each state was first reached: from which other, by which move.
        self._ways: dict[str, tuple[str, str] | None] = {}

    def visit_all(self) -> Visited:
        """Check every state that can be reached, until there is no other.

        Raises `CounterexampleError`.
        """
        begun, moves = time.perf_counter(), 0
        told = tell_apart(self._start)
        self._ways[told] = None
        waiting = deque([(told, self._start)])
        while waiting:
            told, world = waiting.popleft()
            self._check(told, world)
            for move, after in self._make_moves(told, world):
                moves += 1
                new = tell_apart(after)
                if new not in self._ways:
                    self._ways[new] = told, move.name
                    waiting.append((new, after))
        seconds = time.perf_counter() - begun
        return Visited(len(self._ways), moves, self._fairness.endings, seconds)

    def _check(self, told: str, world: World) -> None:
        try:
            check_state(world, self._scene.powers)
            self._fairness.check(world)
        except BrokenRuleError as error:
            raise CounterexampleError(str(error), [*self._read_way(told), ABANDONED]) from error

    def _make_moves(self, told: str, world: World) -> Iterator[tuple[Move, World]]:
        """Yield all moves and what each leads to, each with the rows as they were before."""
        with undone():
            put_back(world.rows)
            before = transaction.savepoint()
            for move in list_moves(world, self._scene.powers, self._tellings):
                try:
                    after = move.make(world)
                    check_move(world, move, after)
                    check_state(after, self._scene.powers)
                except Exception as error:
                    rule = str(error) if isinstance(error, BrokenRuleError) else "nothing raises"
                    raise CounterexampleError(rule, [*self._read_way(told), move.name]) from error
                yield move, after
                if move.asks_postgres:
                    transaction.savepoint_rollback(before)

    def _read_way(self, told: str) -> list[str]:
        """Return the moves by which the state was first reached."""
        moves = []
        while (way := self._ways[told]) is not None:
            told, move = way
            moves.append(move)
        return moves[::-1]
