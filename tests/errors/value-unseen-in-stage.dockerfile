ARG TAG=1
FROM scratch
LABEL tag=${TAG:?needed}
