FROM scratch
RUN --network=hots x
RUN --network=bridge x
RUN --security=none x
RUN --mount=from=$x,target=/y z
