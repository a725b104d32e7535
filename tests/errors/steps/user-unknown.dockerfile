FROM base
ENV WHO=nobodyy
USER $WHO
RUN true
