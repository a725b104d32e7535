FROM scratch
ARG PORT=${NO:?needed}
EXPOSE $PORT
FROM scratch
STOPSIGNAL x
