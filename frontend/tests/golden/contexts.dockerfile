#! context busybox image settled
#! context build layout /layout
#! context files local /files
#! context none image scratch
#! context repo git https://example.org/r.git#main
FROM busybox AS one
RUN one
FROM one AS build
RUN replaced
FROM build AS two
FROM files
COPY --from=two /x /
COPY --from=none /y /
COPY --from=repo /z /
COPY --from=files /w /
