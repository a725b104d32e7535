FROM scratch AS one
COPY --from=$X a b
COPY --from=7 a b
FROM bad::name
