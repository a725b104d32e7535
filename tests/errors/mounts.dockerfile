FROM scratch
RUN --mount=type=bnd,target=/x a
RUN --mount=type=volume,target=/x a
RUN --mount=type=cache,traget=/x a
RUN --mount=type=cache,target=/x,sharing=all a
RUN --mount=type=tmpfs,target=/x,size=big a
RUN --mount=type=cache,target=/x,mode=rwx a
RUN --mount=type=cache,target a
RUN --mount=type=bind a
RUN --mount=type=secret,required=true a
RUN --mount=type=ssh,source=x a
