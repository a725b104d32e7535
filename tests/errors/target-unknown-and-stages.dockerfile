# args: --target bulid
FROM scratch AS build
COPY --from=7 a b
