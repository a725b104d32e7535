ARG TAG=1
FROM scratch
ARG IMAGE=scratch
LABEL tag=${TAG:?needed}
FROM $IMAGE
