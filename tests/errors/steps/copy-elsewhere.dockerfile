FROM base
COPY main.py /
