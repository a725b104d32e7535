FROM busybox
COPY --link a /a
COPY --link --chmod=600 b /b
ADD --link c.tar /c/
FROM scratch
COPY --link --from=0 /a .
