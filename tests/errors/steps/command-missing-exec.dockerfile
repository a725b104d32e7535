FROM base
RUN ["make", "all"]
