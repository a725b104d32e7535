RUN a
RUN b
FROM scratch
