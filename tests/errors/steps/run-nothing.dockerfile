FROM base
RUN []
