from __future__ import annotations

import io
import logging
import sys

import pytest

from trisect.training.progress import Bar, Lines, Quiet, progress_for, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_for("flow", 10, 40, show=True) as shown:
        assert isinstance(shown, Bar)
        shown.update(40, {"loss": 0.25})
    assert "flow" in terminal.getvalue()
    assert "40/40" in terminal.getvalue()
    assert "loss 0.25" in terminal.getvalue()


def test_lines_without_a_terminal_and_nothing_when_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(progress_for("flow", 0, 40, show=True), Lines)
    assert isinstance(progress_for("flow", 0, 40, show=False), Quiet)


def test_lines_are_seen_without_a_logger_and_logged_with_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    with caplog.at_level(logging.WARNING, logger="trisect"):  # as in a script or a notebook
        say("encoding 7 observations")
        say("not this", show=False)
        Lines("flow", first=0, steps=4).update(4, {})
    assert shown.getvalue() == "encoding 7 observations\nflow: step 4 of 4, 0 s left\n" and not caplog.messages
    with caplog.at_level(logging.INFO, logger="trisect"):
        say("closed form")
    assert caplog.messages == ["closed form"] and "closed form" not in shown.getvalue()


def test_a_line_after_the_interval(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    lines = Lines("flow", first=20, steps=100)
    with caplog.at_level(logging.INFO):
        for step, clock in ((30, 105.0), (40, 110.0), (50, 115.0), (60, 120.0)):
            now[0] = clock
            lines.update(step, {"loss": 2.0})
    assert caplog.messages == [
        "flow: step 40 of 100, 30 s left; loss 2",
        "flow: step 60 of 100, 20 s left; loss 2",
    ]
