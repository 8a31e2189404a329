"""Every rule of spoken English does what its examples say, and is the one that does it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtvc import spoken
from rtvc.characters import plain
from rtvc.phonemes import normalize
from rtvc.sentences import split_sentences

EXAMPLES = [(index, example) for index, rule in enumerate(spoken.RULES) for example in rule.examples]


def fired(written: str) -> set[int]:
    """The rules that change a text on its way through all of them."""
    rules = set()
    for piece in split_sentences(written):
        words = plain(piece)
        for index, (pattern, replacement, _) in enumerate(spoken.RULES):
            before, words = words, pattern.sub(replacement, words)
            if words != before:
                rules.add(index)
    return rules


ENGLISH = "abcdeimnoprstvwxyzABCFIJLMNSTVWX0123456789    ....,,!?'\"-–—…()[]/:;$£€%&@#+=°*^~<>|_×µπ"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=ENGLISH, max_size=60))
@example("AA.a")  # a dot between a capital and a small letter
def test_rules_that_are_passed_over_have_nothing_to_do(written):
    """They are where what triggers them is absent."""
    words = plain(written)
    for pattern, replacement, _ in spoken.RULES:
        words = pattern.sub(replacement, words)
    assert spoken.write_out(plain(written)) == spoken.tidy(words)


@pytest.mark.parametrize("index", range(len(spoken.RULES)))
def test_every_rule_has_an_example(index):
    assert spoken.RULES[index].examples, spoken.RULES[index].pattern.pattern


@pytest.mark.parametrize(("index", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_a_rule_fires_on_its_examples(index, example):
    written, arrow, words = example.rpartition(" → ")
    assert arrow
    assert " ".join(normalize(piece) for piece in split_sentences(written)) == words
    assert index in fired(written), f"shadowed by another rule: {spoken.RULES[index].pattern.pattern}"
