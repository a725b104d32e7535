# plain comment: no directive follows
# escape=`
# base the stage everything starts from
FROM a AS base

# gone because of the empty one below
#
# check=skip=all
RUN b
  # indented
RUN c
