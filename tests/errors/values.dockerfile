FROM scratch
LABEL a=b c
ENV =b
ARG =c
CMD [1]
SHELL sh -c
VOLUME [""]
HEALTHCHECK --interval=5 CMD x
HEALTHCHECK --retries=many CMD x
HEALTHCHECK RUN x
