"""Temperatures, converted."""

from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/fahrenheit/{celsius}")
def fahrenheit(celsius: float) -> dict[str, float]:
    if celsius < -273.15:
        raise HTTPException(400, "colder than absolute zero")
    return {"fahrenheit": celsius * 9 / 5 + 32}
