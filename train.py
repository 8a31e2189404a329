"""Training: ``python train.py --config configs/STAGE.yaml [--key value …]`` (or ``accelerate launch train.py …``)."""

from rtvc.training.stages import main

if __name__ == "__main__":
    main()
