FROM scratch
RUN apt-get install \
    curl
    git
    make
USER
