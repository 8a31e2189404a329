"""Training: ``accelerate launch train.py [--config configs/STAGE.yaml] [--key value …]``."""

import sys

from rtvc.training.command import main

if __name__ == "__main__":
    sys.exit(main())
