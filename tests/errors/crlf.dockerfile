FROM scratch
ENV P=x \
    Q=y
EXPOSE $P
