FROM scratch AS into
COPY --from=two /a /b
EXPOSE http
FROM scratch AS one
COPY --from=two /a /b
EXPOSE http
FROM scratch AS two
COPY --from=one /a /b
COPY --from=later /a /b
FROM scratch AS later
COPY --from=later /a /b
FROM scratch AS last
COPY --from=one /a /b
COPY --from=further /a /b
FROM scratch AS further
