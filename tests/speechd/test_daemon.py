"""The real Speech Dispatcher with our module: what a screen reader asks for happens."""

from __future__ import annotations


def test_it_speaks(client, daemon):
    print(client.ask("LIST OUTPUT_MODULES"))
    print(client.ask("LIST SYNTHESIS_VOICES"))
    client.say("Hello there. How are you?")
    client.until("END")
    print(client.events)
    print(daemon[1].stat().st_size)
    raise AssertionError
