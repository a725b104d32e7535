FROM scratch
COPY --user=a b c
ADD --from=x y z
ENV --x a=b
COPY --link=maybe a b
COPY --chown a b
COPY --link --link a b
RUN --mont=type=bind x
