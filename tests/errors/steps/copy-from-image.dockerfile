FROM scratch
COPY --from=base /bin/seq-like /
