FROM scratch
RUN <<EOF
make
 EOF
USER
