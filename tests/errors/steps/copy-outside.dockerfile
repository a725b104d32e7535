FROM base
COPY ../other.py /
