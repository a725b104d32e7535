FROM --platform=$TARGETSTAGE scratch
FROM scratch
STOPSIGNAL $PATH
