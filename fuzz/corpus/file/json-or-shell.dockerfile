FROM a
RUN ["a", "b\u00e9\n"]
RUN ['a']
RUN ["a"] && b
CMD []
ENTRYPOINT ["a",]
COPY ["a b", "c"]
