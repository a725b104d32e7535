FROM base
RUN echo true > /x; /x
