FROM scratch
RUM <<EOF
make all
EOF
USER
