FROM base
RUN ["/etc/passwd"]
