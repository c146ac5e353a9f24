# syntax=docker/dockerfile:1
# One image for every process of Tauro; the command chooses (api by default, see docker-compose.yml for the worker).

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY libs libs
COPY apps apps
COPY scripts scripts
RUN npm run build

FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts

FROM node:22-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /data/artifacts /data/files /pipelines \
    && chown -R node:node /data /pipelines
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    PROMETHEUS_PORT=9090 \
    LOG_FILE=none \
    DATA_DIR=/data \
    ARTIFACTS_URL=/data/artifacts \
    DATA_ROOTS=/data/files \
    PIPELINES_PATH=/pipelines
# Relative paths of file nodes start here.
WORKDIR /data/files
USER node
VOLUME /data
EXPOSE 8000 9090
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "--enable-source-maps", "/app/dist/apps/api/src/main.js"]
