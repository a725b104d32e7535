#! target Meta
FROM scratch AS meta
LABEL a=1
FROM busybox
RUN exit 1
