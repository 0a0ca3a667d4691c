from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from trisect.stopping import Terminated, deferring, terminable


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Ctrl-C as on a terminal: a shell starts processes in the background with it ignored."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def interrupted(number: signal.Signals, times: int, done: list[int]) -> None:
    with deferring() as request:
        for time in range(times):
            signal.raise_signal(number)
            assert request.signal == number
            done.append(time)


def test_an_interrupt_is_delivered_when_the_block_ends() -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(signal.SIGINT, 1, done)
    assert done == [0] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_is_delivered_at_once() -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(signal.SIGINT, 2, done)
    assert done == [0]


def test_sigterm_goes_to_the_former_handler_afterwards() -> None:
    former, done = signal.getsignal(signal.SIGTERM), list[int]()
    with pytest.raises(Terminated), terminable():
        interrupted(signal.SIGTERM, 1, done)
    assert signal.getsignal(signal.SIGTERM) is former and done == [0]


def failing() -> None:
    with deferring():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("mine")


def test_errors_of_the_block_pass_and_handlers_come_back() -> None:
    with pytest.raises(ValueError, match="mine"):
        failing()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_leave_signals_alone() -> None:
    seen = []

    def work() -> None:
        with deferring() as request:
            seen.append((request.is_set, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.default_int_handler)]


def replaced_by_another_library() -> None:
    with deferring() as request:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        request.listen()
        signal.raise_signal(signal.SIGINT)
        assert request.is_set


def test_handlers_of_other_libraries_can_be_replaced_again() -> None:
    with pytest.raises(KeyboardInterrupt):
        replaced_by_another_library()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
