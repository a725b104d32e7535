#! platform linux/amd64
#! platform linux/arm/v6
FROM --platform=linux/amd64 busybox AS build
ARG TARGETPLATFORM TARGETVARIANT
RUN make
FROM busybox
COPY --from=build /out /
