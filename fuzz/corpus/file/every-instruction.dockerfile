# syntax=docker/dockerfile:1
# check=skip=StageNameCasing

ARG VERSION=3.20
FROM --platform=$BUILDPLATFORM alpine:${VERSION} AS Base

# description of the stage's label
LABEL org.example.title="A title" org.example.rev=$REV
LABEL legacy some text with  blanks
MAINTAINER Jane Doe <jane@example.org>
ENV PATH="/opt/bin:$PATH" EMPTY= QUOTED='$not'
ENV OLD the rest of the line
ARG REV TARGETARCH name="a b"
WORKDIR /work space
USER app:staff
EXPOSE 80 443/tcp 5000-5010/udp
VOLUME /data /logs
VOLUME ["/a b"]
STOPSIGNAL SIGQUIT
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
HEALTHCHECK --interval=30s --retries=3 CMD curl -f http://localhost/ || exit 1
ADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 https://example.org/x /x
COPY --from=base --chown=app:staff --chmod=0644 --link --exclude=*.md a b /dest/
RUN --mount=type=cache,target=/var/cache --network=none make
ONBUILD COPY . /src
ENTRYPOINT ["tini", "--"]
CMD serve --port 80
