# Nothing but the static binary: docker build -t pingscript .
FROM rust:1-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist && mkdir /work

FROM scratch
COPY --from=build /src/target/dist/pingscript /pingscript
# Where scripts of the user's own are mounted: -v "$PWD:/work".
COPY --from=build --chown=65534:65534 /work /work
USER 65534:65534
WORKDIR /work
ENTRYPOINT ["/pingscript"]
