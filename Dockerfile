# credsetup for a server that has only Docker; how to use it: docs/docker.md
FROM node:24-slim AS build
WORKDIR /src
COPY . .
RUN npm ci && npm pack --pack-destination /packed

FROM node:24-slim
COPY --from=build /packed /packed
# No browser and no keychain is in a container, so what talks to them is left out.
RUN npm install --global --omit=optional --ignore-scripts /packed/*.tgz \
  && rm -rf /packed /root/.npm \
  && install -d -o node -g node -m 0700 /data
ENV CREDSETUP_CONTAINER=1 \
  CREDSETUP_HOME=/data \
  CREDSETUP_STORE=file
USER node
VOLUME /data
WORKDIR /home/node
ENTRYPOINT ["credsetup"]
