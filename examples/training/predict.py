"""Predicts the class of a point: predict.py X Y"""

import sys

import joblib

model = joblib.load("/model/model.joblib")
print(model.predict([[float(sys.argv[1]), float(sys.argv[2])]])[0])
