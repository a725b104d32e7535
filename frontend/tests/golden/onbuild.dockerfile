FROM busybox AS base
ONBUILD ARG who=base
ONBUILD RUN echo $who
ONBUILD COPY --from=settled /etc/passwd /
FROM base AS child
ONBUILD LABEL child=yes
RUN own
FROM child AS grandchild
FROM triggers
COPY --from=grandchild /x /
