#! allow
#! no-cache
FROM busybox
RUN --network=host --security=insecure a
RUN --network=none b
WORKDIR /c
COPY d /d
RUN --device=vendor.com/class=x,required --device=vendor.com/other e
