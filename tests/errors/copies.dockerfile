FROM scratch
COPY --chmod=99 a b
COPY https://host/file /
ADD --checksum=sha256:aa a /
ADD --checksum=sha512:aa https://host/f /
VOLUME $NONE
ENV $NONE=a
