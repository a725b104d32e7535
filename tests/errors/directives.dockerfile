# escape=x
FROM scratch
RUM x
