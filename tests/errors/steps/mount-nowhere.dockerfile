FROM base
RUN --mount=type=bind,source=nothing,target=/x true
