FROM base
RUN seq 1 20; exit 7
