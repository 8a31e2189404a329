"""`pytest --skips FILE`: a test that is skipped for a reason which the file does not list fails the run."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser):
    text = "fail where a test is skipped for a reason that no line of this file begins with"
    parser.addoption("--skips", type=Path, metavar="FILE", help=text)


def pytest_configure(config):
    if file := config.getoption("--skips"):
        listed = [line.split("|")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
        config.pluginmanager.register(NoSilentSkips([one for one in listed if one and one[0] != "#"]))


class NoSilentSkips:
    """Fails a run in which a test was skipped for a reason that is not among ``allowed`` beginnings."""

    def __init__(self, allowed: list[str]):
        self.allowed, self.unlisted = tuple(allowed), []

    def pytest_runtest_logreport(self, report):
        self.note(report)

    def pytest_collectreport(self, report):
        self.note(report)

    def note(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if not reason.startswith(self.allowed):
                self.unlisted.append(f"{report.nodeid}: {reason}")

    def pytest_sessionfinish(self, session):
        if self.unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.unlisted:
            terminalreporter.section("skipped, and not in the list of what may be")
            for line in self.unlisted:
                terminalreporter.line(line)
