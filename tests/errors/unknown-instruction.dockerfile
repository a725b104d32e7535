FROM scratch
RUM make
COPPY a b
entrypont x
