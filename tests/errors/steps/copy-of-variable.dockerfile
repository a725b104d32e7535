FROM base
ARG NAME=ap
COPY ${NAME}.py /
