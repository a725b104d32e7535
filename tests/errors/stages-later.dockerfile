FROM scratch AS one
COPY --from=two /a /b
RUN --mount=from=two,target=/x a
FROM one AS two
