FROM base
RUN echo one >&2; \
  make all
