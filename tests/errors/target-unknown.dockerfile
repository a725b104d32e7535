# args: --target=app
FROM scratch AS build
FROM build AS test
