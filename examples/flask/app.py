"""A guest book that lives in memory."""

from flask import Flask, jsonify, request

app = Flask(__name__)
entries: list[str] = []


@app.get("/")
def index():
    return jsonify(entries=entries)


@app.post("/")
def sign():
    entries.append(request.get_json()["name"])
    return jsonify(entries=entries), 201
