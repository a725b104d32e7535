FROM scratch
LABEL a=${x^^}
LABEL \
  b=1 \
  c=${y
