# syntax=docker/dockerfile:1
# One image for the three services. Each container runs one of them beside its own sidecar, started by `dapr run`.

# Built by `docker compose build`, which takes the versions from .env.
ARG NODE_IMAGE
ARG DAPR_CLI_VERSION
ARG DAPR_RUNTIME_VERSION

FROM daprio/daprd:${DAPR_RUNTIME_VERSION} AS daprd

# The CLI's release archive, checked against the checksum that is published with it.
FROM ${NODE_IMAGE} AS dapr-cli
ARG DAPR_CLI_VERSION
ARG TARGETARCH
WORKDIR /download
ADD https://github.com/dapr/cli/releases/download/v${DAPR_CLI_VERSION}/dapr_linux_${TARGETARCH}.tar.gz dapr.tar.gz
ADD https://github.com/dapr/cli/releases/download/v${DAPR_CLI_VERSION}/dapr_linux_${TARGETARCH}.tar.gz.sha256 dapr.tar.gz.sha256
RUN echo "$(cut -d ' ' -f 1 dapr.tar.gz.sha256)  dapr.tar.gz" | sha256sum --check --strict - \
 && tar -xzf dapr.tar.gz dapr

# Everything that comes from Dapr: the files /dapr and /daprd. A named build context called `dapr` takes its place.
FROM scratch AS dapr
COPY --from=dapr-cli --chmod=755 /download/dapr /dapr
COPY --from=daprd --chmod=755 /daprd /daprd

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
# .dockerignore says which files these are.
COPY . .
RUN npm run build && find dist \( -name .tsbuildinfo -o -name "*.d.ts" \) -delete

# What the services need to run: no compiler, no tests, and nothing of local/, whose packages are the optional ones.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM ${NODE_IMAGE}
# Nothing is installed or built from here on, and whoever gets in finds no package manager either.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
WORKDIR /app
# `dapr run` looks for daprd below this folder.
ENV DAPR_RUNTIME_PATH=/opt NODE_ENV=production
COPY --from=dapr /dapr /usr/local/bin/dapr
COPY --from=dapr /daprd /opt/daprd
# At a stop, deliveries that wait for their next attempt are finished first. `dapr run` has no flag for that.
COPY --chmod=755 <<'EOF' /opt/.dapr/bin/daprd
#!/bin/sh
exec /opt/daprd --dapr-graceful-shutdown-seconds 30 "$@"
EOF
COPY --from=packages /app/node_modules node_modules
COPY components components
COPY container/entrypoint.sh container/
COPY --from=build /app/dist dist
LABEL org.opencontainers.image.title="dapr-microservice-sample" \
      org.opencontainers.image.description="One event, two reactions: a Dapr pub/sub sample in TypeScript"
# Which commit this is, where the build says so; last, because they change with every commit.
ARG REVISION VERSION
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER node
ENTRYPOINT ["/app/container/entrypoint.sh"]
