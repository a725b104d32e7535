FROM base
COPY dist /dist
