# syntax=docker/dockerfile:1
# One image for the three services and for Dapr's placement service. The container of a service runs it beside its own
# sidecar, started by `dapr run`.

# `docker compose build` takes these versions from .env.
ARG NODE_IMAGE
ARG DAPR_CLI_VERSION
ARG DAPR_RUNTIME_VERSION

FROM daprio/daprd:${DAPR_RUNTIME_VERSION} AS daprd
FROM daprio/placement:${DAPR_RUNTIME_VERSION} AS placement

# The release archive of the CLI, verified with its published checksum.
FROM ${NODE_IMAGE} AS dapr-cli
ARG DAPR_CLI_VERSION
ARG TARGETARCH
WORKDIR /download
ADD https://github.com/dapr/cli/releases/download/v${DAPR_CLI_VERSION}/dapr_linux_${TARGETARCH}.tar.gz dapr.tar.gz
ADD https://github.com/dapr/cli/releases/download/v${DAPR_CLI_VERSION}/dapr_linux_${TARGETARCH}.tar.gz.sha256 dapr.tar.gz.sha256
RUN echo "$(cut -d ' ' -f 1 dapr.tar.gz.sha256)  dapr.tar.gz" | sha256sum --check --strict - \
 && tar -xzf dapr.tar.gz dapr

# The files from Dapr: /dapr and /daprd. A named build context `dapr` replaces this stage.
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

# The packages that the services need to run. Only local/ and the tests need the others.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM ${NODE_IMAGE}
# The image needs no package manager: nothing is installed or built from here on.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
WORKDIR /app
# `dapr run` looks for daprd in .dapr/bin below this folder.
ENV DAPR_RUNTIME_PATH=/opt NODE_ENV=production
COPY --from=dapr /dapr /usr/local/bin/dapr
COPY --from=dapr /daprd /opt/daprd
# Dapr's own image of placement contains this one file. A health check needs a program that can connect to it.
COPY --from=placement --chmod=755 /placement /opt/placement
COPY --chmod=755 container/daprd.sh /opt/.dapr/bin/daprd
COPY --from=packages /app/node_modules node_modules
COPY components components
COPY container/entrypoint.sh container/
COPY --from=build /app/dist dist
LABEL org.opencontainers.image.title="dapr-microservice-sample" \
      org.opencontainers.image.description="One event, two reactions: a Dapr pub/sub sample in TypeScript"
# The commit of the image, if the build passes it. These labels change with every commit, so they come last.
ARG REVISION VERSION
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER node
ENTRYPOINT ["/app/container/entrypoint.sh"]
