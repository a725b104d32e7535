FROM busybox
ARG version=1
ENV DIR=/app NAME="the app"
WORKDIR $DIR
COPY . .
COPY --chown=1:2 --chmod=640 a.txt b-$version.txt /etc/
RUN make install
USER 1000
EXPOSE 80 443/tcp
VOLUME /data
LABEL name=$NAME
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s CMD curl localhost
ENTRYPOINT ["/app/run"]
CMD ["--verbose"]
