#! arg flavor=fancy
ARG flavor=plain
FROM busybox AS base
ENV SHARED=yes
ARG kept=arg
FROM base AS Build
RUN make
FROM busybox AS unused
RUN never
FROM base AS flavor-fancy
RUN echo $kept
FROM flavor-${flavor}
COPY --from=BUILD /out /out
COPY --from=1 /more /more
COPY --from=settled /etc/passwd /etc/
