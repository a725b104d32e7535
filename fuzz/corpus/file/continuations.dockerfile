FROM a
RUN one \
  two \  
# a comment

    three \
\
&& four
LA\
BEL a=b \
