# The first error is that of the pass over the whole text; the others follow in order.
FROM scratch
RUM true
COPY --foo a b
ENV a
USER
