FROM busybox AS parent
CMD ["inherited"]
SHELL ["/bin/sh", "-ec"]
FROM parent
ENTRYPOINT run "$x"
HEALTHCHECK NONE
MAINTAINER "Jane" <j@example.org>
ENV old style value
RUN ["a", "b c"]
ONBUILD RUN later
FROM settled
SHELL ["/bin/zsh", "-c"]
CMD a  b
ENTRYPOINT ["e"]
WORKDIR sub
WORKDIR /a//b/
WORKDIR /
USER 0
RUN x
