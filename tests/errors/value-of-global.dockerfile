ARG PORT=http


FROM scratch
ARG PORT


EXPOSE ${PORT}/udp
