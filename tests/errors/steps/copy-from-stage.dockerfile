FROM base AS build
RUN echo > /out.bin

FROM base
COPY --from=build /ot.bin /
