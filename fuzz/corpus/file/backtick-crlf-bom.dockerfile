# escape=`
FROM windows
RUN dir C:\ `
  /s
ENV P=C:\a` b Q="`"x`""
COPY --chmod=6\44 a b
