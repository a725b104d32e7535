FROM base
ARG WHO=3000000000
COPY --chown=$WHO app.py /
