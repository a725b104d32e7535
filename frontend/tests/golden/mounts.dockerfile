#! arg BUILDKIT_CACHE_MOUNT_NS=team
#! arg HTTP_PROXY=http://proxy:1
#! host db.test
#! context extra local /extra
FROM busybox AS tools
FROM busybox
ARG kind=cache
ENV where=/cache
WORKDIR /w
RUN --mount=target=ctx --mount=from=tools,source=bin/,target=/tools,rw true
RUN --mount=type=$kind,target=$where --mount=type=cache,id=named,target=c,sharing=locked,uid=5,mode=0700 true
RUN --mount=type=tmpfs,target=/t,size=4m --mount=type=bind,from=extra,target=/e true
RUN --mount=type=secret,id=tok --mount=type=secret,id=pass,env=PASS --mount=type=secret,target=/a/key,required,mode=0444 echo $PASS
RUN --mount=type=ssh --mount=type=ssh,id=other,target=/o,required git clone
