"""Prepares the data, unless an earlier build has: prepare.py FOLDER SAMPLES"""

import sys
from pathlib import Path

import numpy as np

folder, samples = Path(sys.argv[1]), int(sys.argv[2])
file = folder / f"moons-{samples}.npz"
if file.exists():
    print(f"{file} exists already")
else:
    from sklearn.datasets import make_moons

    points, labels = make_moons(samples, noise=0.2, random_state=0)
    partial = file.with_suffix(".part.npz")
    np.savez(partial, points=points, labels=labels)
    partial.rename(file)
    print(f"prepared {file}")
