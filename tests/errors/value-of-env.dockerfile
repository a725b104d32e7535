FROM scratch AS base
ENV \
  MODE=rwx \
  OTHER=1
FROM base
COPY --chmod=$MODE a $OTHER
