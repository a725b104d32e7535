FROM bad::name AS base
ENV PORTS=$OF_BASE
EXPOSE $OF_BASE
EXPOSE $PORTS
EXPOSE http
RUN --mount=type=bind true
FROM scratch AS good
COPY --from=7 /a /b
STOPSIGNAL SIGNOTHING
FROM base
COPY --from=good /a /b
COPY --chmod=9 /a /b
RUN --mount=type=cahe,target=/x true
EXPOSE ${OF_BASE:?is needed}
FROM good
ENV A=${B
STOPSIGNAL SIGNOTHING
