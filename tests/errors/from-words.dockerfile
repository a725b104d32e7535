FROM scratch build
RUN a
FROM scratch AS 1st
