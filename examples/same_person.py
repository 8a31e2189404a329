"""How likely two recordings are of one person: python examples/same_person.py ONE.wav TWO.wav"""

from __future__ import annotations

import sys

import rtvc


def main(one: str, two: str) -> None:
    print(f"{rtvc.similarity(one, two):.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
