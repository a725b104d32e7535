# args: --target=biuld
FROM scratch AS build
