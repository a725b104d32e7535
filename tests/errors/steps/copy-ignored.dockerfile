FROM base
COPY secret.txt /
