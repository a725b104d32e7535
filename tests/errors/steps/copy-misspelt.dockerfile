FROM base
COPY app.pyy /
