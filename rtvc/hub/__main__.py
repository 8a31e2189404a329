"""`python -m rtvc.hub FOLDER` writes the card of a model to its folder, README.md."""

import sys

from .card import write_card

write_card(sys.argv[1])
