"""Trains a model: train.py FOLDER SAMPLES DEPTH OUTPUT"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

folder, samples, depth, output = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
data = np.load(folder / f"moons-{samples}.npz")
train_x, test_x, train_y, test_y = train_test_split(data["points"], data["labels"], random_state=0)
model = RandomForestClassifier(n_estimators=50, max_depth=depth, random_state=0).fit(train_x, train_y)
accuracy = model.score(test_x, test_y)
print(f"accuracy {accuracy:.3f}")
assert accuracy > 0.9, "the model is worse than expected"
output.mkdir(parents=True)
joblib.dump(model, output / "model.joblib")
(output / "metrics.json").write_text(json.dumps({"accuracy": round(accuracy, 3), "depth": depth}))
